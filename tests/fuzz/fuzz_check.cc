// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// The same without libFuzzer, for every compiler: performs a corpus and then
// pseudo-random scripts. A corpus is a file of inputs, one a line, in hex.

#include <algorithm>
#include <array>
#include <fstream>
#include <iostream>
#include <random>
#include <string>

#include "absl/strings/escaping.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "tests/fuzz/targets.h"
#include "tests/support/command_line.h"

namespace percpud::fuzz {
namespace {

constexpr int kShrinkTries = 5000;

struct Flags {
  std::string target;
  std::string corpus;
  std::uint64_t scripts = 0;
  std::uint64_t operations = 0;
  std::uint64_t seed = 1;
  int seconds = 0;
};

// A script that has its own taste in operations, so that some fill up and some
// stay empty.
Script RandomScript(const Target& target, std::mt19937_64& random) {
  Script script;
  for (std::size_t i = 0; i < target.setup_size; ++i) {
    script.setup.push_back(static_cast<std::uint16_t>(random()));
  }
  const std::array<std::uint64_t, 3> favourites{0, random() % 2, random() % target.kinds.size()};
  const std::uint64_t taste = random() % 100;
  script.ops.resize(random() % (std::uint64_t{16} << (random() % 9)));
  for (Op& op : script.ops) {
    const std::uint64_t draw = random();
    const bool is_favourite = draw % 100 < taste;
    op.kind = static_cast<std::uint32_t>(is_favourite ? favourites[(draw >> 8) % favourites.size()]
                                                      : (draw >> 8) % target.kinds.size());
    op.a = static_cast<std::uint16_t>(draw >> 16);
    op.b = static_cast<std::uint8_t>(draw >> 32);
    op.c = static_cast<std::uint8_t>(draw >> 40);
  }
  return script;
}

// Performs scripts and counts.
class Session {
 public:
  explicit Session(const Target& target) : target_(target) {}

  // False, with everything printed, if the script fails.
  bool Perform(const Script& script) {
    ++scripts_;
    const auto performed = target_.run(script);
    if (performed.ok()) {
      operations_ += *performed;
      return true;
    }
    std::cerr << performed.status() << '\n'
              << PrintAsTest(target_, Shrink(target_, script, kShrinkTries));
    return false;
  }
  [[nodiscard]] std::uint64_t scripts() const { return scripts_; }
  [[nodiscard]] std::uint64_t operations() const { return operations_; }

 private:
  const Target& target_;
  std::uint64_t scripts_ = 0;
  std::uint64_t operations_ = 0;
};

bool PerformCorpus(const Target& target, const std::string& path, Session& session) {
  std::ifstream file(path);
  if (!file) {
    std::cerr << "cannot open " << path << '\n';
    return false;
  }
  for (std::string line; std::getline(file, line);) {
    if (line.empty() || line[0] == '#') continue;
    const std::string bytes = absl::HexStringToBytes(line);
    const auto* const data = reinterpret_cast<const std::uint8_t*>(bytes.data());
    if (!session.Perform(Decode(target, {data, bytes.size()}))) return false;
  }
  return true;
}

int Run(const Flags& flags) {
  const std::array<const Target*, 7> targets{
      &area_map::kTarget, &buddy::kTarget,   &allocator::kTarget, &lease_map::kTarget,
      &lane::kTarget,     &gateway::kTarget, &exposition::kTarget};
  const auto* const found = std::find_if(targets.begin(), targets.end(), [&](const Target* target) {
    return flags.target == target->name;
  });
  if (found == targets.end()) {
    std::cerr << "no such target: " << flags.target << '\n';
    return 2;
  }
  const Target& target = **found;
  Session session(target);
  if (!flags.corpus.empty() && !PerformCorpus(target, flags.corpus, session)) return 1;
  const std::uint64_t from_corpus = session.scripts();
  std::mt19937_64 random(flags.seed);
  const absl::Time start = absl::Now();
  const absl::Time end = start + absl::Seconds(flags.seconds);
  while (session.scripts() - from_corpus < flags.scripts ||
         session.operations() < flags.operations || (flags.seconds > 0 && absl::Now() < end)) {
    if (!session.Perform(RandomScript(target, random))) return 1;
  }
  std::cout << target.name << ": " << session.scripts() << " scripts, " << from_corpus
            << " of them from the corpus, " << session.operations() << " operations in "
            << absl::Now() - start << '\n';
  // A corpus that is not there would check nothing.
  return session.operations() > 0 ? 0 : 1;
}

int Main(int argc, char** argv) {
  Flags flags;
  const auto app = testing::MakeApp("Performs op scripts against a naive model");
  app->add_option("target", flags.target, "area_map, buddy, allocator, lease_map, lane or gateway")
      ->required();
  app->add_option("--corpus", flags.corpus, "Inputs in hex, one a line");
  app->add_option("--scripts", flags.scripts, "So many random scripts");
  app->add_option("--operations", flags.operations, "At least so many operations in all");
  app->add_option("--seconds", flags.seconds, "At least so long");
  app->add_option("--seed", flags.seed);
  if (const auto ended = testing::Parse(*app, argc, argv)) return *ended;
  return Run(flags);
}

}  // namespace
}  // namespace percpud::fuzz

int main(int argc, char** argv) {
  return percpud::testing::RunProgram(percpud::fuzz::Main, argc, argv);
}

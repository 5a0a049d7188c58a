// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// How long others wait for the allocator's index lock while it is kept busy.
//
// One thread asks whether a certain area is live, which takes the lock and next to
// nothing else. Meanwhile another one works: not at all, in large batches, or
// looking at everything.

#include <CLI/CLI.hpp>
#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "server/percpu/allocator/allocator.h"
#include "server/percpu/introspect/inspector.h"
#include "tests/bench/allocator/lock_probe.h"
#include "tests/support/allocator_rig.h"
#include "tests/support/command_line.h"
#include "tests/support/fake_page_source.h"

namespace percpud::bench {
namespace {

constexpr Bytes kArena{std::uint64_t{1} << 30};
constexpr std::size_t kBatch = 4096;
constexpr std::size_t kLive = 200'000;

struct Flags {
  double seconds = 2;
  bool smoke = false;
  std::string output = "table";
};

absl::StatusOr<std::vector<LockWaits>> Measure(const Flags& flags) {
  testing::NullPageSource pages(kArena);
  Allocator::Options options;
  options.zero = false;
  auto made = testing::MakeAllocator({.cpus = 4, .arena_size = kArena}, pages, options);
  if (!made.ok()) return made.status();
  Allocator& allocator = **made;
  std::vector<AreaSpec> specs(kBatch, AreaSpec{.size = Bytes(24)});
  std::vector<PercpuPtr> pointers(kBatch);
  PercpuPtr probed;
  for (std::size_t live = 0; live < kLive; live += kBatch) {
    absl::Status status = allocator.AllocBatch(specs, {}, pointers);
    if (!status.ok()) return status;
    probed = pointers[0];
  }
  const auto batches = [&] {
    if (!allocator.AllocBatch(specs, {}, pointers).ok()) std::abort();
    if (!allocator.FreeBatch(pointers).ok()) std::abort();
  };
  const auto looks = [&] {
    static_cast<void>(Inspector(allocator).GetStats());
    for (const ChunkSnapshot& chunk : Inspector(allocator).GetChunks(Index::kFirstId, 64)) {
      static_cast<void>(Inspector(allocator).GetAreaMap(chunk.id));
    }
  };
  const auto ask = [&] {
    if (!allocator.CheckArea(probed).ok()) std::abort();
  };
  const absl::Duration duration = absl::Seconds(flags.seconds);
  std::vector<LockWaits> results;
  results.push_back(ProbeLock("nothing", ask, {}, duration));
  results.push_back(ProbeLock("Alloc and Free of 4096", ask, batches, duration));
  results.push_back(ProbeLock("stats, chunks, area maps", ask, looks, duration));
  return results;
}

int Main(int argc, char** argv) {
  Flags flags;
  const auto app = testing::MakeApp("Measures waits for the allocator's index lock");
  app->add_option("--seconds", flags.seconds, "Of each row")->check(CLI::Range(0.001, 60.0));
  app->add_flag("--smoke", flags.smoke, "That it works, not how fast");
  app->add_option("-o,--output", flags.output)->check(CLI::IsMember({"table", "json"}));
  if (const auto ended = testing::Parse(*app, argc, argv)) return *ended;
  if (flags.smoke) flags.seconds = 0.01;
  const absl::StatusOr<std::vector<LockWaits>> results = Measure(flags);
  if (!results.ok()) {
    std::cerr << "bench_index_lock: " << results.status().ToString() << '\n';
    return 1;
  }
  if (flags.output == "json") {
    std::cout << ToJson(*results).dump(2) << '\n';
  } else {
    PrintTable(*results);
  }
  return 0;
}

}  // namespace
}  // namespace percpud::bench

int main(int argc, char** argv) {
  return percpud::testing::RunProgram(percpud::bench::Main, argc, argv);
}

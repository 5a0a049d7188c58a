// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// Whether an allocator with thousands of chunks is as fast as one with ten: the
// same churn in arenas that are full of 64 KiB units, for 2 and 256 CPUs. No
// memory is touched, so that what shows is the search and its tables; beside it
// malloc with as many areas, whose caches miss as well, and how long a look at
// everything takes.

#include <CLI/CLI.hpp>
#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/str_format.h"
#include "server/percpu/introspect/inspector.h"
#include "tests/bench/allocator/churn.h"
#include "tests/bench/report/comparison.h"
#include "tests/support/allocator_rig.h"
#include "tests/support/command_line.h"
#include "tests/support/fake_page_source.h"

namespace percpud::bench {
namespace {

constexpr Bytes kUnit{64 << 10};

struct Flags {
  std::uint64_t operations = 400'000;
  int rounds = 5;
  std::vector<std::uint64_t> chunks{10, 100, 1000, 4000, 10000};
  bool smoke = false;
  std::string output = "table";
};

struct Result {
  std::uint32_t cpus = 0;
  std::uint64_t chunks = 0;
  std::uint64_t areas = 0;
  double ns_per_op = 0;
  double malloc_ns_per_op = 0;
  double stats_us = 0;
  double chunk_us = 0;
};

class Arena {
 public:
  Arena(std::uint32_t cpus, std::uint64_t chunks)
      : pages_(kUnit * cpus * (chunks * 5 / 4 + 8)), random_(chunks) {
    Allocator::Options options;
    options.zero = false;
    auto made =
        testing::MakeAllocator({.cpus = cpus, .arena_size = pages_.size()}, pages_, options);
    if (!made.ok()) std::abort();
    allocator_ = *std::move(made);
    while (Inspector(*allocator_).GetStats().nr_chunks < chunks) areas_.push_back(Alloc());
  }

  double Churn(std::uint64_t operations) {
    return ChurnAreas(
        areas_, random_, operations, [this] { return Alloc(); },
        [this](PercpuPtr area) {
          if (!allocator_->Free(area).ok()) std::abort();
        });
  }
  [[nodiscard]] Result Look() const {
    const double start = Nanoseconds(CLOCK_THREAD_CPUTIME_ID);
    const Stats stats = Inspector(*allocator_).GetStats();
    const double between = Nanoseconds(CLOCK_THREAD_CPUTIME_ID);
    const auto chunks = Inspector(*allocator_).GetChunks(Index::kFirstId, SIZE_MAX).size();
    const double end = Nanoseconds(CLOCK_THREAD_CPUTIME_ID);
    return {.chunks = stats.nr_chunks,
            .areas = stats.nr_cur_alloc,
            .stats_us = (between - start) / 1000,
            .chunk_us = (end - between) / 1000 / static_cast<double>(chunks)};
  }

 private:
  PercpuPtr Alloc() {
    const auto area = allocator_->Alloc({.size = SizeFrom(random_)});
    if (!area.ok()) std::abort();
    return *area;
  }

  testing::NullPageSource pages_;
  std::mt19937_64 random_;
  std::unique_ptr<Allocator> allocator_;
  std::vector<PercpuPtr> areas_;
};

Result Measure(std::uint32_t cpus, std::uint64_t chunks, const Flags& flags) {
  Arena arena(cpus, chunks);
  Result result = arena.Look();
  Malloc peer(result.areas);
  std::vector<double> ours;
  std::vector<double> theirs;
  for (int round = 0; round < flags.rounds; ++round) {
    ours.push_back(arena.Churn(flags.operations));
    theirs.push_back(peer.Churn(flags.operations));
  }
  result.cpus = cpus;
  result.ns_per_op = Median(ours);
  result.malloc_ns_per_op = Median(theirs);
  return result;
}

void Print(const std::vector<Result>& results, const std::string& output) {
  if (output == "json") {
    nlohmann::ordered_json json = nlohmann::ordered_json::array();
    for (const Result& each : results) {
      json.push_back({{"cpus", each.cpus},
                      {"chunks", each.chunks},
                      {"areas", each.areas},
                      {"ns_per_op", each.ns_per_op},
                      {"malloc_ns_per_op", each.malloc_ns_per_op},
                      {"stats_us", each.stats_us},
                      {"chunk_us", each.chunk_us}});
    }
    std::cout << json.dump(2) << '\n';
    return;
  }
  std::cout << "CPUs | chunks |    areas | ns per op | to the first |   malloc | to the first | "
               "stats us | chunk us\n";
  for (const Result& each : results) {
    std::cout << absl::StreamFormat(
        "%4d | %6d | %8d | %9.1f | %11.2fx | %8.1f | %11.2fx | %8.2f | %8.2f\n", each.cpus,
        each.chunks, each.areas, each.ns_per_op, each.ns_per_op / results.front().ns_per_op,
        each.malloc_ns_per_op, each.malloc_ns_per_op / results.front().malloc_ns_per_op,
        each.stats_us, each.chunk_us);
  }
}

int Main(int argc, char** argv) {
  Flags flags;
  const auto app = testing::MakeApp("Measures whether the number of chunks and of CPUs matters");
  app->add_option("--operations", flags.operations, "Of each round")->check(CLI::PositiveNumber);
  app->add_option("--rounds", flags.rounds, "The median of which counts")
      ->check(CLI::Range(1, 1000));
  app->add_option("--chunks", flags.chunks)->delimiter(',');
  app->add_flag("--smoke", flags.smoke, "That it works, not how fast");
  app->add_option("-o,--output", flags.output)->check(CLI::IsMember({"table", "json"}));
  if (const auto ended = testing::Parse(*app, argc, argv)) return *ended;
  if (flags.smoke) {
    flags.operations = 1000;
    flags.rounds = 1;
    flags.chunks = {3, 10};
  }
  std::vector<Result> results;
  for (const std::uint32_t cpus : {2U, 256U}) {
    for (const std::uint64_t chunks : flags.chunks) {
      results.push_back(Measure(cpus, chunks, flags));
    }
  }
  Print(results, flags.output);
  return 0;
}

}  // namespace
}  // namespace percpud::bench

int main(int argc, char** argv) {
  return percpud::testing::RunProgram(percpud::bench::Main, argc, argv);
}

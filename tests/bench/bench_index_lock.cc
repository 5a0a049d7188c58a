// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// How long others wait for the allocator's index lock while it is kept busy.
//
// One thread asks every 50 us whether a certain area is live, which takes the lock
// and next to nothing else, and notes how long each answer took, from when it was
// due. Meanwhile another one works: not at all, in large batches, or looking at
// everything.

#include <time.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <atomic>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <functional>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "server/percpu/allocator.h"
#include "tests/support/allocator_rig.h"
#include "tests/support/fake_page_source.h"

namespace percpud::bench {
namespace {

constexpr Bytes kArena{std::uint64_t{1} << 30};
constexpr std::int64_t kInterval = 50'000;
constexpr std::size_t kBatch = 4096;
constexpr std::size_t kLive = 200'000;

struct Flags {
  double seconds = 2;
  bool smoke = false;
  std::string output = "table";
};

struct Result {
  std::string work;
  // Of an answer, in microseconds.
  double p50 = 0;
  double p99 = 0;
  double p999 = 0;
  double most = 0;
  // Of the work, one call.
  double work_us = 0;
};

std::int64_t Now() {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return std::int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

Result Probe(const Allocator& allocator, PercpuPtr area, std::string name,
             const std::function<void()>& work, absl::Duration duration) {
  std::atomic<bool> stop = false;
  std::uint64_t calls = 0;
  std::thread worker;
  const std::int64_t start = Now();
  if (work) {
    worker = std::thread([&] {
      while (!stop) {
        work();
        ++calls;
      }
    });
  }
  std::vector<std::int64_t> waits;
  const std::int64_t end = start + absl::ToInt64Nanoseconds(duration);
  for (std::int64_t due = start; due < end; due = std::max(due + kInterval, Now())) {
    while (Now() < due) {
    }
    if (!allocator.CheckArea(area).ok()) std::abort();
    waits.push_back(Now() - due);
  }
  stop = true;
  if (worker.joinable()) worker.join();
  const double elapsed = static_cast<double>(Now() - start);
  std::sort(waits.begin(), waits.end());
  const auto at = [&](double share) {
    const auto rank = static_cast<std::size_t>(share * static_cast<double>(waits.size() - 1));
    return static_cast<double>(waits[rank]) / 1000;
  };
  return {.work = std::move(name),
          .p50 = at(0.5),
          .p99 = at(0.99),
          .p999 = at(0.999),
          .most = at(1),
          .work_us = calls == 0 ? 0 : elapsed / 1000 / static_cast<double>(calls)};
}

absl::StatusOr<std::vector<Result>> Measure(const Flags& flags) {
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
    static_cast<void>(allocator.GetStats());
    for (const ChunkSnapshot& chunk : allocator.GetChunks(Index::kFirstId, 64)) {
      static_cast<void>(allocator.GetAreaMap(chunk.id));
    }
  };
  const absl::Duration duration = absl::Seconds(flags.seconds);
  std::vector<Result> results;
  results.push_back(Probe(allocator, probed, "nothing", {}, duration));
  results.push_back(Probe(allocator, probed, "Alloc and Free of 4096", batches, duration));
  results.push_back(Probe(allocator, probed, "stats, chunks, area maps", looks, duration));
  return results;
}

int Main(int argc, char** argv) {
  Flags flags;
  CLI::App app{"Measures waits for the allocator's index lock"};
  app.add_option("--seconds", flags.seconds, "Of each row")->check(CLI::Range(0.001, 60.0));
  app.add_flag("--smoke", flags.smoke, "That it works, not how fast");
  app.add_option("-o,--output", flags.output)->check(CLI::IsMember({"table", "json"}));
  CLI11_PARSE(app, argc, argv);
  if (flags.smoke) flags.seconds = 0.01;
  const absl::StatusOr<std::vector<Result>> results = Measure(flags);
  if (!results.ok()) {
    std::cerr << "bench_index_lock: " << results.status().ToString() << '\n';
    return 1;
  }
  if (flags.output == "json") {
    nlohmann::ordered_json json = nlohmann::ordered_json::array();
    for (const Result& each : *results) {
      json.push_back({{"work", each.work},
                      {"p50_us", each.p50},
                      {"p99_us", each.p99},
                      {"p999_us", each.p999},
                      {"most_us", each.most},
                      {"work_us", each.work_us}});
    }
    std::cout << json.dump(2) << '\n';
    return 0;
  }
  std::cout << "work meanwhile           | of one call us | an answer us: p50 |     p99 |   p99.9 "
               "|     most\n";
  for (const Result& each : *results) {
    std::cout << absl::StreamFormat("%-24s | %14.0f | %17.2f | %7.2f | %7.2f | %8.1f\n", each.work,
                                    each.work_us, each.p50, each.p99, each.p999, each.most);
  }
  return 0;
}

}  // namespace
}  // namespace percpud::bench

// The flag parser's exceptions end here; nothing else throws.
int main(int argc, char** argv) try {
  return percpud::bench::Main(argc, argv);
} catch (const std::exception& error) {
  std::fputs(error.what(), stderr);
  return EXIT_FAILURE;
}

// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// What a comparison of traces has measured, before it is made a report.

#ifndef PERCPUD_TESTS_BENCH_TRACE_TRACE_RESULTS_H_
#define PERCPUD_TESTS_BENCH_TRACE_TRACE_RESULTS_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "tests/bench/trace/trace_replay.h"

namespace percpud::bench {

struct Config {
  std::uint32_t cpus;
  std::uint64_t unit_size;
};
inline constexpr std::array<Config, 5> kConfigs{
    {{2, 64 << 10}, {16, 64 << 10}, {64, 64 << 10}, {256, 64 << 10}, {16, 1 << 20}}};
// How many configurations, from the first, are replayed with zeroing too.
inline constexpr std::size_t kZeroedConfigs = 4;

using Samples = std::vector<double>;

// ns per operation, of each round.
struct PassSamples {
  Samples all;
  // The balancer's part of that: in the daemon another thread's.
  Samples balancer;
  // Besides, the system's.
  Samples backing;
  // The same as `all`, for the passes after the first by the same allocator.
  Samples warm;
};

// Adds one allocator's passes: the first of them, and those after it.
inline void AddPasses(const std::vector<Timing>& passes, PassSamples& samples) {
  const Timing& first = passes.front();
  samples.all.push_back(first.ns_per_op);
  samples.balancer.push_back(first.balancer_ns_per_op);
  samples.backing.push_back(first.backing_ns_per_op);
  for (std::size_t i = 1; i < passes.size(); ++i) samples.warm.push_back(passes[i].ns_per_op);
}

struct PeerSamples {
  Samples cold;
  Samples warm;
  // Wall and processor time of one thread, alone and beside another.
  std::array<Samples, 4> threads;
};

struct Results {
  std::string kind;
  std::size_t operations = 0;
  std::array<PassSamples, kConfigs.size()> metadata;
  // Empty if nothing was zeroed.
  std::array<PassSamples, kZeroedConfigs> zeroed;
  // memset alone, in the same rounds.
  std::array<Samples, kZeroedConfigs> clearing;
  std::map<std::uint64_t, Fullness> fullness_by_unit_size;
  std::map<std::string, PeerSamples> peers;
  std::array<Samples, 4> threads;
};

}  // namespace percpud::bench

#endif  // PERCPUD_TESTS_BENCH_TRACE_TRACE_RESULTS_H_

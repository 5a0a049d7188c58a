// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// The traces of tests/traces/gen.py through the allocator, beside the malloc
// libraries in the same run and the kernel's published figures.

#ifndef PERCPUD_TESTS_BENCH_TRACE_TRACE_COMPARE_H_
#define PERCPUD_TESTS_BENCH_TRACE_TRACE_COMPARE_H_

#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "tests/bench/trace/trace_replay.h"

namespace percpud::bench {

// Passes after the first, ours as well as the peers'.
inline constexpr int kWarmPasses = 3;

struct CompareOptions {
  // The table sets cpus and unit_size, whatever they are here.
  ReplayOptions replay;
  // How many rounds the medians are over; in each, we and the peers take turns.
  int rounds = 5;
  std::uint32_t seed = 1;
  // Two short traces, a small table: that it works, not how fast.
  bool smoke = false;
  // On standard output, the table or JSON.
  bool json = false;
  // The JSON goes here as well, if not empty.
  std::string json_file;
};

// Prints the comparison. Errors: gen.py or a measuring process failed, or the
// allocator refused an operation.
absl::Status CompareTraces(const CompareOptions& options);

// What a measuring process does: malloc and free of a trace's first `operations`
// and, if `second` is not empty, of two traces in two threads. Prints JSON: null
// if the library `peer` is not there.
absl::Status MeasureMalloc(const std::string& peer, const std::string& trace,
                           const std::string& second, std::size_t operations);

}  // namespace percpud::bench

#endif  // PERCPUD_TESTS_BENCH_TRACE_TRACE_COMPARE_H_

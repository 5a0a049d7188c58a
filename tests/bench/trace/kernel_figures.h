// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// What Linux 6.1's percpu allocator with its km backend makes of the traces of
// tests/traces/gen.py. Measured on another machine, in user space: seed 1, unit
// 64 KiB, 4 KiB static, one thread, no locks, -O2, processor time, medians, give
// or take 15 %. So are malloc's figures here; what carries over from machine to
// machine is the ratio to jemalloc, not the nanoseconds.

#ifndef PERCPUD_TESTS_BENCH_TRACE_KERNEL_FIGURES_H_
#define PERCPUD_TESTS_BENCH_TRACE_KERNEL_FIGURES_H_

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "absl/strings/string_view.h"

namespace percpud::bench {

struct KernelFigures {
  absl::string_view trace;
  // ns per operation at kKernelCpus.
  std::array<double, 4> metadata;
  std::array<double, 4> zeroed;
  double mean_utilisation;
  int chunks_peak;
  int chunks_created;
  // The kernel's (metadata) and jemalloc's ns per operation in one quiet run, 16 CPUs.
  double beside_jemalloc;
  double jemalloc;
};

inline constexpr std::array<std::uint32_t, 4> kKernelCpus{2, 16, 64, 256};
inline constexpr std::uint64_t kKernelUnitSize = 64 << 10;
inline constexpr std::array<KernelFigures, 5> kKernelFigures{
    {{"counters", {144, 175, 171, 158}, {182, 299, 647, 2015}, .832, 25, 25, 128, 9},
     {"mixed", {191, 210, 235, 253}, {353, 2484, 10602, 44395}, .722, 56, 356, 200, 19.5},
     {"churn", {164, 175, 155, 168}, {216, 326, 729, 2908}, .824, 31, 32, 138, 10.5},
     {"frag", {86, 79, 89, 98}, {110, 157, 443, 2887}, .842, 81, 81, 57, 7},
     {"cgroup", {93, 87, 103, 134}, {125, 228, 830, 3791}, .711, 70, 70, 69, 11}}};

// nullptr if nobody measured that trace.
inline const KernelFigures* KernelOn(absl::string_view trace) {
  const auto* const found =
      std::find_if(kKernelFigures.begin(), kKernelFigures.end(),
                   [trace](const KernelFigures& row) { return row.trace == trace; });
  return found == kKernelFigures.end() ? nullptr : found;
}

inline std::optional<double> KernelNs(absl::string_view trace, std::uint32_t cpus,
                                      std::uint64_t unit_size, bool zeroed) {
  const KernelFigures* const row = KernelOn(trace);
  const auto* const at = std::find(kKernelCpus.begin(), kKernelCpus.end(), cpus);
  if (row == nullptr || at == kKernelCpus.end() || unit_size != kKernelUnitSize) {
    return std::nullopt;
  }
  const auto index = static_cast<std::size_t>(at - kKernelCpus.begin());
  return zeroed ? row->zeroed[index] : row->metadata[index];
}

}  // namespace percpud::bench

#endif  // PERCPUD_TESTS_BENCH_TRACE_KERNEL_FIGURES_H_

// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/session/access/call_stats.h"

#include <time.h>

#include <algorithm>

namespace percpud {
namespace {

constexpr std::int64_t kSecondNs = 1'000'000'000;
constexpr auto kRelaxed = std::memory_order_relaxed;

}  // namespace

std::int64_t CallStats::Timer::NowNs() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return std::int64_t{now.tv_sec} * kSecondNs + now.tv_nsec;
}

void CallStats::Count(Rpc rpc, absl::StatusCode code, const Timer& timer) {
  const std::int64_t took = timer.elapsed_ns();
  Counters& counters = methods_[static_cast<std::size_t>(rpc)];
  const auto bound = std::lower_bound(kBoundsNs.begin(), kBoundsNs.end(), took);
  const auto number = static_cast<std::size_t>(code);
  counters.calls[std::min(number, kCodes - 1)].fetch_add(1, kRelaxed);
  counters.latency[static_cast<std::size_t>(bound - kBoundsNs.begin())].fetch_add(1, kRelaxed);
  counters.total_ns.fetch_add(took, kRelaxed);
}

std::vector<CallStats::Method> CallStats::List() const {
  std::vector<Method> out;
  for (std::size_t i = 0; i < methods_.size(); ++i) {
    const Counters& counters = methods_[i];
    Method method{.rpc = static_cast<Rpc>(i), .total = {}};
    std::uint64_t calls = 0;
    for (std::size_t code = 0; code < kCodes; ++code) {
      method.calls[code] = counters.calls[code].load(kRelaxed);
      calls += method.calls[code];
    }
    if (calls == 0) continue;
    for (std::size_t bound = 0; bound < method.latency.size(); ++bound) {
      method.latency[bound] = counters.latency[bound].load(kRelaxed);
    }
    method.total = absl::Nanoseconds(counters.total_ns.load(kRelaxed));
    out.push_back(method);
  }
  return out;
}

}  // namespace percpud

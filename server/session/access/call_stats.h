// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_SERVER_SESSION_ACCESS_CALL_STATS_H_
#define PERCPUD_SERVER_SESSION_ACCESS_CALL_STATS_H_

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "server/session/access/policy.h"

namespace percpud {

// What was asked since the daemon started: calls by method and status, and for how long
// they were served, whichever way they came. Thread safe: plain counters, of which one call
// changes three.
class CallStats {
 public:
  // A call took at most as long as a bound, and longer than the one before it.
  static constexpr std::array<std::int64_t, 14> kBoundsNs = {
      2'000,     5'000,     10'000,     25'000,      50'000,      100'000,       250'000,
      1'000'000, 5'000'000, 25'000'000, 100'000'000, 500'000'000, 2'500'000'000, 10'000'000'000};
  // Codes of google.rpc.Code.
  static constexpr std::size_t kCodes = 17;

  // The time of one call; begins where it is made.
  class Timer {
   public:
    Timer() : begin_ns_(NowNs()) {}
    [[nodiscard]] std::int64_t elapsed_ns() const { return NowNs() - begin_ns_; }

   private:
    static std::int64_t NowNs();
    std::int64_t begin_ns_;
  };

  CallStats() = default;
  CallStats(const CallStats&) = delete;
  CallStats& operator=(const CallStats&) = delete;

  // A call has ended.
  void Count(Rpc rpc, absl::StatusCode code, const Timer& timer);

  struct Method {
    Rpc rpc{};
    std::array<std::uint64_t, kCodes> calls{};
    // One more than bounds: what took longer than all.
    std::array<std::uint64_t, kBoundsNs.size() + 1> latency{};
    absl::Duration total;
  };
  // Methods that were called.
  [[nodiscard]] std::vector<Method> List() const;

 private:
  struct Counters {
    std::array<std::atomic<std::uint64_t>, kCodes> calls{};
    std::array<std::atomic<std::uint64_t>, kBoundsNs.size() + 1> latency{};
    std::atomic<std::int64_t> total_ns = 0;
  };

  std::array<Counters, kRpcs> methods_;
};

}  // namespace percpud

#endif  // PERCPUD_SERVER_SESSION_ACCESS_CALL_STATS_H_

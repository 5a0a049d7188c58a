// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_CLIENT_SDK_PERCPU_INTERNAL_DEADLINE_H_
#define PERCPUD_CLIENT_SDK_PERCPU_INTERNAL_DEADLINE_H_

#include <algorithm>
#include <chrono>

#include "absl/time/time.h"

namespace percpu {

// A moment until which something is waited for. It is kept on the monotonic clock, so
// that steps of the wall clock neither shorten nor lengthen the wait. A plain value.
class Deadline {
 public:
  using Clock = std::chrono::steady_clock;

  static Deadline Never() { return Deadline(Clock::time_point::max()); }
  // A wait of more than a hundred years never ends. One that is not positive has ended.
  static Deadline After(absl::Duration wait) {
    if (wait > kLongest) return Never();
    return Deadline(Clock::now() + absl::ToChronoNanoseconds(std::max(wait, absl::ZeroDuration())));
  }

  // Returns the time that is left: zero once the deadline has passed.
  [[nodiscard]] absl::Duration left() const {
    if (is_never()) return absl::InfiniteDuration();
    return std::max(absl::FromChrono(at_ - Clock::now()), absl::ZeroDuration());
  }
  [[nodiscard]] bool has_passed() const { return at_ <= Clock::now(); }
  [[nodiscard]] bool is_never() const { return at_ == Clock::time_point::max(); }
  [[nodiscard]] Clock::time_point at() const { return at_; }
  friend bool operator<(Deadline a, Deadline b) { return a.at_ < b.at_; }

 private:
  static constexpr absl::Duration kLongest = absl::Hours(24 * 36'525);

  explicit Deadline(Clock::time_point at) : at_(at) {}

  Clock::time_point at_;
};

}  // namespace percpu

#endif  // PERCPUD_CLIENT_SDK_PERCPU_INTERNAL_DEADLINE_H_

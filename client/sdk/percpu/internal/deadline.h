// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_CLIENT_SDK_PERCPU_INTERNAL_DEADLINE_H_
#define PERCPUD_CLIENT_SDK_PERCPU_INTERNAL_DEADLINE_H_

#include <time.h>

#include <algorithm>

#include "absl/time/clock.h"
#include "absl/time/time.h"

namespace percpu {

// A moment until which something is waited for. Steps of the wall clock neither
// shorten nor lengthen the wait. A plain value.
class Deadline {
 public:
  static Deadline Never() { return Deadline(absl::InfiniteDuration()); }
  static Deadline After(absl::Duration wait) { return Deadline(Monotonic() + wait); }
  // The same moment as `time` on the wall clock as it stands now.
  static Deadline At(absl::Time time) { return After(time - absl::Now()); }

  // Zero once it has passed.
  [[nodiscard]] absl::Duration left() const {
    return std::max(at_ - Monotonic(), absl::ZeroDuration());
  }
  [[nodiscard]] bool has_passed() const { return left() == absl::ZeroDuration(); }
  friend bool operator<(Deadline a, Deadline b) { return a.at_ < b.at_; }

 private:
  explicit Deadline(absl::Duration at) : at_(at) {}
  static absl::Duration Monotonic() {
    timespec now{};
    clock_gettime(CLOCK_MONOTONIC, &now);
    return absl::DurationFromTimespec(now);
  }

  // Since the clock began.
  absl::Duration at_;
};

}  // namespace percpu

#endif  // PERCPUD_CLIENT_SDK_PERCPU_INTERNAL_DEADLINE_H_

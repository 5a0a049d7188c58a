// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// Elapsed time. It is told in absl::Time, and counted from when the host booted: such a
// time says how long ago something was, and not at what hour. It never steps when
// somebody sets the hour, and it goes on while the host is suspended. absl::Now() is
// for display.

#ifndef PERCPUD_SERVER_BASE_CLOCK_H_
#define PERCPUD_SERVER_BASE_CLOCK_H_

#include "absl/time/time.h"

namespace percpud {

// Time as an argument: whatever ages something takes one of these. Thread safe.
class Clock {
 public:
  virtual ~Clock() = default;
  // Since the host booted, on an axis of its own.
  [[nodiscard]] virtual absl::Time Now() const = 0;
};

// The same without an object, for waits and for threads that look after themselves.
absl::Time NowSinceBoot();

class SystemClock final : public Clock {
 public:
  [[nodiscard]] absl::Time Now() const override { return NowSinceBoot(); }
};

// The hour at which `time` of this clock was, as the hour is set just now: for display.
absl::Time ToHour(const Clock& clock, absl::Time time);

}  // namespace percpud

#endif  // PERCPUD_SERVER_BASE_CLOCK_H_

// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// Elapsed time. absl::Now() tells the hour, for display only: it steps when somebody
// sets the clock.

#ifndef PERCPUD_SERVER_BASE_CLOCK_H_
#define PERCPUD_SERVER_BASE_CLOCK_H_

#include <compare>

#include "absl/time/time.h"

namespace percpud {

// A point in time, counted from when the host booted. It never steps, and it goes on
// while the host is suspended. A type of its own, so that it is not taken for an hour of
// the calendar, which is an absl::Time.
class BootTime {
 public:
  // The moment of the boot.
  constexpr BootTime() = default;
  constexpr explicit BootTime(absl::Duration since_boot) : since_boot_(since_boot) {}
  // Earlier, and later, than every other.
  static constexpr BootTime InfinitePast() { return BootTime(-absl::InfiniteDuration()); }
  static constexpr BootTime InfiniteFuture() { return BootTime(absl::InfiniteDuration()); }

  [[nodiscard]] constexpr absl::Duration since_boot() const { return since_boot_; }

  BootTime& operator+=(absl::Duration by) {
    since_boot_ += by;
    return *this;
  }
  friend BootTime operator+(BootTime time, absl::Duration by) { return time += by; }
  friend BootTime operator-(BootTime time, absl::Duration by) { return time += -by; }
  friend absl::Duration operator-(BootTime a, BootTime b) { return a.since_boot_ - b.since_boot_; }

  friend constexpr bool operator==(BootTime, BootTime) = default;
  friend constexpr std::strong_ordering operator<=>(BootTime a, BootTime b) {
    if (a.since_boot_ == b.since_boot_) return std::strong_ordering::equal;
    return a.since_boot_ < b.since_boot_ ? std::strong_ordering::less
                                         : std::strong_ordering::greater;
  }

 private:
  absl::Duration since_boot_;
};

// Tells the time. Whatever ages something takes one of these. Thread safe.
class Clock {
 public:
  virtual ~Clock() = default;
  [[nodiscard]] virtual BootTime Now() const = 0;
};

// The same without an object, for waits and for threads that look after themselves.
BootTime NowSinceBoot();

class SystemClock final : public Clock {
 public:
  [[nodiscard]] BootTime Now() const override { return NowSinceBoot(); }
};

// Returns the hour at which `time` of this clock was, as the hour is set just now: for
// display.
absl::Time ToHour(const Clock& clock, BootTime time);

}  // namespace percpud

#endif  // PERCPUD_SERVER_BASE_CLOCK_H_

// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/base/clock.h"

#include <time.h>

#include "absl/time/clock.h"

namespace percpud {

BootTime NowSinceBoot() {
  timespec now{};
  clock_gettime(CLOCK_BOOTTIME, &now);
  return BootTime(absl::DurationFromTimespec(now));
}

absl::Time ToHour(const Clock& clock, BootTime time) { return absl::Now() - (clock.Now() - time); }

}  // namespace percpud

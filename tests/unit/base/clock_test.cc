// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/base/clock.h"

#include <gtest/gtest.h>

#include <fstream>

#include "absl/time/clock.h"
#include "tests/support/fake_clock.h"

namespace percpud {
namespace {

TEST(ClockTest, TellsTheTimeSinceTheHostBooted) {
  double uptime = 0;
  std::ifstream("/proc/uptime") >> uptime;
  const absl::Duration now = NowSinceBoot() - absl::UnixEpoch();
  EXPECT_GE(now, absl::Seconds(uptime) - absl::Seconds(1));
  EXPECT_LT(now, absl::Seconds(uptime) + absl::Minutes(1));
}

TEST(ClockTest, NeverGoesBack) {
  const SystemClock clock;
  absl::Time last = clock.Now();
  for (int i = 0; i < 1000; ++i) {
    const absl::Time now = clock.Now();
    EXPECT_GE(now, last);
    last = now;
  }
}

TEST(ClockTest, AnInstantHasAnHour) {
  testing::FakeClock clock;
  const absl::Time made = clock.Now();
  clock.Advance(absl::Hours(2));
  const absl::Duration ago = absl::Now() - ToHour(clock, made);
  EXPECT_GT(ago, absl::Hours(2) - absl::Seconds(1));
  EXPECT_LT(ago, absl::Hours(2) + absl::Minutes(1));
}

}  // namespace
}  // namespace percpud

// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/base/clock.h"

#include <gtest/gtest.h>

#include <fstream>
#include <type_traits>

#include "absl/time/clock.h"
#include "tests/support/fake_clock.h"

namespace percpud {
namespace {

TEST(ClockTest, TellsTheTimeSinceTheHostBooted) {
  double uptime = 0;
  std::ifstream("/proc/uptime") >> uptime;
  const absl::Duration now = NowSinceBoot().since_boot();
  EXPECT_GE(now, absl::Seconds(uptime) - absl::Seconds(1));
  EXPECT_LT(now, absl::Seconds(uptime) + absl::Minutes(1));
}

TEST(ClockTest, NeverGoesBack) {
  const SystemClock clock;
  BootTime last = clock.Now();
  for (int i = 0; i < 1000; ++i) {
    const BootTime now = clock.Now();
    EXPECT_GE(now, last);
    last = now;
  }
}

TEST(BootTimeTest, IsOrderedAndMovesByDurations) {
  const BootTime time(absl::Hours(1));
  const BootTime later = time + absl::Seconds(1);
  EXPECT_LT(time, later);
  EXPECT_EQ(later - time, absl::Seconds(1));
  EXPECT_EQ(later - absl::Seconds(1), time);
  EXPECT_LT(BootTime(), time);
}

TEST(BootTimeTest, InfiniteTimesLieBeyondAllOthersAndStayThere) {
  const BootTime time(absl::Hours(1));
  EXPECT_LT(BootTime::InfinitePast(), BootTime());
  EXPECT_LT(time, BootTime::InfiniteFuture());
  EXPECT_EQ(BootTime::InfiniteFuture() - time, absl::InfiniteDuration());
  EXPECT_EQ(BootTime::InfinitePast() - time, -absl::InfiniteDuration());
  EXPECT_EQ(BootTime::InfinitePast() + absl::Hours(1), BootTime::InfinitePast());
}

TEST(BootTimeTest, IsNoHourOfTheCalendar) {
  static_assert(!std::is_convertible_v<absl::Time, BootTime>);
  static_assert(!std::is_convertible_v<BootTime, absl::Time>);
  static_assert(!std::is_convertible_v<absl::Duration, BootTime>);
}

TEST(ClockTest, AnInstantHasAnHour) {
  testing::FakeClock clock;
  const BootTime made = clock.Now();
  clock.Advance(absl::Hours(2));
  const absl::Duration ago = absl::Now() - ToHour(clock, made);
  EXPECT_GT(ago, absl::Hours(2) - absl::Seconds(1));
  EXPECT_LT(ago, absl::Hours(2) + absl::Minutes(1));
}

}  // namespace
}  // namespace percpud

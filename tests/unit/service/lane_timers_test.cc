// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/service/lane_timers.h"

#include <gtest/gtest.h>

#include "server/service/hot_lane.h"

namespace percpud {
namespace {

class Event final : public HotEvent {
 public:
  bool Proceed(bool /*ok*/) override { return false; }
  void Discard() override {}
};

BootTime At(int seconds) { return BootTime(absl::Seconds(seconds)); }

TEST(LaneTimersTest, EventsComeInTheOrderOfTheirTimes) {
  LaneTimers timers;
  Event late;
  Event early;
  timers.Set(late, At(2));
  timers.Set(early, At(1));
  EXPECT_EQ(timers.next(), At(1));
  EXPECT_FALSE(timers.Take(At(0)));
  const auto first = timers.Take(At(2));
  ASSERT_TRUE(first);
  EXPECT_EQ(first->event, &early);
  EXPECT_TRUE(first->ok);
  const auto second = timers.Take(At(2));
  ASSERT_TRUE(second);
  EXPECT_EQ(second->event, &late);
  EXPECT_FALSE(timers.next());
}

TEST(LaneTimersTest, ACancelledEventComesAtOnceAndOnce) {
  LaneTimers timers;
  Event event;
  timers.Set(event, At(5));
  timers.Cancel(event);
  timers.Cancel(event);
  const auto due = timers.Take(At(0));
  ASSERT_TRUE(due);
  EXPECT_EQ(due->event, &event);
  EXPECT_FALSE(due->ok);
  EXPECT_FALSE(timers.Take(At(9)));
  timers.Cancel(event);
  EXPECT_FALSE(timers.next());
  timers.Set(event, At(6));
  EXPECT_EQ(timers.next(), At(6));
}

}  // namespace
}  // namespace percpud

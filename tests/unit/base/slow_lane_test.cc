// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/base/slow_lane.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <thread>
#include <vector>

#include "absl/synchronization/notification.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"

namespace percpud {
namespace {

using ::testing::ElementsAre;

TEST(SlowLaneTest, RunsInOrderOnAThreadOfItsOwn) {
  std::vector<int> seen;
  std::thread::id thread;
  {
    SlowLane lane;
    for (int i = 0; i < 3; ++i) {
      lane.Run([&seen, &thread, i] {
        seen.push_back(i);
        thread = std::this_thread::get_id();
      });
    }
  }
  EXPECT_THAT(seen, ElementsAre(0, 1, 2));
  EXPECT_NE(thread, std::this_thread::get_id());
}

TEST(SlowLaneTest, CloseWaitsForWhatWasAccepted) {
  SlowLane lane;
  absl::Notification started;
  absl::Notification go_on;
  bool done = false;
  lane.Run([&] {
    started.Notify();
    go_on.WaitForNotification();
  });
  lane.Run([&done] { done = true; });
  started.WaitForNotification();
  EXPECT_FALSE(done);
  go_on.Notify();
  lane.Close();
  EXPECT_TRUE(done);
}

TEST(SlowLaneTest, IsIdleOnlyWhenNothingRunsOrWaits) {
  SlowLane lane;
  lane.AwaitIdle(BootTime::InfiniteFuture());
  absl::Notification go_on;
  bool done = false;
  lane.Run([&go_on] { go_on.WaitForNotification(); });
  lane.Run([&done] { done = true; });
  lane.AwaitIdle(BootTime::InfinitePast());
  EXPECT_FALSE(done);
  go_on.Notify();
  lane.AwaitIdle(BootTime::InfiniteFuture());
  EXPECT_TRUE(done);
}

TEST(SlowLaneTest, AClosedLaneStillRunsWhatItIsGiven) {
  SlowLane lane;
  lane.Close();
  std::thread::id thread;
  lane.Run([&thread] { thread = std::this_thread::get_id(); });
  EXPECT_EQ(thread, std::this_thread::get_id());
}

// True once it beats again; false if it does not in a long while.
bool BeatsAgain(const SlowLane& lane, std::uint64_t before) {
  const absl::Time limit = absl::Now() + absl::Seconds(20);
  while (lane.pulse().beats() == before) {
    if (absl::Now() > limit) return false;
  }
  return true;
}

TEST(SlowLaneTest, BeatsWhenNudgedUnlessItHangs) {
  SlowLane lane;
  std::uint64_t before = lane.pulse().beats();
  lane.Nudge();
  EXPECT_TRUE(BeatsAgain(lane, before));
  absl::Notification started;
  absl::Notification go_on;
  lane.Run([&] {
    started.Notify();
    go_on.WaitForNotification();
  });
  started.WaitForNotification();
  before = lane.pulse().beats();
  lane.Nudge();
  EXPECT_EQ(lane.pulse().beats(), before);
  go_on.Notify();
  EXPECT_TRUE(BeatsAgain(lane, before));
}

// One that asks for much waits for itself, not others for it.
TEST(SlowLaneTest, PayersTakeTurns) {
  SlowLane lane;
  absl::Notification go_on;
  lane.Run([&go_on] { go_on.WaitForNotification(); });
  std::vector<int> seen;
  const int many = 0;
  const int few = 0;
  for (int i = 0; i < 5; ++i) lane.Run(&many, [&seen] { seen.push_back(1); });
  for (int i = 0; i < 2; ++i) lane.Run(&few, [&seen] { seen.push_back(2); });
  go_on.Notify();
  lane.Close();
  EXPECT_THAT(seen, ElementsAre(1, 2, 1, 2, 1, 1, 1));
}

TEST(SlowLaneTest, SeveralThreadsRunSeveralAtOnce) {
  SlowLane lane("several", 2);
  absl::Notification first;
  absl::Notification second;
  lane.Run([&] {
    first.Notify();
    second.WaitForNotification();
  });
  lane.Run([&] {
    first.WaitForNotification();
    second.Notify();
  });
  lane.AwaitIdle(BootTime::InfiniteFuture());
  EXPECT_TRUE(second.HasBeenNotified());
}

}  // namespace
}  // namespace percpud

// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/fleet/turns.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <vector>

#include "absl/synchronization/blocking_counter.h"
#include "absl/synchronization/notification.h"

namespace percpud::fleet {
namespace {

using ::testing::ElementsAre;

TEST(TurnsTest, APayerHasNoMoreThreadsThanItMay) {
  const int greedy = 0;
  const int modest = 0;
  absl::Notification go_on;
  absl::BlockingCounter begun(2);
  std::atomic<int> running = 0;
  std::atomic<int> most = 0;
  std::atomic<int> done = 0;
  constexpr int kWorks = 6;
  {
    Turns turns("turns", 3, 2);
    for (int i = 0; i < kWorks; ++i) {
      const bool may_wait = turns.Run(&greedy, [&] {
        most = std::max(most.load(), ++running);
        if (!go_on.HasBeenNotified()) begun.DecrementCount();
        go_on.WaitForNotification();
        --running;
        ++done;
      });
      EXPECT_TRUE(may_wait);
    }
    begun.Wait();
    // The third thread is there for another.
    absl::Notification served;
    EXPECT_TRUE(turns.Run(&modest, [&served] { served.Notify(); }));
    served.WaitForNotification();
    EXPECT_EQ(running, 2);
    EXPECT_EQ(done, 0);
    go_on.Notify();
  }
  // What waited has run, too.
  EXPECT_EQ(done, kWorks);
  EXPECT_LE(most, 2);
}

TEST(TurnsTest, WhatAPayerAsksForBeginsInItsOrder) {
  const int payer = 0;
  std::vector<int> seen;
  {
    Turns turns("turns", 4, 1);
    for (int i = 0; i < 5; ++i) {
      EXPECT_TRUE(turns.Run(&payer, [&seen, i] { seen.push_back(i); }));
    }
  }
  EXPECT_THAT(seen, ElementsAre(0, 1, 2, 3, 4));
}

TEST(TurnsTest, WhatAPayerHasWaitingIsBounded) {
  const int greedy = 0;
  const int modest = 0;
  absl::Notification go_on;
  std::atomic<std::size_t> done = 0;
  {
    Turns turns("turns", 2, 1);
    const auto wait = [&] {
      go_on.WaitForNotification();
      ++done;
    };
    for (std::size_t i = 0; i < 1 + Turns::kMostWaiting; ++i) EXPECT_TRUE(turns.Run(&greedy, wait));
    EXPECT_FALSE(turns.Run(&greedy, [] { ADD_FAILURE() << "there is no room"; }));
    // Its own room alone.
    EXPECT_TRUE(turns.Run(&modest, wait));
    go_on.Notify();
  }
  EXPECT_EQ(done, Turns::kMostWaiting + 2);
}

}  // namespace
}  // namespace percpud::fleet

// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/fleet/shared_rounds.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>
#include <vector>

#include "absl/synchronization/notification.h"

namespace percpud::fleet {
namespace {

TEST(SharedRoundsTest, WhatIsUnderWayIsSharedAndNobodyWaitsForIt) {
  SharedRounds<int> rounds;
  absl::Notification begun;
  absl::Notification go_on;
  std::vector<int> told;
  const auto tell = [&told](int found) { told.push_back(found); };
  EXPECT_FALSE(rounds.Join("a", tell));
  std::thread first([&] {
    const auto find = [&] {
      begun.Notify();
      go_on.WaitForNotification();
      return 1;
    };
    rounds.Find("a", find, tell);
  });
  begun.WaitForNotification();
  // Another key is another matter.
  EXPECT_FALSE(rounds.Join("b", tell));
  int other = 0;
  rounds.Find(
      "b", [] { return 7; }, [&other](int found) { other = found; });
  EXPECT_EQ(other, 7);
  const auto never = [] {
    ADD_FAILURE() << "it is being found";
    return 0;
  };
  constexpr int kMore = 4;
  for (int i = 0; i < kMore; ++i) {
    if (i % 2 == 0) {
      EXPECT_TRUE(rounds.Join("a", tell));
    } else {
      rounds.Find("a", never, tell);
    }
  }
  EXPECT_THAT(told, ::testing::IsEmpty());
  go_on.Notify();
  first.join();
  EXPECT_THAT(told, ::testing::ElementsAre(1, 1, 1, 1, 1));
  // What is over is found out anew.
  EXPECT_FALSE(rounds.Join("a", tell));
  rounds.Find(
      "a", [] { return 2; }, tell);
  EXPECT_EQ(told.back(), 2);
}

}  // namespace
}  // namespace percpud::fleet

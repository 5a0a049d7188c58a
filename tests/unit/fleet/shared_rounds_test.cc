// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/fleet/shared_rounds.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstddef>
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

TEST(SharedRoundsTest, ARoundIsSharedByFewEnoughAndOthersFindOutForThemselves) {
  SharedRounds<int> rounds;
  absl::Notification begun;
  absl::Notification go_on;
  std::size_t told = 0;
  const auto tell = [&told](int found) {
    EXPECT_EQ(found, 1);
    ++told;
  };
  std::thread first([&] {
    const auto find = [&] {
      begun.Notify();
      go_on.WaitForNotification();
      return 1;
    };
    rounds.Find("a", find, tell);
  });
  begun.WaitForNotification();
  for (std::size_t i = 0; i < SharedRounds<int>::kMostTold; ++i) {
    EXPECT_TRUE(rounds.Join("a", tell));
  }
  EXPECT_FALSE(rounds.Join("a", tell));
  int own = 0;
  rounds.Find(
      "a", [] { return 2; }, [&own](int found) { own = found; });
  EXPECT_EQ(own, 2);
  EXPECT_EQ(told, 0U);
  go_on.Notify();
  first.join();
  EXPECT_EQ(told, SharedRounds<int>::kMostTold + 1);
  EXPECT_FALSE(rounds.Join("a", tell));
}

}  // namespace
}  // namespace percpud::fleet

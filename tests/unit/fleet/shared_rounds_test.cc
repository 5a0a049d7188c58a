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

// A round of "a" that is under way until it may go on, and finds 1.
class HeldRound {
 public:
  HeldRound(SharedRounds<int>& rounds, const SharedRounds<int>::Told& told)
      : thread_([this, &rounds, told] {
          const auto find = [this] {
            begun_.Notify();
            go_on_.WaitForNotification();
            return 1;
          };
          rounds.Find("a", find, told);
        }) {
    begun_.WaitForNotification();
  }
  // Returns when all who have joined were told.
  void GoOn() {
    go_on_.Notify();
    thread_.join();
  }

 private:
  absl::Notification begun_;
  absl::Notification go_on_;
  std::thread thread_;
};

TEST(SharedRoundsTest, WhatIsUnderWayIsSharedAndNobodyWaitsForIt) {
  SharedRounds<int> rounds;
  std::vector<int> told;
  const auto tell = [&told](int found) { told.push_back(found); };
  EXPECT_FALSE(rounds.Join("a", tell));
  HeldRound first(rounds, tell);
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
  first.GoOn();
  EXPECT_THAT(told, ::testing::ElementsAre(1, 1, 1, 1, 1));
  // What is over is found out anew.
  EXPECT_FALSE(rounds.Join("a", tell));
  rounds.Find(
      "a", [] { return 2; }, tell);
  EXPECT_EQ(told.back(), 2);
}

TEST(SharedRoundsTest, ARoundIsSharedByFewEnoughAndOthersFindOutForThemselves) {
  SharedRounds<int> rounds;
  std::size_t told = 0;
  const auto tell = [&told](int found) {
    EXPECT_EQ(found, 1);
    ++told;
  };
  HeldRound first(rounds, tell);
  for (std::size_t i = 0; i < SharedRounds<int>::kMostTold; ++i) {
    EXPECT_TRUE(rounds.Join("a", tell));
  }
  EXPECT_FALSE(rounds.Join("a", tell));
  int own = 0;
  rounds.Find(
      "a", [] { return 2; }, [&own](int found) { own = found; });
  EXPECT_EQ(own, 2);
  EXPECT_EQ(told, 0U);
  first.GoOn();
  EXPECT_EQ(told, SharedRounds<int>::kMostTold + 1);
  EXPECT_FALSE(rounds.Join("a", tell));
}

}  // namespace
}  // namespace percpud::fleet

// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/fleet/shared_rounds.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

#include "absl/synchronization/notification.h"

namespace percpud::fleet {
namespace {

TEST(SharedRoundsTest, WhatIsUnderWayIsSharedAndWhatIsOverIsNot) {
  SharedRounds<int> rounds;
  absl::Notification begun;
  absl::Notification go_on;
  std::atomic<int> found = 0;
  std::thread first([&] {
    const auto result = rounds.Get("a", [&] {
      begun.Notify();
      go_on.WaitForNotification();
      return ++found;
    });
    EXPECT_EQ(*result, 1);
  });
  begun.WaitForNotification();
  // Another key is another matter.
  EXPECT_EQ(*rounds.Get("b", [] { return 7; }), 7);
  constexpr int kMore = 4;
  std::atomic<int> late = 0;
  std::vector<std::thread> more;
  for (int i = 0; i < kMore; ++i) {
    more.emplace_back([&] {
      // One that comes when the round is over makes its own.
      if (*rounds.Get("a", [&] { return ++found; }) > 1) ++late;
    });
  }
  go_on.Notify();
  first.join();
  for (std::thread& each : more) each.join();
  // Late callers may share, too.
  EXPECT_LE(found, 1 + late);
  const int before = found;
  EXPECT_EQ(*rounds.Get("a", [&] { return ++found; }), before + 1);
}

}  // namespace
}  // namespace percpud::fleet

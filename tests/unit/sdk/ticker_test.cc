// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "percpu/internal/ticker.h"

#include <gtest/gtest.h>
#include <pthread.h>

#include <array>
#include <atomic>
#include <new>
#include <string>

#include "absl/synchronization/blocking_counter.h"
#include "absl/synchronization/notification.h"

namespace percpu {
namespace {

TEST(TickerTest, RunsAgainAndAgainUnderItsName) {
  absl::BlockingCounter left(3);
  std::atomic<int> turns = 0;
  std::string name;
  auto ticker = Ticker::Start(
      {.name = "percpu-test", .first = absl::ZeroDuration(), .interval = absl::Milliseconds(1)},
      [&] {
        if (++turns > 3) return;
        std::array<char, 16> text{};
        pthread_getname_np(pthread_self(), text.data(), text.size());
        name = text.data();
        left.DecrementCount();
      });
  ASSERT_TRUE(ticker.ok()) << ticker.status();
  left.Wait();
  ticker->reset();
  EXPECT_EQ(name, "percpu-test");
}

TEST(TickerTest, EndsAtOnceHoweverLongItsPauseIs) {
  bool ran = false;
  auto ticker =
      Ticker::Start({.name = "percpu-test", .first = absl::Hours(1), .interval = absl::Hours(1)},
                    [&ran] { ran = true; });
  ASSERT_TRUE(ticker.ok()) << ticker.status();
  ticker->reset();
  EXPECT_FALSE(ran);
}

TEST(TickerTest, ATurnWithoutMemoryIsFollowedByAnother) {
  std::atomic<int> turns = 0;
  absl::Notification again;
  auto ticker = Ticker::Start(
      {.name = "percpu-test", .first = absl::ZeroDuration(), .interval = absl::Milliseconds(1)},
      [&] {
        const int turn = ++turns;
        if (turn == 1) throw std::bad_alloc();
        if (turn == 2) again.Notify();
      });
  ASSERT_TRUE(ticker.ok()) << ticker.status();
  again.WaitForNotification();
}

}  // namespace
}  // namespace percpu

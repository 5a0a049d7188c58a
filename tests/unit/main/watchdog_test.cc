// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/main/watchdog.h"

#include <gtest/gtest.h>

#include "tests/support/fake_clock.h"

namespace percpud {
namespace {

constexpr absl::Duration kTimeout = absl::Seconds(8);

// Two threads that answer every nudge at once, unless they hang.
class WatchdogTest : public ::testing::Test {
 protected:
  struct FakeThread {
    Pulse pulse;
    bool hangs = false;
    int nudges = 0;

    Watchdog::Thread Watched(const char* name) {
      return {.name = name, .pulse = &pulse, .nudge = [this] {
                ++nudges;
                if (!hangs) pulse.Beat();
              }};
    }
  };

  // Looks again after the interval; how many pings that brought.
  int Look(Watchdog& watchdog) {
    clock_.Advance(watchdog.interval());
    const int before = pings_;
    watchdog.Look(clock_.Now());
    return pings_ - before;
  }

  testing::FakeClock clock_;
  FakeThread one_;
  FakeThread two_;
  int pings_ = 0;
  Watchdog watchdog_{{one_.Watched("one"), two_.Watched("two")}, kTimeout, [this] { ++pings_; }};
};

TEST_F(WatchdogTest, PingsWhenEveryThreadAnswersItsNudge) {
  EXPECT_EQ(Look(watchdog_), 0) << "nobody has shown anything yet";
  for (int i = 0; i < 10; ++i) EXPECT_EQ(Look(watchdog_), 1);
  EXPECT_EQ(two_.nudges, 11);
}

TEST_F(WatchdogTest, TwoLooksAndAnAnswerLieWithinTheTimeout) {
  EXPECT_LE(3 * watchdog_.interval(), kTimeout);
}

TEST_F(WatchdogTest, OneThreadThatHangsCostsThePing) {
  Look(watchdog_);
  two_.hangs = true;
  EXPECT_EQ(Look(watchdog_), 1) << "it had answered the nudge before";
  for (int i = 0; i < 10; ++i) EXPECT_EQ(Look(watchdog_), 0);
  two_.hangs = false;
  EXPECT_EQ(Look(watchdog_), 0);
  EXPECT_EQ(Look(watchdog_), 1);
}

TEST_F(WatchdogTest, OldBeatsDoNotCount) {
  one_.pulse.Beat();
  two_.pulse.Beat();
  one_.hangs = two_.hangs = true;
  Watchdog watchdog({one_.Watched("one"), two_.Watched("two")}, kTimeout, [this] { ++pings_; });
  EXPECT_EQ(Look(watchdog), 0);
  EXPECT_EQ(Look(watchdog), 0);
}

// Work of its own is as good as an answer.
TEST_F(WatchdogTest, AThreadAtWorkNeedNotAnswer) {
  one_.hangs = true;
  Look(watchdog_);
  one_.pulse.Beat();
  EXPECT_EQ(Look(watchdog_), 1);
}

}  // namespace
}  // namespace percpud

// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// A wait lasts for its time, whatever the hour is set to meanwhile.

#include "percpu/internal/deadline.h"

#include <gtest/gtest.h>

#include <thread>

#include "absl/time/clock.h"
#include "percpu/internal/mutex.h"
#include "percpu/internal/wire/request_window.h"
#include "tests/unit/sdk/hour.h"

namespace percpu {
namespace {

using testing::StepHour;

constexpr absl::Duration kPatience = absl::Seconds(20);
constexpr absl::Duration kDay = absl::Hours(24);

// Waits for news that never come. True if it ended by itself.
bool EndsInTime(const Deadline& deadline) {
  const Deadline patience = Deadline::After(kPatience);
  Mutex mu;
  CondVar news;
  MutexLock lock(&mu);
  while (!deadline.has_passed() && !patience.has_passed()) news.WaitBy(mu, deadline);
  return !patience.has_passed();
}

TEST(DeadlineTest, HasATimeLeftUntilItHasPassed) {
  EXPECT_TRUE(Deadline::After(absl::ZeroDuration()).has_passed());
  EXPECT_TRUE(Deadline::After(-absl::InfiniteDuration()).has_passed());
  EXPECT_EQ(Deadline::After(-absl::Seconds(1)).left(), absl::ZeroDuration());
  const Deadline later = Deadline::After(kDay);
  EXPECT_FALSE(later.has_passed());
  EXPECT_GT(later.left(), kDay / 2);
  EXPECT_LE(later.left(), kDay);
  EXPECT_LT(Deadline::After(absl::Seconds(1)), later);
}

TEST(DeadlineTest, NeverIsForever) {
  for (const Deadline& never : {Deadline::Never(), Deadline::After(absl::InfiniteDuration()),
                                Deadline::After(absl::Hours(24 * 365 * 280))}) {
    EXPECT_TRUE(never.is_never());
    EXPECT_FALSE(never.has_passed());
    EXPECT_EQ(never.left(), absl::InfiniteDuration());
    EXPECT_LT(Deadline::After(kDay), never);
  }
}

TEST(DeadlineTest, TheHourIsTheTestsOwn) {
  const absl::Time before = absl::Now();
  StepHour(kDay);
  EXPECT_GE(absl::Now() - before, kDay);
  StepHour(-kDay);
  EXPECT_LT(absl::Now() - before, kDay);
}

TEST(DeadlineTest, AnHourSetForwardEndsNoWaitEarly) {
  const Deadline deadline = Deadline::After(kPatience);
  StepHour(kDay);
  EXPECT_FALSE(deadline.has_passed());
  EXPECT_GT(deadline.left(), absl::ZeroDuration());
  StepHour(-kDay);
}

TEST(DeadlineTest, AnHourSetBackMakesNoWaitLonger) {
  const Deadline deadline = Deadline::After(absl::Milliseconds(20));
  StepHour(-kDay);
  EXPECT_TRUE(EndsInTime(deadline));
  StepHour(kDay);
}

// A kernel that is told an hour of the test's would wait for a day.
TEST(DeadlineTest, AWaitInAStrangeHourEndsInTime) {
  StepHour(kDay);
  EXPECT_TRUE(EndsInTime(Deadline::After(absl::Milliseconds(20))));
  StepHour(-kDay);
}

TEST(DeadlineTest, ARequestsTurnDoesNotDependOnTheHour) {
  RequestWindow window;
  const auto oldest = window.Enter(RequestWindow::kWords, Deadline::Never());
  ASSERT_TRUE(oldest.ok());
  const Deadline deadline = Deadline::After(kPatience);
  StepHour(kDay);
  EXPECT_TRUE(
      absl::IsDeadlineExceeded(window.Enter(1, Deadline::After(absl::Milliseconds(20))).status()));
  EXPECT_FALSE(deadline.has_passed());
  std::thread waiter([&] { EXPECT_TRUE(window.Enter(1, deadline).ok()); });
  window.Leave(*oldest);
  waiter.join();
  StepHour(-kDay);
}

}  // namespace
}  // namespace percpu

// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "percpu/internal/wire/request_window.h"

#include <gtest/gtest.h>

#include <atomic>
#include <cstdint>
#include <thread>
#include <vector>

#include "absl/time/clock.h"
#include "server/base/ranked_mutex.h"
#include "server/session/answers.h"

namespace percpu {
namespace {

std::uint64_t MustEnter(RequestWindow& window, std::uint64_t words = 1) {
  const auto number = window.Enter(words, Deadline::Never());
  EXPECT_TRUE(number.ok()) << number.status();
  return number.value_or(0);
}
bool IsFull(RequestWindow& window, std::uint64_t words = 1) {
  return absl::IsDeadlineExceeded(
      window.Enter(words, Deadline::After(absl::ZeroDuration())).status());
}

TEST(RequestWindowTest, NumbersUpwards) {
  RequestWindow window;
  EXPECT_EQ(MustEnter(window), 1U);
  EXPECT_EQ(MustEnter(window), 2U);
  window.Leave(2);
  window.Leave(1);
  EXPECT_EQ(MustEnter(window), 3U);
}

TEST(RequestWindowTest, NoneRunsFarAheadOfTheOldest) {
  RequestWindow window;
  const std::uint64_t oldest = MustEnter(window);
  for (std::size_t i = 1; i < RequestWindow::kRequests; ++i) window.Leave(MustEnter(window));
  EXPECT_TRUE(IsFull(window));
  window.Leave(oldest);
  EXPECT_EQ(MustEnter(window), RequestWindow::kRequests + 1);
}

TEST(RequestWindowTest, AnswersAreCountedByTheirWords) {
  RequestWindow window;
  const std::uint64_t oldest = MustEnter(window, 10);
  window.Leave(MustEnter(window, RequestWindow::kWords - 10));
  EXPECT_TRUE(IsFull(window));
  window.Leave(oldest);
  // One that is larger than the window goes alone.
  const std::uint64_t large = MustEnter(window, 2 * RequestWindow::kWords);
  EXPECT_TRUE(IsFull(window));
  window.Leave(large);
  EXPECT_FALSE(IsFull(window));
}

TEST(RequestWindowTest, WhoeverWaitsEntersWhenTheOldestLeaves) {
  RequestWindow window;
  const std::uint64_t oldest = MustEnter(window);
  for (std::size_t i = 1; i < RequestWindow::kRequests; ++i) window.Leave(MustEnter(window));
  std::atomic<std::uint64_t> entered = 0;
  std::thread waiter([&] { entered = MustEnter(window); });
  EXPECT_EQ(entered, 0U);
  window.Leave(oldest);
  waiter.join();
  EXPECT_EQ(entered, RequestWindow::kRequests + 1);
}

// However threads are put to sleep between a request's number and its sending,
// the daemon takes it for what it is.
TEST(RequestWindowTest, TheDaemonNeverFindsARequestTooOld) {
  RequestWindow window;
  percpud::Answers answers;
  percpud::RankedMutex mu{percpud::LockRank::kLeaf};
  std::vector<std::thread> threads;
  for (int thread = 0; thread < 4; ++thread) {
    threads.emplace_back([&, thread] {
      for (int i = 0; i < 5000; ++i) {
        const percpud::RequestId number(MustEnter(window, 300));
        if (i % 500 == thread) absl::SleepFor(absl::Milliseconds(2));
        {
          percpud::RankedLock lock(&mu);
          EXPECT_TRUE(answers.Begin(number).ok()) << answers.Begin(number);
          answers.Keep(number, percpud::Answers::Words(300));
          answers.End(number);
        }
        window.Leave(number.value());
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
}

}  // namespace
}  // namespace percpu

// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/base/short_mutex.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

namespace percpud {
namespace {

TEST(ShortMutexTest, OneAtATime) {
  constexpr int kThreads = 4;
  constexpr int kTimes = 50'000;
  ShortMutex mu(LockRank::kIndex);
  int counter = 0;
  std::vector<std::thread> threads;
  threads.reserve(kThreads);
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([&] {
      for (int n = 0; n < kTimes; ++n) {
        RankedLock lock(&mu);
        ++counter;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(counter, kThreads * kTimes);
  EXPECT_FALSE(mu.contended());
  EXPECT_FALSE(mu.is_held());
}

TEST(ShortMutexTest, WhoeverWaitsIsSeenAndGetsIt) {
  ShortMutex mu(LockRank::kIndex);
  std::atomic<bool> entered = false;
  std::thread other;
  {
    RankedLock lock(&mu);
    other = std::thread([&] {
      RankedLock hold(&mu);
      entered = true;
    });
    while (!mu.contended()) std::this_thread::yield();
    EXPECT_FALSE(entered);
  }
  other.join();
  EXPECT_TRUE(entered);
}

TEST(ShortMutexTest, AwaitSeesWhatOthersChange) {
  ShortMutex mu(LockRank::kIndex);
  int value = 0;
  std::thread other([&] {
    for (int next = 1; next <= 3; ++next) {
      RankedLock lock(&mu);
      value = next;
    }
  });
  mu.Lock();
  mu.Await([&] { return value == 3; });
  EXPECT_EQ(value, 3);
  mu.Unlock();
  other.join();
}

TEST(SlicedLockTest, LetsOthersInBetweenSteps) {
  ShortMutex mu(LockRank::kLeaf);
  std::atomic<bool> entered = false;
  SlicedLock lock(&mu);
  std::thread other([&] {
    RankedLock hold(&mu);
    entered = true;
  });
  // Ends only if a step lets the other in.
  while (!entered) lock.Step();
  other.join();
}

TEST(SlicedLockTest, KnowsWhetherAnybodyWaits) {
  ShortMutex mu(LockRank::kLeaf);
  SlicedLock lock(&mu);
  EXPECT_FALSE(lock.GiveWay());
  std::atomic<bool> entered = false;
  std::thread other([&] {
    RankedLock hold(&mu);
    entered = true;
  });
  while (!mu.contended()) std::this_thread::yield();
  EXPECT_TRUE(lock.GiveWay());
  // A thread that takes too long to wake is not waited for.
  while (!entered) lock.GiveWay();
  other.join();
}

TEST(PatientLockTest, TakenAgainAndAgainLetsOthersIn) {
  ShortMutex mu(LockRank::kLeaf);
  std::atomic<bool> entered = false;
  std::thread other;
  {
    PatientLock lock(&mu);
    other = std::thread([&] {
      RankedLock hold(&mu);
      entered = true;
    });
    while (!mu.contended()) std::this_thread::yield();
  }
  while (!entered) PatientLock lock(&mu);
  other.join();
}

}  // namespace
}  // namespace percpud

// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/base/ranked_mutex.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

#include "server/base/clock.h"

namespace percpud {
namespace {

class Counter {
 public:
  void Add() {
    RankedLock lock(&mu_);
    ++value_;
  }
  void AwaitAtLeast(int wanted) {
    RankedLock lock(&mu_);
    const auto reached = [&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) { return value_ >= wanted; };
    mu_.Await(absl::Condition(&reached));
  }
  bool AwaitAtLeast(int wanted, absl::Duration timeout) {
    RankedLock lock(&mu_);
    const auto reached = [&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) { return value_ >= wanted; };
    return mu_.AwaitWithTimeout(absl::Condition(&reached), timeout);
  }
  int value() {
    RankedLock lock(&mu_);
    return value_;
  }

 private:
  RankedMutex mu_{LockRank::kLeaf};
  int value_ ABSL_GUARDED_BY(mu_) = 0;
};

TEST(RankedMutexTest, ExcludesAndWakes) {
  Counter counter;
  std::vector<std::thread> threads;
  threads.reserve(4);
  for (int thread = 0; thread < 4; ++thread) {
    threads.emplace_back([&counter] {
      for (int add = 0; add < 10000; ++add) counter.Add();
    });
  }
  counter.AwaitAtLeast(40000);
  EXPECT_EQ(counter.value(), 40000);
  EXPECT_TRUE(counter.AwaitAtLeast(40000, absl::ZeroDuration()));
  EXPECT_FALSE(counter.AwaitAtLeast(40001, absl::ZeroDuration()));
  for (std::thread& thread : threads) thread.join();
}

TEST(RankedMutexTest, ATimedWaitEndsWhenTheConditionHolds) {
  Counter counter;
  std::vector<std::thread> waiters;
  waiters.reserve(4);
  std::atomic<int> reached{0};
  for (int waiter = 0; waiter < 4; ++waiter) {
    waiters.emplace_back([&] { reached += counter.AwaitAtLeast(100, absl::Minutes(10)) ? 1 : 0; });
  }
  std::thread adder([&counter] {
    for (int add = 0; add < 100; ++add) counter.Add();
  });
  for (std::thread& waiter : waiters) waiter.join();
  adder.join();
  EXPECT_EQ(reached, 4);
}

// A thread may change what another waits for, and then wait itself without unlocking.
TEST(RankedMutexTest, ATimedWaitSeesWhatAnotherWaiterChanged) {
  for (const bool in_time : {false, true}) {
    RankedMutex mu(LockRank::kLeaf);
    bool arrived = false;
    bool may_go = false;
    std::thread visitor([&] {
      RankedLock lock(&mu);
      arrived = true;
      if (in_time) {
        EXPECT_TRUE(mu.AwaitWithTimeout(absl::Condition(&may_go), absl::Minutes(10)));
      } else {
        mu.Await(absl::Condition(&may_go));
      }
    });
    const BootTime start = NowSinceBoot();
    {
      RankedLock lock(&mu);
      EXPECT_TRUE(mu.AwaitWithTimeout(absl::Condition(&arrived), absl::Minutes(10)));
      may_go = true;
    }
    visitor.join();
    EXPECT_LT(NowSinceBoot() - start, absl::Minutes(5));
  }
}

TEST(RankedMutexTest, ATimedWaitTakesItsTimeAndNoLess) {
  Counter counter;
  constexpr absl::Duration kTime = absl::Milliseconds(30);
  const BootTime start = NowSinceBoot();
  // Others come and go meanwhile, and change nothing that counts.
  std::atomic<bool> done{false};
  std::thread other([&] {
    while (!done) counter.value();
  });
  EXPECT_FALSE(counter.AwaitAtLeast(1, kTime));
  EXPECT_GE(NowSinceBoot() - start, kTime);
  done = true;
  other.join();
}

TEST(RankedMutexTest, AWaitWithoutEndEnds) {
  Counter counter;
  std::thread adder([&counter] { counter.Add(); });
  EXPECT_TRUE(counter.AwaitAtLeast(1, absl::InfiniteDuration()));
  adder.join();
}

TEST(RankedMutexTest, RisingRanksNestAndMayBeReleasedInAnyOrder) {
  RankedMutex grow(LockRank::kGrow);
  RankedMutex index(LockRank::kIndex);
  RankedMutex leaf(LockRank::kLeaf);
  for (int round = 0; round < 20; ++round) {
    grow.Lock();
    index.Lock();
    grow.Unlock();
    leaf.Lock();
    index.Unlock();
    leaf.Unlock();
  }
  EXPECT_EQ(grow.rank(), LockRank::kGrow);
}

// The check exists in debug builds only.
#ifndef NDEBUG

TEST(RankedMutexDeathTest, AFallingRankAbortsNamingBoth) {
  RankedMutex index(LockRank::kIndex);
  RankedMutex grow(LockRank::kGrow);
  RankedLock hold_index(&index);
  EXPECT_DEATH(RankedLock hold_grow(&grow), "rank 20 taken while rank 30 is held");
}

TEST(RankedMutexDeathTest, AnEqualRankAborts) {
  RankedMutex one(LockRank::kLeaf);
  RankedMutex other(LockRank::kLeaf);
  RankedLock hold_one(&one);
  EXPECT_DEATH(RankedLock hold_other(&other), "rank 40 taken while rank 40 is held");
}

TEST(RankedMutexTest, RanksAreCheckedPerThread) {
  RankedMutex index(LockRank::kIndex);
  RankedMutex grow(LockRank::kGrow);
  RankedLock hold_index(&index);
  std::thread([&grow] { RankedLock hold_grow(&grow); }).join();
}

#endif  // NDEBUG

}  // namespace
}  // namespace percpud

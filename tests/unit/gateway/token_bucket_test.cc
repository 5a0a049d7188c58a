// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/gateway/token_bucket.h"

#include <gtest/gtest.h>

#include "server/base/clock.h"

namespace percpud::gateway {
namespace {

const BootTime kStart = BootTime();

TEST(TokenBucketTest, GivesTheBurstAtOnceAndThenTheRate) {
  TokenBucket bucket(10, 3);
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(bucket.Take(kStart));
  EXPECT_FALSE(bucket.Take(kStart));
  EXPECT_FALSE(bucket.Take(kStart + absl::Milliseconds(99)));
  EXPECT_TRUE(bucket.Take(kStart + absl::Milliseconds(101)));
  EXPECT_FALSE(bucket.Take(kStart + absl::Milliseconds(101)));
}

TEST(TokenBucketTest, NeverHoldsMoreThanTheBurst) {
  TokenBucket bucket(10, 3);
  EXPECT_TRUE(bucket.Take(kStart));
  const BootTime later = kStart + absl::Hours(1);
  bucket.Earn(100);
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(bucket.Take(later));
  EXPECT_FALSE(bucket.Take(later));
}

TEST(TokenBucketTest, DebtIsPaidByTime) {
  TokenBucket bucket(10, 3);
  bucket.Charge(3, kStart);
  EXPECT_FALSE(bucket.InDebt(kStart));
  bucket.Charge(5, kStart);
  EXPECT_TRUE(bucket.InDebt(kStart));
  EXPECT_TRUE(bucket.InDebt(kStart + absl::Milliseconds(499)));
  EXPECT_FALSE(bucket.InDebt(kStart + absl::Milliseconds(501)));
}

TEST(TokenBucketTest, TimeThatGoesBackGivesNothing) {
  TokenBucket bucket(10, 1);
  EXPECT_TRUE(bucket.Take(kStart + absl::Hours(1)));
  EXPECT_FALSE(bucket.Take(kStart));
  EXPECT_FALSE(bucket.Take(kStart + absl::Hours(1)));
}

}  // namespace
}  // namespace percpud::gateway

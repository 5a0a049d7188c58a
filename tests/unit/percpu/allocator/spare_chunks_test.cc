// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/percpu/allocator/spare_chunks.h"

#include <gtest/gtest.h>

namespace percpud {
namespace {

constexpr BalancePolicy kPolicy{
    .free_chunks_min = 1, .free_chunks_max_percent = 20, .free_chunk_age = absl::Seconds(10)};

class SpareChunksTest : public ::testing::Test {
 protected:
  void Release(int times) {
    for (int i = 0; i < times; ++i) spare_.NoteReleased();
  }
  void MakeChunks(int times) {
    for (int i = 0; i < times; ++i) spare_.NoteMade(kPolicy, now_);
  }
  std::uint64_t Most(std::uint64_t chunks) { return spare_.MaxKept(kPolicy, chunks, now_); }

  BootTime now_;
  SpareChunks spare_;
};

TEST_F(SpareChunksTest, GrowthAloneIsNoRegret) {
  MakeChunks(50);
  EXPECT_EQ(Most(50), 1U);
}

TEST_F(SpareChunksTest, WhatWasReleasedAndMadeAgainIsKeptNextTime) {
  MakeChunks(50);
  Release(3);
  EXPECT_EQ(Most(47), 1U);
  MakeChunks(2);
  EXPECT_EQ(Most(49), 2U);
  // With four, three can be told from growth.
  MakeChunks(2);
  EXPECT_EQ(Most(51), 3U);
}

TEST_F(SpareChunksTest, NoMoreThanTheShareOfAllChunks) {
  MakeChunks(50);
  Release(30);
  MakeChunks(30);
  EXPECT_EQ(Most(50), 10U);
  // What a smaller arena cannot keep is not remembered either.
  EXPECT_EQ(Most(20), 4U);
  EXPECT_EQ(Most(50), 4U);
}

TEST_F(SpareChunksTest, WithoutRegretsItIsForgotten) {
  MakeChunks(50);
  Release(3);
  MakeChunks(3);
  now_ += absl::Seconds(10);
  EXPECT_EQ(Most(50), 3U);
  now_ += absl::Seconds(1);
  EXPECT_EQ(Most(50), 1U);
}

}  // namespace
}  // namespace percpud

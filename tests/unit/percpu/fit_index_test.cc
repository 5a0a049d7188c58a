// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/percpu/fit_index.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <optional>
#include <random>
#include <utility>
#include <vector>

namespace percpud {
namespace {

using Block = std::pair<std::uint32_t, std::uint32_t>;

// The blocks in the order they are tried.
template <typename Try>
std::vector<Block> Tried(Try run) {
  std::vector<Block> blocks;
  run([&](ChunkId chunk, std::uint32_t block) -> std::optional<int> {
    blocks.emplace_back(chunk.value(), block);
    return std::nullopt;
  });
  return blocks;
}

TEST(FitIndexTest, ClassesGrowWithTheRunAndAreExactForSmallOnes) {
  for (std::uint32_t n = 1; n < 100000; ++n) {
    const std::uint32_t here = FitIndex::ClassOf(Granules(n));
    const std::uint32_t next = FitIndex::ClassOf(Granules(n + 1));
    ASSERT_LE(here, next);
    ASSERT_LE(next, here + 1);
    if (n < 64) ASSERT_EQ(here, n);
  }
  EXPECT_EQ(FitIndex::ClassOf(Granules(128)) - FitIndex::ClassOf(Granules(64)), 4U);
  EXPECT_LT(FitIndex::ClassOf(Granules::Max()), 192U);
}

TEST(FitIndexTest, TheTightestLowestBlockIsTriedFirst) {
  FitIndex index(100, 12);
  index.Set(ChunkId(7), 3, Granules(5));
  index.Set(ChunkId(2), 11, Granules(9));
  index.Set(ChunkId(3), 0, Granules(5));
  index.Set(ChunkId(3), 1, Granules(4));
  EXPECT_EQ(Tried([&](auto attempt) { return index.TryFew(Granules(5), attempt); }),
            (std::vector<Block>{{3, 0}, {7, 3}, {2, 11}}));
  index.Set(ChunkId(3), 0, Granules(0));
  index.Set(ChunkId(7), 3, Granules(20));
  EXPECT_EQ(Tried([&](auto attempt) { return index.TryFew(Granules(5), attempt); }),
            (std::vector<Block>{{2, 11}, {7, 3}}));
  EXPECT_TRUE(index.CheckInvariants().ok());
}

TEST(FitIndexTest, TryAllComesToEveryBlockThatMayDo) {
  FitIndex index(1000, 16);
  for (std::uint32_t chunk = 0; chunk < 1000; ++chunk) index.Set(ChunkId(chunk), 5, Granules(8));
  std::vector<bool> seen(1000);
  for (const Block& block :
       Tried([&](auto attempt) { return index.TryAll(Granules(8), attempt); })) {
    seen[block.first] = true;
  }
  EXPECT_EQ(seen, std::vector<bool>(1000, true));
  EXPECT_LT(Tried([&](auto attempt) { return index.TryFew(Granules(8), attempt); }).size(), 20U);
}

TEST(FitIndexTest, ARemovedChunkIsTriedNoMore) {
  FitIndex index(10, 3);
  std::mt19937 random(1);
  for (int i = 0; i < 1000; ++i) {
    index.Set(ChunkId(random() % 10), random() % 3, Granules(random() % 300));
  }
  ASSERT_TRUE(index.CheckInvariants().ok()) << index.CheckInvariants();
  index.Remove(ChunkId(4));
  for (const Block& block :
       Tried([&](auto attempt) { return index.TryAll(Granules(1), attempt); })) {
    EXPECT_NE(block.first, 4U);
  }
  EXPECT_TRUE(index.CheckInvariants().ok());
}

}  // namespace
}  // namespace percpud

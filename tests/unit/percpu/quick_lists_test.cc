// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/percpu/quick_lists.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <vector>

namespace percpud {
namespace {

QuickLists::Entry At(std::uint32_t offset) { return {ChunkId(1), Granules(offset)}; }

TEST(QuickListsTest, TheNewestGoesFirstIfItIsAligned) {
  QuickLists lists;
  for (const std::uint32_t offset : {16U, 4U, 6U, 9U}) lists.Push(Granules(2), At(offset));
  EXPECT_EQ(lists.Pop(Granules(2), Granules(2))->offset, Granules(6));
  EXPECT_EQ(lists.Pop(Granules(2), Granules(8))->offset, Granules(16));
  EXPECT_EQ(lists.Pop(Granules(2), Granules(8)), std::nullopt);
  EXPECT_EQ(lists.Pop(Granules(2), Granules(1))->offset, Granules(9));
  EXPECT_EQ(lists.Pop(Granules(2), Granules(1))->offset, Granules(4));
  EXPECT_EQ(lists.Pop(Granules(2), Granules(1)), std::nullopt);
  EXPECT_EQ(lists.total(), 0U);
}

TEST(QuickListsTest, SizesAreKeptApart) {
  QuickLists lists;
  lists.Push(Granules(2), At(0));
  EXPECT_EQ(lists.Pop(Granules(3), Granules(1)), std::nullopt);
  lists.Push(QuickLists::kLargest, At(64));
  EXPECT_EQ(lists.total(), 2U);
  EXPECT_EQ(lists.granules(), Granules(66));
}

TEST(QuickListsTest, DrainingTakesTheOldest) {
  QuickLists lists;
  for (std::uint32_t i = 0; i < 10; ++i) lists.Push(Granules(1), At(i));
  std::vector<std::uint32_t> drained;
  const auto note = [&](QuickLists::Entry entry) { drained.push_back(entry.offset.value()); };
  lists.Drain(Granules(1), 7, note);
  EXPECT_EQ(drained, (std::vector<std::uint32_t>{0, 1, 2}));
  lists.Drain(Granules(1), 7, note);
  EXPECT_EQ(drained.size(), 3U);
  EXPECT_EQ(lists.total(), 7U);
  EXPECT_EQ(lists.Pop(Granules(1), Granules(1))->offset, Granules(9));
}

TEST(QuickListsTest, BatchesGrowWithDemandAndStartOver) {
  QuickLists lists;
  std::vector<std::uint32_t> batches;
  for (int i = 0; i < 6; ++i) batches.push_back(lists.NextBatch(Granules(2)));
  EXPECT_EQ(batches, (std::vector<std::uint32_t>{1, 2, 4, 8, 16, 16}));
  EXPECT_EQ(lists.NextBatch(Granules(3)), 1U);
  lists.Rest(Granules(2));
  EXPECT_EQ(lists.NextBatch(Granules(2)), 1U);
}

TEST(QuickListsTest, AllListsTogetherHoldAboutAUnit) {
  std::uint64_t granules = 0;
  for (Granules size(1); size <= QuickLists::kLargest; size += Granules(1)) {
    QuickLists lists;
    std::uint32_t entries = 0;
    for (; !lists.is_full(size); ++entries) lists.Push(size, At(entries));
    EXPECT_EQ(entries, QuickLists::Depth(size));
    granules += lists.granules().value();
  }
  EXPECT_LE(granules, 16384U);
}

}  // namespace
}  // namespace percpud

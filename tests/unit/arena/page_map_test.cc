// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/arena/page_map.h"

#include <gtest/gtest.h>

#include <optional>

namespace percpud {
namespace {

TEST(PageMapTest, FindsTheChunkOfEveryPageOfIt) {
  PageMap map(Pages(100));
  map.Set(PageId(10), Pages(5), ChunkId(0));
  map.Set(PageId(15), Pages(1), ChunkId(7));
  EXPECT_EQ(map.Find(PageId(9)), std::nullopt);
  for (int page = 10; page < 15; ++page) EXPECT_EQ(map.Find(PageId(page)), ChunkId(0));
  EXPECT_EQ(map.Find(PageId(15)), ChunkId(7));
  EXPECT_EQ(map.Find(PageId(16)), std::nullopt);
}

TEST(PageMapTest, ForgetsWhatIsCleared) {
  PageMap map(Pages(8));
  map.Set(PageId(0), Pages(8), ChunkId(3));
  map.Clear(PageId(2), Pages(4));
  EXPECT_EQ(map.Find(PageId(1)), ChunkId(3));
  EXPECT_EQ(map.Find(PageId(2)), std::nullopt);
  EXPECT_EQ(map.Find(PageId(5)), std::nullopt);
  EXPECT_EQ(map.Find(PageId(6)), ChunkId(3));
}

TEST(PageMapTest, NoChunkLiesBeyondTheLastPage) {
  PageMap map(Pages(4));
  map.Set(PageId(3), Pages(1), ChunkId(1));
  map.Set(PageId(4), Pages(0), ChunkId(2));
  EXPECT_EQ(map.size(), Pages(4));
  EXPECT_EQ(map.Find(PageId(3)), ChunkId(1));
  EXPECT_EQ(map.Find(PageId(4)), std::nullopt);
  EXPECT_EQ(map.Find(PageId(~std::uint64_t{0})), std::nullopt);
}

}  // namespace
}  // namespace percpud

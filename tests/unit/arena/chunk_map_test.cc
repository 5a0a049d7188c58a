// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/arena/chunk_map.h"

#include <gtest/gtest.h>

#include <optional>

namespace percpud {
namespace {

constexpr Bytes kFrame{4096};

TEST(ChunkMapTest, FindsTheChunkOfEveryFrameOfIt) {
  ChunkMap map(kFrame * 100, kFrame);
  map.Set(kFrame * 10, kFrame * 5, ChunkId(0));
  map.Set(kFrame * 15, kFrame, ChunkId(7));
  EXPECT_EQ(map.Find(kFrame * 10 - Bytes(1)), std::nullopt);
  for (int frame = 10; frame < 15; ++frame) {
    EXPECT_EQ(map.Find(kFrame * frame), ChunkId(0));
    EXPECT_EQ(map.Find(kFrame * (frame + 1) - Bytes(1)), ChunkId(0));
  }
  EXPECT_EQ(map.Find(kFrame * 15), ChunkId(7));
  EXPECT_EQ(map.Find(kFrame * 16), std::nullopt);
}

TEST(ChunkMapTest, AFrameThatAChunkEndsInIsItsToo) {
  ChunkMap map(kFrame * 8, kFrame);
  map.Set(kFrame * 2, kFrame + Bytes(1), ChunkId(4));
  EXPECT_EQ(map.Find(kFrame * 4 - Bytes(1)), ChunkId(4));
  EXPECT_EQ(map.Find(kFrame * 4), std::nullopt);
  map.Clear(kFrame * 2, kFrame + Bytes(1));
  EXPECT_EQ(map.Find(kFrame * 2), std::nullopt);
  EXPECT_EQ(map.Find(kFrame * 3), std::nullopt);
}

TEST(ChunkMapTest, ForgetsWhatIsCleared) {
  ChunkMap map(kFrame * 8, kFrame);
  map.Set(Bytes(0), kFrame * 8, ChunkId(3));
  map.Clear(kFrame * 2, kFrame * 4);
  EXPECT_EQ(map.Find(kFrame), ChunkId(3));
  EXPECT_EQ(map.Find(kFrame * 2), std::nullopt);
  EXPECT_EQ(map.Find(kFrame * 5), std::nullopt);
  EXPECT_EQ(map.Find(kFrame * 6), ChunkId(3));
}

// An arena is no multiple of the frame where frames are larger than its pages.
TEST(ChunkMapTest, NoChunkLiesBeyondTheLastFrame) {
  ChunkMap map(kFrame * 3 + Bytes(512), kFrame);
  map.Set(kFrame * 3, Bytes(512), ChunkId(1));
  EXPECT_EQ(map.Find(kFrame * 3), ChunkId(1));
  EXPECT_EQ(map.Find(kFrame * 4), std::nullopt);
  EXPECT_EQ(map.Find(Bytes(~std::uint64_t{0})), std::nullopt);
}

}  // namespace
}  // namespace percpud

// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/percpu/index/page_reserve.h"

#include <gtest/gtest.h>

#include <memory>

#include "tests/support/index_rig.h"

namespace percpud {
namespace {

class PageReserveTest : public ::testing::Test {
 protected:
  PageReserveTest() {
    chunk_->Bind(ChunkId(2), testing::MemoryAt(info_, 1));
    reserve_.Add(*chunk_);
  }

  const AllocInfo info_ = testing::OneCpuInfo();
  const std::unique_ptr<Chunk> chunk_ = testing::FreeChunk(info_, /*populated=*/4);
  PageReserve reserve_{16};
};

TEST_F(PageReserveTest, CountsWhatIsBackedAndEmpty) {
  EXPECT_EQ(reserve_.empty_blocks(), 4U);
  EXPECT_EQ(reserve_.populated_blocks(), 4U);
  EXPECT_EQ(reserve_.partly_populated(), 1U);
  reserve_.NotePopulated(*chunk_, {4, 12});
  EXPECT_EQ(reserve_.empty_blocks(), 16U);
  EXPECT_EQ(reserve_.partly_populated(), 0U);
  reserve_.NoteDepopulated(*chunk_, {8, 2});
  EXPECT_EQ(reserve_.populated_blocks(), 14U);
  EXPECT_EQ(reserve_.blocks_depopulated(), 2U);
  EXPECT_EQ(reserve_.partly_populated(), 1U);
  reserve_.Remove(*chunk_);
  EXPECT_EQ(reserve_.empty_blocks(), 0U);
  EXPECT_EQ(reserve_.populated_blocks(), 0U);
  EXPECT_EQ(reserve_.partly_populated(), 0U);
}

TEST_F(PageReserveTest, FollowsAreas) {
  const std::uint32_t before = chunk_->empty_populated_blocks();
  chunk_->Take({Granules(0), Granules(1)});
  reserve_.NoteEmptied(*chunk_, before);
  EXPECT_EQ(reserve_.empty_blocks(), 3U);
}

TEST_F(PageReserveTest, PagesOfLeasedAndSidelinedChunksAreNoReserve) {
  reserve_.Recount(*chunk_, [this] { chunk_->state().set_sidelined(true); });
  EXPECT_EQ(reserve_.empty_blocks(), 0U);
  EXPECT_EQ(reserve_.populated_blocks(), 4U);
  reserve_.Recount(*chunk_, [this] { chunk_->state().set_sidelined(false); });
  EXPECT_EQ(reserve_.empty_blocks(), 4U);
  reserve_.Recount(*chunk_, [this] { chunk_->state().set_lease_map(Bytes(65536)); });
  EXPECT_EQ(reserve_.empty_blocks(), 0U);
  EXPECT_EQ(PageReserve::ReserveOf(*chunk_), 0U);
}

TEST_F(PageReserveTest, QueuedChunksComeLowestFirst) {
  EXPECT_EQ(reserve_.TakeQueued(), std::nullopt);
  for (const int id : {9, 3, 5}) reserve_.Queue(ChunkId(id));
  reserve_.Unqueue(ChunkId(5));
  EXPECT_TRUE(reserve_.IsQueued(ChunkId(3)));
  EXPECT_FALSE(reserve_.IsQueued(ChunkId(5)));
  EXPECT_EQ(reserve_.TakeQueued(), ChunkId(3));
  EXPECT_EQ(reserve_.TakeQueued(), ChunkId(9));
  EXPECT_EQ(reserve_.TakeQueued(), std::nullopt);
}

}  // namespace
}  // namespace percpud

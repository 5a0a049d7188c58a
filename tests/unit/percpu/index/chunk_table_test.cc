// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/percpu/index/chunk_table.h"

#include <gtest/gtest.h>

#include <memory>
#include <utility>

#include "tests/support/index_rig.h"

namespace percpud {
namespace {

class ChunkTableTest : public ::testing::Test {
 protected:
  Chunk& Insert(std::uint64_t place) {
    return table_.Insert(testing::FreeChunk(info_), testing::MemoryAt(info_, place));
  }
  void InsertFirst(Bytes reserved_end) {
    auto first = Chunk::Make(ChunkKind::kFirst, {reserved_end, info_.unit_size}, HeapMetadata);
    table_.Insert(std::move(first), testing::MemoryAt(info_, 0));
    if (reserved_end == Bytes(4096)) return;
    auto reserved = Chunk::Make(ChunkKind::kReserved, {Bytes(4096), reserved_end}, HeapMetadata);
    table_.Insert(std::move(reserved), testing::MemoryAt(info_, 0));
  }
  [[nodiscard]] PercpuPtr At(std::uint64_t place, std::uint64_t offset) const {
    return PercpuPtr((info_.unit_size * place + Bytes(offset)).value());
  }

  const AllocInfo info_ = testing::OneCpuInfo();
  ChunkTable table_{info_, testing::OneCpuArena(info_)};
};

TEST_F(ChunkTableTest, TheLowestUnusedIdIsTaken) {
  Chunk& two = Insert(1);
  Chunk& three = Insert(2);
  EXPECT_EQ(two.id(), ChunkId(2));
  EXPECT_EQ(three.id(), ChunkId(3));
  EXPECT_EQ(Insert(3).id(), ChunkId(4));
  table_.Remove(three);
  table_.Remove(two);
  EXPECT_EQ(table_.Find(ChunkId(2)), nullptr);
  EXPECT_EQ(table_.FindFrom(ChunkId(1))->id(), ChunkId(4));
  EXPECT_EQ(Insert(5).id(), ChunkId(2));
  EXPECT_EQ(Insert(6).id(), ChunkId(3));
  EXPECT_EQ(table_.FindFrom(ChunkId(5)), nullptr);
}

TEST_F(ChunkTableTest, RestoredIdsStayAndGapsAreUsedAgain) {
  table_.SkipTo(ChunkId(5));
  EXPECT_EQ(Insert(1).id(), ChunkId(5));
  for (const int id : {3, 2, 4}) table_.AddUnused(ChunkId(id));
  EXPECT_EQ(Insert(2).id(), ChunkId(2));
  EXPECT_EQ(Insert(3).id(), ChunkId(3));
}

TEST_F(ChunkTableTest, FindsAByteByItsAddress) {
  Chunk& chunk = Insert(3);
  EXPECT_FALSE(table_.Locate(At(2, 100)));
  EXPECT_FALSE(table_.Locate(At(4, 0)));
  EXPECT_FALSE(table_.Locate(PercpuPtr(info_.unit_size.value() * 16)));
  const auto found = table_.Locate(At(3, 100));
  ASSERT_TRUE(found);
  EXPECT_EQ(found->chunk, &chunk);
  EXPECT_EQ(found->offset, Bytes(100));
  EXPECT_TRUE(table_.CheckAddresses(chunk).ok());
  table_.Remove(chunk);
  EXPECT_FALSE(table_.Locate(At(3, 100)));
}

TEST_F(ChunkTableTest, TheReservedChunkOwnsItsPartOfTheFirst) {
  InsertFirst(Bytes(8192));
  EXPECT_EQ(table_.Locate(At(0, 100))->chunk->kind(), ChunkKind::kFirst);
  EXPECT_EQ(table_.Locate(At(0, 4096))->chunk->kind(), ChunkKind::kReserved);
  EXPECT_EQ(table_.Locate(At(0, 8191))->chunk->kind(), ChunkKind::kReserved);
  EXPECT_EQ(table_.Locate(At(0, 8192))->chunk->kind(), ChunkKind::kFirst);
}

TEST_F(ChunkTableTest, AnAreaIsFoundByItsStartOnly) {
  InsertFirst(Bytes(4096));
  Chunk& chunk = Insert(1);
  chunk.Take({Granules(16), Granules(4)});
  const Placement live = table_.FindLive(At(1, 64));
  EXPECT_EQ(live.chunk, &chunk);
  EXPECT_EQ(live.area, (AreaSpan{Granules(16), Granules(4)}));
  for (const std::uint64_t offset : {60, 65, 68, 80}) {
    EXPECT_FALSE(table_.FindLive(At(1, offset))) << offset;
    EXPECT_FALSE(table_.FindArea(At(1, offset)).ok()) << offset;
  }
  chunk.Hold(Granules(16));
  EXPECT_FALSE(table_.FindLive(At(1, 64)));
  chunk.Unhold(Granules(16));
  EXPECT_TRUE(table_.FindArea(At(1, 64)).ok());
}

}  // namespace
}  // namespace percpud

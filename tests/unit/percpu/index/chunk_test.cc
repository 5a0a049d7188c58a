// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/percpu/index/chunk.h"

#include <gtest/gtest.h>

#include <memory>
#include <optional>

namespace percpud {
namespace {

AreaSpan Span(std::uint32_t offset, std::uint32_t size) {
  return {Granules(offset), Granules(size)};
}

std::unique_ptr<Chunk> Whole(Bytes size = Bytes(64 << 10)) {
  return Chunk::Make(ChunkKind::kDynamic, {Bytes(0), size}, HeapMetadata);
}

TEST(ChunkTest, ManagesOnlyItsPartOfTheUnit) {
  const auto chunk = Chunk::Make(ChunkKind::kReserved, {Bytes(4096), Bytes(8192)}, HeapMetadata);
  EXPECT_EQ(chunk->capacity(), Granules(1024));
  EXPECT_TRUE(chunk->is_free());
  EXPECT_EQ(chunk->Find(Granules(1024), Granules(1), false), Granules(1024));
  EXPECT_EQ(chunk->Find(Granules(1025), Granules(1), false), std::nullopt);
}

TEST(ChunkTest, NoMetadataNoChunk) {
  EXPECT_EQ(Chunk::Make(ChunkKind::kDynamic, {Bytes(0), Bytes(65536)},
                        [](std::size_t) { return nullptr; }),
            nullptr);
}

TEST(ChunkTest, WhatWasNeverGrantedIsClean) {
  const auto chunk = Whole();
  chunk->MarkPopulated({0, 16});
  EXPECT_EQ(chunk->dirty().In(Span(0, 16384)).size, Granules(0));
  chunk->dirty().Mark(Span(100, 50));
  chunk->dirty().Mark(Span(20, 10));
  EXPECT_EQ(chunk->MeasureDirty(), Granules(150));
  EXPECT_EQ(chunk->dirty().In(Span(140, 30)), Span(140, 10));
  EXPECT_EQ(chunk->dirty().In(Span(150, 30)).size, Granules(0));
  chunk->dirty().Clean(Granules(0));
  EXPECT_EQ(chunk->MeasureDirty(), Granules(0));
  EXPECT_EQ(chunk->dirty().In(Span(0, 16384)).size, Granules(0));
}

TEST(ChunkTest, PagesThatWentComeBackClean) {
  const auto chunk = Whole();
  chunk->MarkPopulated({0, 16});
  chunk->dirty().Mark(Span(0, 5000));
  // In the middle one bound cannot say it, at the end it can.
  chunk->MarkUnpopulated({1, 1});
  EXPECT_EQ(chunk->dirty().In(Span(0, 16384)), Span(0, 5000));
  chunk->MarkUnpopulated({2, 14});
  EXPECT_EQ(chunk->dirty().In(Span(0, 16384)), Span(0, 2048));
}

TEST(ChunkTest, AHeldAreaIsNobodys) {
  const auto chunk = Whole();
  chunk->MarkPopulated({0, 16});
  chunk->Take(Span(8, 4));
  EXPECT_TRUE(chunk->IsLive(Granules(8)));
  chunk->Hold(Granules(8));
  EXPECT_FALSE(chunk->IsLive(Granules(8)));
  EXPECT_EQ(chunk->LiveAt(Granules(9)), std::nullopt);
  EXPECT_TRUE(Chunk::MapCopy(*chunk).LiveAreas().empty());
  EXPECT_EQ(chunk->live(), 0U);
  chunk->Unhold(Granules(8));
  EXPECT_EQ(chunk->LiveAt(Granules(9)), Span(8, 4));
  EXPECT_EQ(Chunk::MapCopy(*chunk).LiveAreas().size(), 1U);
  EXPECT_TRUE(chunk->CheckInvariants().ok()) << chunk->CheckInvariants();
}

TEST(ChunkTest, SearchesOnlyBackedBlocksWhenAsked) {
  const auto chunk = Whole();
  chunk->MarkPopulated({3, 2});
  EXPECT_EQ(chunk->populated_blocks(), 2u);
  EXPECT_EQ(chunk->empty_populated_blocks(), 2u);
  EXPECT_EQ(chunk->Find(Granules(10), Granules(1), false), Granules(0));
  EXPECT_EQ(chunk->Find(Granules(10), Granules(1), true), Granules(3 * 1024));
  EXPECT_EQ(chunk->Find(Granules(10), Granules(2048), true), Granules(4 * 1024));
  EXPECT_EQ(chunk->Find(Granules(2048), Granules(1), true), Granules(3 * 1024));
  EXPECT_EQ(chunk->Find(Granules(2049), Granules(1), true), std::nullopt);
  const BlockRange missing = chunk->UnpopulatedIn(Span(0, 16384));
  EXPECT_EQ(missing.first, 0u);
  EXPECT_EQ(missing.count, 3u);
}

}  // namespace
}  // namespace percpud

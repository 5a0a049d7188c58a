// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/percpu/chunk.h"

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

TEST(ChunkTest, AFailedAlignedFitIsForgottenWhenSomethingIsFreed) {
  const auto chunk = Whole(Bytes(8192));
  chunk->Take(Span(0, 1));
  chunk->Take(Span(1024, 1));
  EXPECT_EQ(chunk->Find(Granules(4), Granules(1024), false), std::nullopt);
  EXPECT_EQ(chunk->Find(Granules(4), Granules(1024), false), std::nullopt);
  // A smaller alignment and a smaller size were never tried.
  EXPECT_EQ(chunk->Find(Granules(4), Granules(512), false), Granules(512));
  EXPECT_EQ(chunk->Find(Granules(1), Granules(1024), false), std::nullopt);
  chunk->Release(Span(1024, 1));
  EXPECT_EQ(chunk->Find(Granules(4), Granules(1024), false), Granules(1024));
}

TEST(ChunkTest, DirtIsCountedOnceAndBoundedTightly) {
  const auto chunk = Whole();
  chunk->MarkDirty(Span(100, 50));
  chunk->MarkDirty(Span(120, 100));
  EXPECT_EQ(chunk->dirty(), Granules(120));
  EXPECT_EQ(chunk->DirtyIn(Span(0, 1000)), Span(100, 120));
  EXPECT_EQ(chunk->DirtyIn(Span(0, 100)).size, Granules(0));
  chunk->MarkClean(Span(110, 20));
  EXPECT_EQ(chunk->dirty(), Granules(100));
  EXPECT_EQ(chunk->DirtyIn(Span(90, 30)), Span(100, 10));
}

TEST(ChunkTest, SearchesOnlyBackedBlocksWhenAsked) {
  const auto chunk = Whole();
  chunk->MarkPopulated({3, 2});
  EXPECT_EQ(chunk->populated_blocks(), 2u);
  EXPECT_EQ(chunk->empty_populated_blocks(), 2u);
  EXPECT_EQ(chunk->Find(Granules(10), Granules(1), false), Granules(0));
  EXPECT_EQ(chunk->Find(Granules(10), Granules(1), true), Granules(3 * 1024));
  EXPECT_EQ(chunk->Find(Granules(2048), Granules(1), true), Granules(3 * 1024));
  EXPECT_EQ(chunk->Find(Granules(2049), Granules(1), true), std::nullopt);
  const BlockRange missing = chunk->UnpopulatedIn(Span(0, 16384));
  EXPECT_EQ(missing.first, 0u);
  EXPECT_EQ(missing.count, 3u);
}

}  // namespace
}  // namespace percpud

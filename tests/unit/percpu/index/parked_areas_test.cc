// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/percpu/index/parked_areas.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <memory>
#include <vector>

namespace percpud {
namespace {

class ParkedAreasTest : public ::testing::Test {
 protected:
  static std::unique_ptr<Chunk> Whole() {
    return Chunk::Make(ChunkKind::kDynamic, {Bytes(0), Bytes(64 << 10)}, HeapMetadata);
  }
  static Placement At(const std::unique_ptr<Chunk>& chunk, std::uint32_t offset,
                      std::uint32_t size) {
    return {chunk.get(), {Granules(offset), Granules(size)}};
  }

  const std::unique_ptr<Chunk> one_ = Whole();
  const std::unique_ptr<Chunk> other_ = Whole();
  ParkedAreas parked_;
};

TEST_F(ParkedAreasTest, TheLatestOfASizeComesFirst) {
  EXPECT_FALSE(parked_.Top(Granules(2)));
  parked_.Push(At(one_, 100, 2));
  parked_.Push(At(other_, 8, 2));
  parked_.Push(At(one_, 50, 3));
  EXPECT_EQ(parked_.granules(), Granules(7));
  EXPECT_EQ(parked_.Top(Granules(2)).chunk, other_.get());
  EXPECT_EQ(parked_.Top(Granules(2)).area, (AreaSpan{Granules(8), Granules(2)}));
  parked_.Drop(Granules(2));
  EXPECT_EQ(parked_.Top(Granules(2)).area.offset, Granules(100));
  parked_.Drop(Granules(2));
  EXPECT_FALSE(parked_.Top(Granules(2)));
  EXPECT_TRUE(parked_.Top(Granules(3)));
}

TEST_F(ParkedAreasTest, OnlySoManyOfASizeAndOnlySmallOnesPark) {
  for (std::uint32_t i = 0; i < ParkedAreas::kMostOfSize; ++i) {
    ASSERT_TRUE(parked_.HasRoom(Granules(4)));
    parked_.Push(At(one_, 4 * i, 4));
    EXPECT_FALSE(parked_.Wants(Granules(4)));
  }
  EXPECT_FALSE(parked_.HasRoom(Granules(4)));
  EXPECT_TRUE(parked_.HasRoom(Granules(5)));
  EXPECT_FALSE(parked_.HasRoom(Granules(ParkedAreas::kSizes)));
  EXPECT_FALSE(parked_.Wants(Granules(ParkedAreas::kSizes)));
  EXPECT_FALSE(parked_.Top(Granules(ParkedAreas::kSizes)));
}

TEST_F(ParkedAreasTest, ARowIsWantedOfASizeThatIsOftenSought) {
  for (int i = 0; i < 4; ++i) EXPECT_FALSE(parked_.Wants(Granules(4)));
  EXPECT_TRUE(parked_.Wants(Granules(4)));
  EXPECT_FALSE(parked_.Wants(Granules(5)));
  parked_.Push(At(one_, 0, 4));
  EXPECT_FALSE(parked_.Wants(Granules(4)));
  parked_.Drop(Granules(4));
  EXPECT_TRUE(parked_.Wants(Granules(4)));
}

TEST_F(ParkedAreasTest, OnlySoManyParkInAll) {
  std::uint32_t pushed = 0;
  for (std::uint32_t size = 1; size < ParkedAreas::kSizes; ++size) {
    for (; parked_.HasRoom(Granules(size)); ++pushed) parked_.Push(At(one_, 64 * pushed, size));
  }
  EXPECT_EQ(pushed, ParkedAreas::kMost);
}

TEST_F(ParkedAreasTest, ThoseOfOneChunkAreTakenOut) {
  parked_.Push(At(one_, 100, 2));
  parked_.Push(At(other_, 8, 2));
  parked_.Push(At(one_, 200, 2));
  parked_.Push(At(one_, 50, 64));
  std::vector<std::uint32_t> taken;
  const auto note = [&taken](const Placement& placement) {
    taken.push_back(placement.area.offset.value());
  };
  parked_.TakeOut(one_.get(), note);
  EXPECT_EQ(taken, (std::vector<std::uint32_t>{100, 200, 50}));
  EXPECT_EQ(parked_.Top(Granules(2)).chunk, other_.get());
  parked_.TakeOut(nullptr, note);
  EXPECT_EQ(taken.back(), 8U);
  EXPECT_TRUE(parked_.empty());
}

}  // namespace
}  // namespace percpud

// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/percpu/index/reclaimer.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <vector>

#include "server/percpu/index/index_hot.h"
#include "tests/support/index_rig.h"

namespace percpud {
namespace {

constexpr Granules kUnit{16384};

class ReclaimerTest : public ::testing::TestWithParam<ReusePolicy> {
 protected:
  ReclaimerTest() {
    for (std::uint64_t place = 1; place <= 2; ++place) {
      Chunk& chunk = chunks_.Insert(testing::FreeChunk(info_), testing::MemoryAt(info_, place));
      runs_.AddToSearch(chunk);
      reserve_.Add(chunk);
    }
  }
  Placement Place(std::uint32_t count) {
    if (const Placement parked = reclaimer_.TakeParked(Granules(count), Granules(1))) {
      reclaimer_.NoteGranted(Granules(count));
      return parked;
    }
    const auto fit = runs_.Find(Granules(count), Granules(1), Region::kDynamic, false);
    if (!fit) return {};
    reclaimer_.TakeFrom(*fit, Granules(count), Granules(1));
    reclaimer_.NoteGranted(Granules(count));
    return {fit->chunk, {Granules(fit->run.at), Granules(count)}};
  }
  std::vector<Placement> PlaceMany(std::uint32_t areas, std::uint32_t count) {
    std::vector<Placement> out;
    for (std::uint32_t i = 0; i < areas; ++i) out.push_back(Place(count));
    return out;
  }
  // Granules that are free in all chunks.
  std::uint32_t Free() {
    return (chunks_.At(ChunkId(2))->areas().free() + chunks_.At(ChunkId(3))->areas().free())
        .value();
  }

  const AllocInfo info_ = testing::OneCpuInfo();
  ChunkTable chunks_{info_, testing::OneCpuArena(info_)};
  PageReserve reserve_{18};
  RunIndex runs_{chunks_, reserve_, 18};
  Reclaimer reclaimer_{chunks_, runs_, GetParam(), kUnit, 18};
};

using FreeRunReclaimerTest = ReclaimerTest;
INSTANTIATE_TEST_SUITE_P(, FreeRunReclaimerTest, ::testing::Values(ReusePolicy::kFreeRun));

TEST_P(FreeRunReclaimerTest, WhatIsFreedIsAFreeRunAtOnce) {
  const std::vector<Placement> areas = PlaceMany(40, 16);
  EXPECT_EQ(Free(), 2 * kUnit.value() - 40 * 16);
  for (const Placement area : areas) EXPECT_TRUE(reclaimer_.Reuse(area));
  EXPECT_EQ(Free(), 2 * kUnit.value());
  EXPECT_EQ(reclaimer_.held(), 0U);
  EXPECT_FALSE(reclaimer_.has_pending());
}

using ParkingReclaimerTest = ReclaimerTest;
INSTANTIATE_TEST_SUITE_P(, ParkingReclaimerTest, ::testing::Values(ReusePolicy::kParked));

TEST_P(ParkingReclaimerTest, FrequentSizesAreTakenInRows) {
  PlaceMany(22, 16);
  EXPECT_TRUE(reclaimer_.has_parked());
  EXPECT_EQ(Free() + reclaimer_.held(), 2 * kUnit.value() - 22 * 16);
  reclaimer_.Unpark(nullptr);
  EXPECT_FALSE(reclaimer_.has_parked());
  EXPECT_EQ(Free(), 2 * kUnit.value() - 22 * 16);
}

TEST_P(ParkingReclaimerTest, AFullChunksSmallAreasParkAndOthersDoNot) {
  const Placement large = Place(kUnit.value() - 64);
  const std::vector<Placement> areas = PlaceMany(3, 16);
  EXPECT_FALSE(reclaimer_.Reuse(areas[0]));
  EXPECT_EQ(reclaimer_.held(), 16U);
  EXPECT_EQ(Place(16).pointer(), areas[0].pointer());
  EXPECT_TRUE(reclaimer_.Reuse(large));
  // The chunk is nearly empty now.
  EXPECT_TRUE(reclaimer_.Reuse(areas[1]));
}

using ClearingReclaimerTest = ReclaimerTest;
INSTANTIATE_TEST_SUITE_P(, ClearingReclaimerTest, ::testing::Values(ReusePolicy::kCleared));

TEST_P(ClearingReclaimerTest, ABatchOfSmallAreasIsDueOrOneLargeOne) {
  const std::vector<Placement> areas = PlaceMany(40, 4);
  for (int i = 0; i < 15; ++i) EXPECT_TRUE(reclaimer_.Reuse(areas[i]));
  EXPECT_TRUE(reclaimer_.has_pending());
  EXPECT_FALSE(reclaimer_.wants_clearing());
  EXPECT_EQ(reclaimer_.TakePending(false).chunk, nullptr);
  EXPECT_TRUE(reclaimer_.Reuse(areas[15]));
  EXPECT_TRUE(reclaimer_.wants_clearing());
  reclaimer_.PutCleared(reclaimer_.TakePending(false));
  EXPECT_FALSE(reclaimer_.has_pending());
  EXPECT_TRUE(reclaimer_.Reuse(Place(kUnit.value() / 64)));
  EXPECT_TRUE(reclaimer_.wants_clearing());
}

TEST_P(ClearingReclaimerTest, WhatWasClearedIsFreeAndClean) {
  const std::vector<Placement> areas = PlaceMany(40, 16);
  const std::uint32_t free = Free();
  const std::uint64_t held = reclaimer_.held();
  for (int i = 0; i < 20; ++i) EXPECT_TRUE(reclaimer_.Reuse(areas[i]));
  EXPECT_TRUE(reclaimer_.wants_clearing());
  EXPECT_EQ(Free(), free);
  EXPECT_EQ(reclaimer_.held(), held + 20 * 16);
  const Reclaimer::Clearing clearing = reclaimer_.TakePending(false);
  ASSERT_EQ(clearing.chunk, areas[0].chunk);
  EXPECT_EQ(clearing.areas.size(), 20U);
  EXPECT_FALSE(reclaimer_.wants_clearing());
  EXPECT_TRUE(reclaimer_.has_pending());
  reclaimer_.PutCleared(clearing);
  EXPECT_FALSE(reclaimer_.has_pending());
  EXPECT_EQ(Free(), free + 20 * 16);
  EXPECT_EQ(clearing.chunk->dirty().end(), Granules(0));
}

TEST_P(ClearingReclaimerTest, AChunkThatNobodyUsesIsFreeAndDirty) {
  const std::vector<Placement> areas = PlaceMany(3, 16);
  for (const Placement area : areas) EXPECT_TRUE(reclaimer_.Reuse(area));
  EXPECT_EQ(reclaimer_.held(), 0U);
  EXPECT_EQ(Free(), 2 * kUnit.value());
  Chunk& chunk = *areas.front().chunk;
  EXPECT_GT(chunk.dirty().end(), Granules(0));
  reclaimer_.NoteClean(chunk);
  EXPECT_EQ(chunk.dirty().end(), Granules(0));
}

TEST_P(ClearingReclaimerTest, DirtyRunsOfAPageAreTakenToBeCleared) {
  const std::vector<Placement> areas = PlaceMany(4, 16);
  reclaimer_.ReleaseDirty(areas[1]);
  const Reclaimer::Clearing clearing = reclaimer_.TakeDirty();
  ASSERT_EQ(clearing.chunk, areas[1].chunk);
  EXPECT_EQ(clearing.areas, std::vector<AreaSpan>{areas[1].area});
  EXPECT_EQ(reclaimer_.TakeDirty().chunk, nullptr);
  const std::uint32_t free = Free();
  reclaimer_.PutCleared(clearing);
  EXPECT_EQ(Free(), free + 16);
}

}  // namespace
}  // namespace percpud

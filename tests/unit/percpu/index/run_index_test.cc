// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/percpu/index/run_index.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <optional>
#include <string>

#include "server/percpu/index/index_hot.h"
#include "tests/support/index_rig.h"

namespace percpud {
namespace {

constexpr Granules kUnit{16384};

class RunIndexTest : public ::testing::Test {
 protected:
  Chunk& Insert(std::uint32_t populated = 16) {
    Chunk& chunk =
        chunks_.Insert(testing::FreeChunk(info_, populated), testing::MemoryAt(info_, ++places_));
    runs_.AddToSearch(chunk);
    reserve_.Add(chunk);
    return chunk;
  }
  Placement Place(std::uint32_t count, std::uint32_t align = 1) {
    const auto fit = runs_.Find(Granules(count), Granules(align), Region::kDynamic, false);
    if (!fit) return {};
    runs_.Take(*fit, Granules(count));
    return {fit->chunk, {Granules(fit->run.at), Granules(count)}};
  }
  std::string WhatIsWrong() {
    for (Chunk* chunk = chunks_.FindFrom(ChunkId(0)); chunk != nullptr;
         chunk = chunks_.FindFrom(ChunkId(chunk->id().value() + 1))) {
      if (absl::Status status = runs_.CheckChunk(*chunk); !status.ok()) {
        return std::string(status.message());
      }
    }
    return std::string(runs_.CheckClasses().message());
  }

  const AllocInfo info_ = testing::OneCpuInfo();
  ChunkTable chunks_{info_, testing::OneCpuArena(info_)};
  PageReserve reserve_{18};
  RunIndex runs_{chunks_, reserve_, 18};
  std::uint64_t places_ = 0;
};

TEST_F(RunIndexTest, TheTightestClassAndThenTheLowestChunkComeFirst) {
  Chunk& low = Insert();
  Chunk& high = Insert();
  EXPECT_EQ(Place(kUnit.value() - 8).chunk, &low);
  EXPECT_EQ(Place(4).chunk, &low);
  EXPECT_EQ(Place(100).chunk, &high);
  EXPECT_EQ(Place(4).chunk, &low);
  EXPECT_EQ(WhatIsWrong(), "");
}

TEST_F(RunIndexTest, WhatIsReleasedIsFoundAgain) {
  Insert();
  const Placement whole = Place(kUnit.value());
  ASSERT_TRUE(whole);
  EXPECT_TRUE(runs_.free_chunks().empty());
  EXPECT_FALSE(Place(1));
  runs_.Release(whole);
  EXPECT_EQ(runs_.free_chunks().count(), 1U);
  EXPECT_TRUE(Place(kUnit.value()));
  EXPECT_EQ(WhatIsWrong(), "");
}

TEST_F(RunIndexTest, AlignmentIsExactThoughMostRunsMisfit) {
  Insert();
  for (std::uint32_t i = 0; i < kUnit.value() / 8; ++i) ASSERT_TRUE(Place(8));
  // One aligned run, among many that are not.
  for (std::uint32_t at = 8; at < kUnit.value(); at += 16) {
    runs_.Release({chunks_.At(ChunkId(2)), {Granules(at), Granules(8)}});
  }
  EXPECT_FALSE(Place(8, 16));
  runs_.Release({chunks_.At(ChunkId(2)), {Granules(8000), Granules(8)}});
  EXPECT_EQ(Place(8, 16).area.offset, Granules(8000));
}

TEST_F(RunIndexTest, WithdrawnAndLeasedChunksAreNotSearched) {
  Chunk& chunk = Insert();
  runs_.Withdraw(chunk);
  EXPECT_EQ(runs_.withdrawn(), 1U);
  EXPECT_FALSE(Place(1));
  EXPECT_EQ(WhatIsWrong(), "");
  runs_.Lease(chunk, Bytes(1 << 20));
  EXPECT_EQ(runs_.leased(), 1U);
  EXPECT_EQ(runs_.withdrawn(), 0U);
  EXPECT_EQ(reserve_.empty_blocks(), 0U);
  EXPECT_FALSE(Place(1));
  EXPECT_EQ(WhatIsWrong(), "");
  EXPECT_EQ(runs_.Unlease(chunk), Bytes(1 << 20));
  EXPECT_EQ(reserve_.empty_blocks(), 16U);
  runs_.Readmit(chunk);
  EXPECT_EQ(runs_.withdrawn(), 0U);
  EXPECT_TRUE(Place(1));
  EXPECT_EQ(WhatIsWrong(), "");
}

TEST_F(RunIndexTest, AnEmptyingChunkIsSearchedLastUntilSomethingIsPlacedThere) {
  Chunk& low = Insert();
  Chunk& high = Insert();
  const Placement kept = Place(1);
  ASSERT_EQ(kept.chunk, &low);
  EXPECT_FALSE(runs_.QueueIfEmptying(low, /*reserve=*/64));
  EXPECT_TRUE(runs_.QueueIfEmptying(low, /*reserve=*/4));
  EXPECT_EQ(runs_.sidelined(), 1U);
  EXPECT_EQ(reserve_.empty_blocks(), 16U);
  EXPECT_EQ(WhatIsWrong(), "");
  EXPECT_EQ(Place(1).chunk, &high);
  EXPECT_EQ(runs_.WithdrawQueued(), &low);
  EXPECT_EQ(runs_.WithdrawQueued(), nullptr);
  runs_.Readmit(low);
  // Still sidelined: a live area is in it. With no other room it is found.
  EXPECT_EQ(runs_.sidelined(), 1U);
  ASSERT_EQ(Place(kUnit.value() - 1).chunk, &high);
  EXPECT_EQ(Place(1).chunk, &low);
  runs_.Reintegrate(low);
  EXPECT_EQ(runs_.sidelined(), 0U);
  EXPECT_EQ(WhatIsWrong(), "");
}

TEST_F(RunIndexTest, OnlyBackedBlocksWhenAsked) {
  Insert(/*populated=*/2);
  const auto find = [this](std::uint32_t count) {
    return runs_.Find(Granules(count), Granules(1), Region::kDynamic, /*populated_only=*/true);
  };
  EXPECT_TRUE(find(2048));
  EXPECT_FALSE(find(2049));
  EXPECT_TRUE(runs_.Find(Granules(2049), Granules(1), Region::kDynamic, false));
}

TEST_F(RunIndexTest, ChunksWhereTheyDoNotBelongAreFound) {
  Chunk& free = Insert();
  free.state().set_withdrawn(true);
  EXPECT_EQ(WhatIsWrong(), "index: chunk 2 is wrongly counted free");
  free.state().set_withdrawn(false);
  Place(1);
  free.state().set_withdrawn(true);
  EXPECT_EQ(WhatIsWrong(), "index: chunk 2 is in the wrong classes");
  free.state().set_withdrawn(false);
  reserve_.Queue(free.id());
  EXPECT_EQ(WhatIsWrong(), "index: chunk 2 is wrongly to depopulate");
}

}  // namespace
}  // namespace percpud

// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "server/percpu/index/index_hot.h"

namespace percpud {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr std::uint64_t kChunks = 4;

// Chunks of one unit each, of which the first has an area.
class IndexCheckTest : public ::testing::Test {
 protected:
  IndexCheckTest() {
    for (std::uint64_t i = 0; i < kChunks; ++i) {
      auto chunk = Chunk::Make(ChunkKind::kDynamic, {Bytes(0), info_.unit_size}, HeapMetadata);
      chunk->MarkPopulated({0, chunk->blocks()});
      const std::uint64_t pages = info_.unit_size / kBasePageSize;
      index_.Insert(std::move(chunk), {.base = info_.unit_size * i,
                                       .first_page = PageId(i * pages),
                                       .pages = Pages(pages),
                                       .block_order = Order(4)});
    }
    Grant();
  }

  // In the lowest chunk.
  void Grant() {
    const Placement placed = index_.Place(Granules(16), Granules(1), Region::kDynamic, false);
    index_.CommitGrant(placed, kNoTag);
    granted_.push_back(placed);
  }
  void FreeLast() {
    index_.CommitFree(granted_.back());
    granted_.pop_back();
  }
  // What is wrong, if others always come in between.
  std::string WhatIsWrong() {
    return std::string(index_.CheckInvariants([] { return true; }).message());
  }

  const AllocInfo info_ = *BuildAllocInfo({.static_size = Bytes(4096), .dyn_size = Bytes(60 << 10)},
                                          *Topology::Uniform(1));
  Index index_{
      info_,
      {.size = kBasePageSize * 256, .page_size = kBasePageSize, .frame_size = info_.unit_size},
      ReusePolicy::kFreeRun};
  std::vector<Placement> granted_;
};

TEST_F(IndexCheckTest, LetsOthersInBeforeEveryChunk) {
  std::uint64_t calls = 0;
  const auto nobody_waits = [&calls] {
    ++calls;
    return false;
  };
  EXPECT_TRUE(index_.CheckInvariants(nobody_waits).ok());
  EXPECT_GE(calls, kChunks);
  EXPECT_TRUE(index_.CheckInvariants().ok());
}

TEST_F(IndexCheckTest, WhatIsGrantedAndFreedMeanwhileIsNoBreach) {
  const auto grant = [this] {
    Grant();
    return true;
  };
  EXPECT_TRUE(index_.CheckInvariants(grant).ok());
  const auto free = [this] {
    FreeLast();
    return true;
  };
  EXPECT_TRUE(index_.CheckInvariants(free).ok());
  // Though what was and what is do not add up.
  const auto grant_unseen = [this] {
    Grant();
    return false;
  };
  EXPECT_FALSE(index_.CheckInvariants(grant_unseen).ok());
}

TEST_F(IndexCheckTest, CountersThatDifferFromTheChunksAreFound) {
  ASSERT_THAT(WhatIsWrong(), IsEmpty());
  for (const auto counter : {&Counters::nr_alloc, &Counters::nr_dealloc, &Counters::nr_chunks}) {
    ++(index_.counters().*counter);
    EXPECT_THAT(WhatIsWrong(), HasSubstr("counted are"));
    --(index_.counters().*counter);
  }
  index_.counters().live_bytes += kGranuleSize;
  EXPECT_THAT(WhatIsWrong(), HasSubstr("counted are"));
  index_.counters().live_bytes -= kGranuleSize;
  // A chunk that is counted twice.
  index_.reserve().Add(*index_.chunks().At(ChunkId(kChunks)));
  EXPECT_THAT(WhatIsWrong(), HasSubstr("counted are"));
}

TEST_F(IndexCheckTest, AChunkThatIsNotWhereItBelongsIsFound) {
  Chunk& last = *index_.chunks().Find(ChunkId(kChunks + 1));
  last.state().set_withdrawn(true);
  EXPECT_THAT(WhatIsWrong(), HasSubstr("chunk 5 is wrongly counted free"));
  last.state().set_withdrawn(false);
  Chunk& first = *granted_.front().chunk;
  first.state().set_withdrawn(true);
  EXPECT_THAT(WhatIsWrong(), HasSubstr("chunk 2 is in the wrong classes"));
  first.state().set_withdrawn(false);
  EXPECT_THAT(WhatIsWrong(), IsEmpty());
}

}  // namespace
}  // namespace percpud

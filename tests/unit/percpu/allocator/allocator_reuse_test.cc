// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// What becomes of freed areas: parked, cleared behind, or room at once.

#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <memory>
#include <vector>

#include "server/percpu/allocator/allocator.h"
#include "server/percpu/introspect/inspector.h"
#include "tests/support/allocator_rig.h"
#include "tests/support/fake_clock.h"
#include "tests/support/fake_page_source.h"

namespace percpud {
namespace {

using testing::FakeClock;
using testing::HeapPageSource;

constexpr std::uint32_t kCpus = 4;
constexpr Bytes kUnitSize{64 << 10};
// The number of areas of 64 bytes that fill the first chunk.
constexpr std::size_t kFill = 960;

class AllocatorReuseTest : public ::testing::Test {
 protected:
  void SetUp() override { Make(/*zero=*/true); }

  void Make(bool zero) {
    Allocator::Options options;
    options.clock = &clock_;
    options.zero = zero;
    allocator_ = *testing::MakeAllocator(
        {.cpus = kCpus, .unit_size = kUnitSize, .arena_size = pages_.size()}, pages_, options);
  }
  PercpuPtr Alloc(std::uint64_t size) {
    const auto pointer = allocator_->Alloc({Bytes(size)});
    EXPECT_TRUE(pointer.ok()) << pointer.status();
    return *pointer;
  }
  std::vector<PercpuPtr> AllocMany(std::size_t count) {
    std::vector<PercpuPtr> out(count);
    for (PercpuPtr& pointer : out) pointer = Alloc(64);
    return out;
  }
  void Free(PercpuPtr pointer) { ASSERT_TRUE(allocator_->Free(pointer).ok()); }
  // Writes the first 64 bytes, in every unit.
  void Write(PercpuPtr pointer) {
    const auto pin = allocator_->Touch(pointer, Bytes(64));
    for (std::uint32_t unit = 0; unit < kCpus; ++unit) {
      std::memset(pin->address(UnitId(unit)), 0xff, 64);
    }
  }
  bool ReadsZero(PercpuPtr pointer) {
    const auto pin = allocator_->Touch(pointer, Bytes(64));
    bool zero = true;
    for (std::uint32_t unit = 0; unit < kCpus; ++unit) {
      const std::byte* const bytes = pin->address(UnitId(unit));
      zero &= std::all_of(bytes, bytes + 64, [](std::byte byte) { return byte == std::byte{0}; });
    }
    return zero;
  }
  Stats stats() const { return Inspector(*allocator_).GetStats(); }
  void ExpectSound() const {
    EXPECT_TRUE(Inspector(*allocator_).CheckInvariants().ok())
        << Inspector(*allocator_).CheckInvariants();
  }

  FakeClock clock_;
  HeapPageSource pages_{Bytes(4 << 20)};
  std::unique_ptr<Allocator> allocator_;
};

TEST_F(AllocatorReuseTest, FreedAreasAreClearedBehind) {
  bool wanted = false;
  allocator_->set_balance_wanted([&wanted] { wanted = true; });
  const std::vector<PercpuPtr> areas = AllocMany(100);
  for (const PercpuPtr area : areas) Write(area);
  for (std::size_t i = 0; i < 100; i += 2) Free(areas[i]);
  EXPECT_TRUE(wanted);
  EXPECT_EQ(stats().zeroed_background, Bytes(0));
  allocator_->Balance();
  EXPECT_EQ(stats().zeroed_background, Bytes(64 * 50 * kCpus));
  ExpectSound();
  for (const PercpuPtr area : AllocMany(200)) EXPECT_TRUE(ReadsZero(area));
  EXPECT_EQ(stats().zeroed_inline, Bytes(0));
  ExpectSound();
}

TEST_F(AllocatorReuseTest, WhatWaitsCountsAsFree) {
  const std::vector<PercpuPtr> areas = AllocMany(100);
  const ChunkSnapshot before = Inspector(*allocator_).GetChunks(ChunkId(1), 1).front();
  for (int i = 0; i < 50; ++i) Free(areas[i]);
  const ChunkSnapshot after = Inspector(*allocator_).GetChunks(ChunkId(1), 1).front();
  EXPECT_EQ(after.free_bytes, before.free_bytes + Bytes(64 * 50));
  EXPECT_EQ(after.live_areas, 50U);
  EXPECT_EQ(after.dirty_bytes, Bytes(64 * 50));
  EXPECT_EQ(Inspector(*allocator_).Resolve(areas.front())->owner, Resolution::Owner::kFree);
  EXPECT_FALSE(allocator_->Free(areas.front()).ok());
}

// When the load shrinks, no more is cleared than may be asked for.
TEST_F(AllocatorReuseTest, WhatNobodyAsksForIsNotCleared) {
  std::vector<PercpuPtr> areas = AllocMany(4 * kFill);
  for (std::size_t i = 0; i < areas.size(); ++i) {
    if (i % 10 == 0) continue;
    Free(areas[i]);
    allocator_->Balance();
  }
  // A chunk's worth, and the batch that was begun.
  EXPECT_LE(stats().zeroed_background, kUnitSize * (kCpus + 1));
  EXPECT_GT(stats().zeroed_background, Bytes(0));
  ExpectSound();
}

// Though none of them is worth clearing yet.
TEST_F(AllocatorReuseTest, WhatWaitsIsUsedBeforeAChunkIsMade) {
  const std::vector<PercpuPtr> areas = AllocMany(kFill);
  ASSERT_EQ(stats().nr_chunks, 1U);
  for (int i = 100; i < 108; ++i) Write(areas[i]);
  for (int i = 100; i < 108; ++i) Free(areas[i]);
  const auto estimate = Inspector(*allocator_).EstimateAlloc({Bytes(512)}, Region::kDynamic);
  ASSERT_TRUE(estimate.ok());
  EXPECT_FALSE(estimate->would_grow);
  const PercpuPtr large = Alloc(512);
  EXPECT_EQ(large, areas[100]);
  EXPECT_TRUE(ReadsZero(large));
  EXPECT_EQ(stats().nr_chunks, 1U);
}

TEST_F(AllocatorReuseTest, ARequestThatMayNotGrowHasWhatWaits) {
  const std::vector<PercpuPtr> areas = AllocMany(kFill);
  Write(areas[7]);
  Free(areas[7]);
  const auto again = allocator_->Alloc({Bytes(64)}, {.no_grow = true});
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ(*again, areas[7]);
  EXPECT_TRUE(ReadsZero(*again));
}

TEST_F(AllocatorReuseTest, AChunkThatNobodyUsesIsFreeAtOnce) {
  const std::vector<PercpuPtr> first = AllocMany(kFill);
  const std::vector<PercpuPtr> second = AllocMany(100);
  ASSERT_EQ(stats().nr_chunks, 2U);
  for (const PercpuPtr area : second) Write(area);
  for (const PercpuPtr area : second) Free(area);
  EXPECT_EQ(stats().free_chunks, 1U);
  ExpectSound();
  // Before it has been cleared, and after.
  const PercpuPtr again = Alloc(64);
  EXPECT_TRUE(ReadsZero(again));
  allocator_->Balance();
  for (const PercpuPtr area : AllocMany(200)) EXPECT_TRUE(ReadsZero(area));
  ExpectSound();
}

// It was discarded with the chunk's last area, and the chunk was used again before it was
// cleared: from then on as much of it is cleared as is asked for.
TEST_F(AllocatorReuseTest, DirtyRoomIsClearedOnceItIsAskedFor) {
  AllocMany(kFill);
  for (const PercpuPtr area : AllocMany(500)) Free(area);
  const PercpuPtr first = Alloc(64);
  EXPECT_EQ(stats().zeroed_inline, Bytes(64 * kCpus));
  allocator_->Balance();
  AllocMany(400);
  EXPECT_EQ(stats().zeroed_inline, Bytes(64 * kCpus));
  EXPECT_TRUE(ReadsZero(first));
  ExpectSound();
}

// --- Parking -------------------------------------------------------------------

TEST_F(AllocatorReuseTest, ASmallAreaOfAFullChunkIsTheNextOfItsSize) {
  Make(/*zero=*/false);
  const std::vector<PercpuPtr> areas = AllocMany(kFill);
  Free(areas[10]);
  Free(areas[500]);
  EXPECT_EQ(Alloc(64), areas[500]);
  EXPECT_EQ(Alloc(64), areas[10]);
  ExpectSound();
}

TEST_F(AllocatorReuseTest, ParkedNeighboursAreOneRoomForALargerArea) {
  Make(/*zero=*/false);
  const std::vector<PercpuPtr> areas = AllocMany(kFill);
  Free(areas[10]);
  Free(areas[11]);
  EXPECT_EQ(Alloc(128), areas[10]);
  EXPECT_EQ(stats().nr_chunks, 1U);
  ExpectSound();
}

TEST_F(AllocatorReuseTest, ParkedAreasKeepNoChunk) {
  Make(/*zero=*/false);
  AllocMany(kFill);
  const std::vector<PercpuPtr> second = AllocMany(1024);
  ASSERT_EQ(stats().nr_chunks, 2U);
  for (const PercpuPtr area : second) Free(area);
  EXPECT_EQ(stats().free_chunks, 1U);
  ExpectSound();
}

}  // namespace
}  // namespace percpud

// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/percpu/allocator/cleaner.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
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

constexpr std::uint32_t kCpus = 3;
constexpr Bytes kUnitSize{64 << 10};

class CleanerTest : public ::testing::Test {
 protected:
  void SetUp() override { Make("km"); }

  void Make(const std::string& backend) {
    Allocator::Options options;
    options.clock = &clock_;
    allocator_ = *testing::MakeAllocator(
        {.cpus = kCpus, .unit_size = kUnitSize, .arena_size = pages_.size(), .backend = backend},
        pages_, options);
  }
  [[nodiscard]] AllocatorCore& core() const { return allocator_->core(); }
  std::vector<PercpuPtr> AllocMany(std::size_t count) {
    std::vector<PercpuPtr> out(count);
    for (PercpuPtr& pointer : out) pointer = *allocator_->Alloc({Bytes(64)});
    return out;
  }
  void Free(const std::vector<PercpuPtr>& areas, std::size_t step = 1) {
    for (std::size_t i = 0; i < areas.size(); i += step) {
      ASSERT_TRUE(allocator_->Free(areas[i]).ok());
    }
  }
  template <typename Work>
  auto UnderGrowLock(Work work) {
    RankedLock grow(&core().grow_mu);
    return work(Cleaner(core()));
  }
  [[nodiscard]] Stats stats() const { return Inspector(*allocator_).GetStats(); }

  testing::FakeClock clock_;
  testing::HeapPageSource pages_{Bytes(8 << 20)};
  std::unique_ptr<Allocator> allocator_;
};

TEST_F(CleanerTest, ZeroClearsItsPartsInEveryUnitAndNothingElse) {
  const PercpuPtr area = *allocator_->Alloc({Bytes(256)});
  const auto pin = allocator_->Touch(area, Bytes(256));
  ASSERT_TRUE(pin.ok());
  for (std::uint32_t unit = 0; unit < kCpus; ++unit) {
    std::memset(pin->address(UnitId(unit)), 0xff, 256);
  }
  const Granules at = ToGranules(Bytes(area.value()));
  const std::array<AreaSpan, 2> parts = {AreaSpan{at, Granules(4)},
                                         AreaSpan{at + Granules(32), Granules(8)}};
  ChunkMemory memory;
  {
    RankedLock lock(&core().index_mu);
    memory = core().index().chunks().Find(Index::kFirstId)->memory();
  }
  EXPECT_EQ(Cleaner(core()).Zero(memory, parts), ToBytes(Granules(12)) * kCpus);
  for (std::uint32_t unit = 0; unit < kCpus; ++unit) {
    const std::byte* const bytes = pin->address(UnitId(unit));
    EXPECT_EQ(std::count(bytes, bytes + 256, std::byte{0}), 48);
    EXPECT_EQ(bytes[0], std::byte{0});
    EXPECT_EQ(bytes[16], std::byte{0xff});
    EXPECT_EQ(bytes[128], std::byte{0});
    EXPECT_EQ(bytes[160], std::byte{0xff});
  }
}

TEST_F(CleanerTest, PendingAreasAreClearedOnceThereIsABatchOrSomebodyNeedsThem) {
  const std::vector<PercpuPtr> areas = AllocMany(100);
  Free({areas.begin(), areas.begin() + 3});
  EXPECT_FALSE(UnderGrowLock([](Cleaner cleaner) { return cleaner.ClearPending(false); }));
  EXPECT_EQ(stats().zeroed_background, Bytes(0));
  EXPECT_TRUE(UnderGrowLock([](Cleaner cleaner) { return cleaner.ClearPending(true); }));
  EXPECT_EQ(stats().zeroed_background, Bytes(3 * 64 * kCpus));
  EXPECT_FALSE(UnderGrowLock([](Cleaner cleaner) { return cleaner.ClearPending(true); }));
  Free({areas.begin() + 3, areas.begin() + 40});
  EXPECT_TRUE(UnderGrowLock([](Cleaner cleaner) { return cleaner.ClearPending(false); }));
  EXPECT_TRUE(Inspector(*allocator_).CheckInvariants().ok());
}

TEST_F(CleanerTest, AFreeChunkIsClearedWholeAndSearchedAgain) {
  // Fills the first chunk and begins a second, which is then free and dirty.
  const std::vector<PercpuPtr> areas = AllocMany(1100);
  ASSERT_EQ(stats().nr_chunks, 2U);
  Free({areas.begin() + 960, areas.end()});
  ASSERT_EQ(stats().free_chunks, 1U);
  EXPECT_TRUE(UnderGrowLock([](Cleaner cleaner) { return cleaner.CleanOneFreeChunk(); }));
  EXPECT_FALSE(UnderGrowLock([](Cleaner cleaner) { return cleaner.CleanOneFreeChunk(); }));
  EXPECT_EQ(stats().free_chunks, 1U);
  EXPECT_GT(stats().zeroed_background, Bytes(0));
  EXPECT_EQ(Inspector(*allocator_).GetChunks(ChunkId(2), 1).front().dirty_bytes, Bytes(0));
  EXPECT_TRUE(Inspector(*allocator_).CheckInvariants().ok());
}

TEST_F(CleanerTest, WherePagesGoBackNothingIsCleared) {
  pages_.Release(Bytes(0), pages_.size()).IgnoreError();
  Make("vm");
  Free(AllocMany(100), 2);
  EXPECT_FALSE(UnderGrowLock([](Cleaner cleaner) { return cleaner.ClearDirty(); }));
  EXPECT_FALSE(UnderGrowLock([](Cleaner cleaner) { return cleaner.CleanOneFreeChunk(); }));
  EXPECT_EQ(stats().zeroed_background, Bytes(0));
}

}  // namespace
}  // namespace percpud

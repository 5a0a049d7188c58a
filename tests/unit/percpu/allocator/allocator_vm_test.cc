// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// The allocator over a backend that backs blocks one by one: what is populated
// when, what is given back, and which chunks are searched last. The pages fault
// when touched without memory.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <map>
#include <memory>
#include <utility>
#include <vector>

#include "server/percpu/allocator/allocator.h"
#include "server/percpu/introspect/inspector.h"
#include "tests/support/allocator_rig.h"
#include "tests/support/fake_clock.h"
#include "tests/support/fake_page_source.h"

namespace percpud {
namespace {

constexpr Bytes kPage = kBasePageSize;
// Blocks of a unit of 64 KiB.
constexpr std::uint32_t kBlocks = 16;

class AllocatorVmTest : public ::testing::Test {
 protected:
  void SetUp() override { Make({}); }
  void TearDown() override {
    EXPECT_TRUE(Inspector(*allocator_).CheckInvariants().ok())
        << Inspector(*allocator_).CheckInvariants();
    EXPECT_EQ(Inspector(*allocator_).GetStats().populated_pages, pages_.populated_pages());
  }

  void Make(const BackendOptions& backend, Bytes static_size = kPage) {
    allocator_.reset();
    ASSERT_TRUE(pages_.Release(Bytes(0), pages_.size()).ok());
    Allocator::Options options;
    options.clock = &clock_;
    allocator_ = *testing::MakeAllocator(
        {.cpus = kUnits, .static_size = static_size, .backend = "vm", .backend_options = backend},
        failing_, options);
  }
  PercpuPtr MustAlloc(Bytes size, Bytes alignment = kDefaultAlign) {
    const auto pointer = allocator_->Alloc({.size = size, .alignment = alignment});
    EXPECT_TRUE(pointer.ok()) << pointer.status();
    return pointer.value_or(PercpuPtr());
  }
  // A chunk's worth of areas of a page each.
  std::vector<PercpuPtr> FillChunk() {
    std::vector<PercpuPtr> out;
    for (std::uint32_t i = 0; i < kBlocks; ++i) out.push_back(MustAlloc(kPage, kPage));
    return out;
  }
  // The first chunk full, so that what is asked next is elsewhere.
  void FillFirst() { MustAlloc(Bytes((kBlocks - 1) * kPage.value()), kPage); }
  // The areas of a chunk of which only the first lives, and that is sidelined, and of
  // another, which has the reserve.
  std::pair<std::vector<PercpuPtr>, std::vector<PercpuPtr>> SidelineOneOfTwo() {
    FillFirst();
    std::vector<PercpuPtr> sparse = FillChunk();
    std::vector<PercpuPtr> other = FillChunk();
    for (std::uint32_t i = 8; i < kBlocks; ++i) Free(other[i]);
    for (std::uint32_t i = 1; i < kBlocks; ++i) Free(sparse[i]);
    allocator_->Balance();
    return {std::move(sparse), std::move(other)};
  }
  void Free(PercpuPtr pointer) { ASSERT_TRUE(allocator_->Free(pointer).ok()); }
  ChunkSnapshot ChunkOf(PercpuPtr pointer) {
    return Inspector(*allocator_).GetAreaMap(Inspector(*allocator_).Resolve(pointer)->chunk)->chunk;
  }
  Pages Populated() { return Inspector(*allocator_).GetStats().populated_pages; }

  static constexpr std::uint32_t kUnits = 3;
  testing::FakeClock clock_;
  testing::HeapPageSource pages_{Bytes(64 << 20)};
  testing::FailingPageSource failing_{pages_};
  std::unique_ptr<Allocator> allocator_;
};

TEST_F(AllocatorVmTest, WhatIsGrantedIsBackedAndNothingElse) {
  EXPECT_EQ(Populated(), Pages(kUnits * kBlocks));
  FillFirst();
  const PercpuPtr area = MustAlloc(Bytes(100));
  EXPECT_EQ(Populated(), Pages(kUnits * (kBlocks + 1)));
  EXPECT_EQ(ChunkOf(area).populated_pages, Pages(kUnits));
  const PercpuPtr large = MustAlloc(kPage * 5, kPage);
  EXPECT_EQ(ChunkOf(large).id, ChunkOf(area).id);
  EXPECT_EQ(Populated(), Pages(kUnits * (kBlocks + 6)));
  const auto pin = allocator_->Touch(large, kPage * 5);
  for (std::uint32_t unit = 0; unit < kUnits; ++unit) {
    std::memset(pin->address(UnitId(unit)), 0xa5, (kPage * 5).value());
  }
}

TEST_F(AllocatorVmTest, APopulateThatFailsGrantsNothing) {
  FillFirst();
  const Stats before = Inspector(*allocator_).GetStats();
  for (std::uint64_t n = 1; n <= kUnits; ++n) {
    failing_.FailNth(n);
    EXPECT_TRUE(absl::IsResourceExhausted(allocator_->Alloc({.size = Bytes(100)}).status()));
    EXPECT_EQ(Inspector(*allocator_).GetStats().nr_cur_alloc, before.nr_cur_alloc);
    EXPECT_EQ(Inspector(*allocator_).GetStats().nr_chunks, before.nr_chunks);
    EXPECT_EQ(Populated(), before.populated_pages);
  }
  failing_.FailNth(0);
  MustAlloc(Bytes(100));
}

TEST_F(AllocatorVmTest, EmptyPagesGoBackAndComeAgainZero) {
  FillFirst();
  const std::vector<PercpuPtr> first = FillChunk();
  const std::vector<PercpuPtr> second = FillChunk();
  for (const PercpuPtr area : second) {
    std::memset(allocator_->Touch(area, kPage)->address(UnitId(2)), 0xa5, kPage.value());
  }
  // The first chunk's pages are the reserve.
  for (std::size_t i = 0; i + 1 < first.size(); ++i) Free(first[i]);
  allocator_->Balance();
  for (std::size_t i = 0; i + 1 < second.size(); ++i) Free(second[i]);
  allocator_->Balance();
  EXPECT_EQ(ChunkOf(second.back()).kind, ChunkKind::kSidelined);
  EXPECT_EQ(ChunkOf(second.back()).populated_pages, Pages(kUnits));
  EXPECT_EQ(ChunkOf(second.back()).dirty_bytes, Bytes(0));
  EXPECT_GE(Inspector(*allocator_).GetStats().blocks_depopulated, kBlocks - 1);
  // The last block lies where it lay, and reads as it did.
  EXPECT_EQ(allocator_->Touch(second.back(), kPage)->address(UnitId(2))[7], std::byte{0xa5});
  for (int i = 0; i < 100; ++i) {
    const PercpuPtr area = MustAlloc(Bytes(1024));
    const auto pin = allocator_->Touch(area, Bytes(1024));
    for (std::size_t byte = 0; byte < 1024; ++byte) {
      ASSERT_EQ(pin->address(UnitId(2))[byte], std::byte{0});
    }
  }
}

TEST_F(AllocatorVmTest, AQuarterEmptyIsWorthTheTrouble) {
  const std::vector<PercpuPtr> reserve = FillChunk();
  const std::vector<PercpuPtr> areas = FillChunk();
  const std::vector<PercpuPtr> more = FillChunk();
  for (std::uint32_t i = 0; i < 8; ++i) Free(reserve[i]);
  // The emptiest but the reserve: a quarter less one page, then a quarter.
  const ChunkId chunk = ChunkOf(more[8]).id;
  std::vector<PercpuPtr> mine;
  for (const auto* set : {&areas, &more}) {
    for (const PercpuPtr area : *set) {
      if (ChunkOf(area).id == chunk) mine.push_back(area);
    }
  }
  ASSERT_GE(mine.size(), 5U);
  for (int i = 0; i < 3; ++i) Free(mine[i]);
  EXPECT_EQ(Inspector(*allocator_).GetAreaMap(chunk)->chunk.kind, ChunkKind::kDynamic);
  Free(mine[3]);
  EXPECT_EQ(Inspector(*allocator_).GetAreaMap(chunk)->chunk.kind, ChunkKind::kToDepopulate);
  allocator_->Balance();
  EXPECT_EQ(Inspector(*allocator_).GetAreaMap(chunk)->chunk.kind, ChunkKind::kSidelined);
  EXPECT_EQ(Inspector(*allocator_).GetAreaMap(chunk)->chunk.empty_pop_pages, 0U);
  // What empties in a sidelined chunk goes at once.
  Free(mine[4]);
  EXPECT_EQ(Inspector(*allocator_).GetAreaMap(chunk)->chunk.kind, ChunkKind::kToDepopulate);
  allocator_->Balance();
  EXPECT_EQ(Inspector(*allocator_).GetAreaMap(chunk)->chunk.empty_pop_pages, 0U);
}

TEST_F(AllocatorVmTest, ASidelinedChunkIsUsedBeforeGrowingAndIsThenAnyOther) {
  const auto [sparse, other] = SidelineOneOfTwo();
  const ChunkId aside = ChunkOf(sparse[0]).id;
  ASSERT_EQ(ChunkOf(sparse[0]).kind, ChunkKind::kSidelined);
  // Both would do; the ordinary one comes first, though its id is higher.
  const PercpuPtr placed = MustAlloc(kPage, kPage);
  EXPECT_EQ(ChunkOf(placed).id, ChunkOf(other[0]).id);
  ASSERT_EQ(Inspector(*allocator_).GetStats().nr_chunks, 3U);
  const PercpuPtr large = MustAlloc(kPage * 12, kPage);
  EXPECT_EQ(ChunkOf(large).id, aside);
  EXPECT_EQ(ChunkOf(large).kind, ChunkKind::kDynamic);
  EXPECT_EQ(Inspector(*allocator_).GetStats().nr_chunks, 3U);
  EXPECT_EQ(Inspector(*allocator_).GetStats().sidelined_chunks, 0U);
}

TEST_F(AllocatorVmTest, ARefusedRequestLeavesASidelinedChunkAside) {
  const auto [sparse, other] = SidelineOneOfTwo();
  ASSERT_EQ(ChunkOf(sparse[0]).kind, ChunkKind::kSidelined);
  // Its pages cannot be backed again.
  failing_.FailNth(1);
  EXPECT_FALSE(allocator_->Alloc({.size = kPage * 12, .alignment = kPage}).ok());
  failing_.FailNth(0);
  EXPECT_EQ(ChunkOf(sparse[0]).kind, ChunkKind::kSidelined);
}

TEST_F(AllocatorVmTest, TheReserveStays) {
  FillFirst();
  const std::vector<PercpuPtr> areas = FillChunk();
  for (const PercpuPtr area : areas) Free(area);
  allocator_->Balance();
  // A free chunk, of which four pages are kept.
  EXPECT_EQ(Inspector(*allocator_).GetStats().empty_pop_pages, kEmptyPagesHigh);
  EXPECT_EQ(Inspector(*allocator_).GetStats().free_chunks, 1U);
  EXPECT_EQ(Populated(), Pages(kUnits * (kBlocks + kEmptyPagesHigh)));
}

TEST_F(AllocatorVmTest, WhoMayNotGrowGetsBackedRoomOnly) {
  FillFirst();
  const PercpuPtr area = MustAlloc(kPage * 3, kPage);
  const AllocOptions no_grow{.no_grow = true};
  EXPECT_FALSE(allocator_->Alloc({.size = Bytes(64)}, no_grow).ok());
  Free(area);
  // Its three pages are backed, though there is room for sixteen.
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(allocator_->Alloc({kPage, kPage}, no_grow).ok());
  EXPECT_FALSE(allocator_->Alloc({.size = Bytes(64)}, no_grow).ok());
  // The refusal makes the balancer fill the reserve.
  allocator_->Balance();
  EXPECT_EQ(Inspector(*allocator_).GetStats().empty_pop_pages, kEmptyPagesHigh);
  EXPECT_TRUE(allocator_->Alloc({.size = Bytes(64)}, no_grow).ok());
}

TEST_F(AllocatorVmTest, APagedFirstChunkIsBackedWhereSomethingLies) {
  Make({.page_first_chunk = true}, Bytes(5000));
  // Two blocks with the static part.
  EXPECT_EQ(Populated(), Pages(kUnits * 2));
  MustAlloc(kPage * 4, kPage);
  EXPECT_EQ(Populated(), Pages(kUnits * 6));
  std::memset(pages_.base() + allocator_->info().unit_offset[1].value() + 64, 1, 4936);
}

TEST_F(AllocatorVmTest, ALeaseIsBackedWholeAndItsPagesGoBack) {
  FillFirst();
  const auto lease = allocator_->LeaseChunk();
  ASSERT_TRUE(lease.ok()) << lease.status();
  const Pages leased = Inspector(*allocator_).GetStats().populated_pages;
  EXPECT_EQ(leased, Pages(kUnits * 2 * kBlocks));
  for (std::uint32_t unit = 0; unit < kUnits; ++unit) {
    const Bytes at = Bytes(lease->base.value()) + allocator_->info().unit_offset[unit];
    std::memset(pages_.base() + at.value(), 0xa5, lease->unit_size.value());
  }
  ASSERT_TRUE(allocator_->ReturnLease(lease->id).ok());
  allocator_->Balance();
  EXPECT_LE(Inspector(*allocator_).GetStats().empty_pop_pages, kEmptyPagesHigh);
  const PercpuPtr area = MustAlloc(Bytes(64 << 10));
  const auto pin = allocator_->Touch(area, Bytes(64 << 10));
  for (std::size_t byte = 0; byte < 64 << 10; ++byte) {
    ASSERT_EQ(pin->address(UnitId(1))[byte], std::byte{0});
  }
  // The map's pages are the arena's again.
  EXPECT_EQ(Inspector(*allocator_).GetStats().populated_pages, pages_.populated_pages());
}

}  // namespace
}  // namespace percpud

// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// What is km's own; what every backend promises is in tests/conformance.

#include "server/percpu/backend/km.h"
#include "server/base/error_reason.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "tests/support/fake_page_source.h"

namespace percpud {
namespace {

using testing::FailingPageSource;
using testing::HeapPageSource;

constexpr Bytes kUnitSize{64 << 10};

// One group of `cpus` units, then `ghosts` that only pad it.
AllocInfo OneGroup(std::uint32_t cpus, std::uint32_t ghosts = 0) {
  AllocInfo info;
  info.unit_size = kUnitSize;
  info.units_per_alloc = cpus + ghosts;
  info.alloc_size = kUnitSize * info.units_per_alloc;
  for (std::uint32_t unit = 0; unit < cpus + ghosts; ++unit) {
    info.unit_to_cpu.push_back(unit < cpus ? std::optional(CpuId(unit)) : std::nullopt);
    info.unit_offset.push_back(kUnitSize * unit);
  }
  info.groups.push_back({.id = GroupId(0), .cpus = info.unit_to_cpu});
  return info;
}

class KmTest : public ::testing::Test {
 protected:
  const AllocInfo info_ = OneGroup(12);
  HeapPageSource pages_{Bytes(4 << 20)};
  KmBackend km_{info_, pages_, {}};
};

TEST_F(KmTest, AChunkIsABlockOfTheNextPowerOfTwo) {
  const Footprint footprint = km_.footprint();
  EXPECT_EQ(footprint.pages_per_chunk, Pages(192));
  EXPECT_EQ(footprint.block_order, Order(8));
  EXPECT_EQ(footprint.block_pages, Pages(256));
  EXPECT_EQ(footprint.wasted_pages, Pages(64));
  EXPECT_EQ(footprint.ghost_pages, Pages(0));
}

TEST_F(KmTest, GhostsAreUsedPagesShownApart) {
  const AllocInfo info = OneGroup(6, 2);
  const Footprint footprint = KmBackend(info, pages_, {}).footprint();
  EXPECT_EQ(footprint.pages_per_chunk, Pages(128));
  EXPECT_EQ(footprint.wasted_pages, Pages(0));
  EXPECT_EQ(footprint.ghost_pages, Pages(32));
}

// 12, 24, 48 and 96 CPUs waste as little as 16.
TEST_F(KmTest, WithItsTailReturnedAChunkWastesNothing) {
  for (const std::uint32_t cpus : {3U, 6U, 12U}) {
    const AllocInfo info = OneGroup(cpus);
    KmBackend km(info, pages_, {.return_tail = true});
    const Footprint footprint = km.footprint();
    EXPECT_EQ(footprint.pages_per_chunk, Pages(16 * cpus));
    EXPECT_EQ(footprint.wasted_pages, Pages(0));
    // The introspection of a backend that keeps the tail promises the same.
    EXPECT_EQ(footprint.tail_pages, KmBackend(info, pages_, {}).footprint().wasted_pages);
    EXPECT_EQ(footprint.tail_pages, Pages(16 * cpus / 3));
    const auto memory = km.CreateChunk();
    ASSERT_TRUE(memory.ok());
    EXPECT_EQ(memory->pages, Pages(16 * cpus));
    EXPECT_EQ(km.Buddy().free_pages, Pages(1024 - 16 * cpus));
    EXPECT_TRUE(km.CheckInvariants().ok());
    km.DestroyChunk(*memory);
    EXPECT_EQ(km.Buddy().free_blocks.back(), 1U);
  }
}

TEST_F(KmTest, AReturnedTailServesOthers) {
  KmBackend km(info_, pages_, {.return_tail = true});
  const auto memory = km.CreateChunk();
  ASSERT_TRUE(memory.ok());
  const auto pages = km.TakePages(Bytes(3 * 4096));
  ASSERT_TRUE(pages.ok());
  EXPECT_EQ(*pages, Bytes(192 * 4096));
  EXPECT_EQ(km.Buddy().free_pages, Pages(1024 - 195));
  KmBackend again(info_, pages_, {.return_tail = true});
  EXPECT_TRUE(again.AdoptChunk(memory->base).ok());
  EXPECT_TRUE(again.AdoptPages(*pages, Bytes(3 * 4096)).ok());
  EXPECT_EQ(again.Buddy().free_pages, Pages(1024 - 195));
  km.DestroyChunk(*memory);
  km.GivePages(*pages, Bytes(3 * 4096));
  EXPECT_EQ(km.Buddy().free_blocks.back(), 1U);
}

TEST_F(KmTest, GhostsBehindTheLastUnitGoWithTheTail) {
  const AllocInfo info = OneGroup(6, 2);
  KmBackend km(info, pages_, {.return_tail = true});
  EXPECT_EQ(km.footprint().pages_per_chunk, Pages(96));
  EXPECT_EQ(km.footprint().ghost_pages, Pages(0));
  EXPECT_EQ(km.footprint().tail_pages, Pages(32));
  EXPECT_EQ(KmBackend(info, pages_, {}).footprint().tail_pages, Pages(32));
  const auto memory = km.CreateChunk();
  ASSERT_TRUE(memory.ok());
  EXPECT_EQ(pages_.populated_pages(), Pages(96));
}

TEST_F(KmTest, APagedFirstChunkIsRefused) {
  const absl::Status refused =
      KmBackend(info_, pages_, {.page_first_chunk = true}).VerifyAllocInfo();
  EXPECT_TRUE(absl::IsInvalidArgument(refused)) << refused;
  EXPECT_NE(std::string(refused.message()).find("first_chunk"), std::string::npos) << refused;
}

TEST_F(KmTest, AChunkIsBackedWholeAndItsWasteIsNot) {
  const auto memory = km_.CreateChunk();
  ASSERT_TRUE(memory.ok()) << memory.status();
  EXPECT_EQ(memory->base, Bytes(0));
  EXPECT_EQ(memory->pages, Pages(192));
  EXPECT_EQ(memory->block_order, Order(8));
  EXPECT_EQ(pages_.populated_pages(), Pages(192));
  EXPECT_TRUE(pages_.IsPopulated(PageId(191)));
  EXPECT_FALSE(pages_.IsPopulated(PageId(192)));
  EXPECT_EQ(km_.Buddy().free_pages, Pages(1024 - 256));
}

TEST_F(KmTest, DestroyingGivesEverythingBack) {
  const auto first = km_.CreateChunk();
  const auto second = km_.CreateChunk();
  ASSERT_TRUE(first.ok() && second.ok());
  EXPECT_EQ(second->base, Bytes(1 << 20));
  km_.DestroyChunk(*first);
  EXPECT_EQ(pages_.populated_pages(), Pages(192));
  km_.DestroyChunk(*second);
  EXPECT_EQ(pages_.populated_pages(), Pages(0));
  const BuddyState buddy = km_.Buddy();
  EXPECT_EQ(buddy.free_pages, Pages(1024));
  EXPECT_EQ(buddy.free_blocks.back(), 1u);
  EXPECT_TRUE(km_.CheckInvariants().ok());
}

TEST_F(KmTest, PopulatingAndDepopulatingHaveNothingToDo) {
  const auto memory = km_.CreateChunk();
  ASSERT_TRUE(memory.ok());
  pages_.base()[0] = std::byte{1};
  EXPECT_TRUE(km_.populates_at_creation());
  EXPECT_TRUE(km_.PopulateChunk(*memory, {0, 16}).ok());
  EXPECT_TRUE(km_.DepopulateChunk(*memory, {0, 16}).ok());
  EXPECT_EQ(pages_.populated_pages(), Pages(192));
  EXPECT_EQ(pages_.base()[0], std::byte{1});
}

TEST_F(KmTest, NoBlockOfThatOrderMeansNoChunk) {
  for (int chunk = 0; chunk < 4; ++chunk) ASSERT_TRUE(km_.CreateChunk().ok());
  const absl::Status refused = km_.CreateChunk().status();
  EXPECT_TRUE(absl::IsResourceExhausted(refused)) << refused;
  EXPECT_EQ(errors::ReasonOf(refused), "ARENA_FULL") << refused;
  EXPECT_EQ(pages_.populated_pages(), Pages(4 * 192));
}

TEST_F(KmTest, AChunkThatIsNotBackedIsNotKept) {
  FailingPageSource failing(pages_);
  KmBackend km(info_, failing, {});
  failing.FailNth(1);
  EXPECT_TRUE(absl::IsResourceExhausted(km.CreateChunk().status()));
  EXPECT_EQ(km.Buddy().free_pages, Pages(1024));
  EXPECT_EQ(pages_.populated_pages(), Pages(0));
  EXPECT_TRUE(km.CreateChunk().ok());
}

// Backs all, but gives nothing back before it relents.
class KeepingPageSource final : public PageSource {
 public:
  explicit KeepingPageSource(PageSource& real) : real_(real) {}
  [[nodiscard]] Bytes size() const override { return real_.size(); }
  [[nodiscard]] Bytes page_size() const override { return real_.page_size(); }
  [[nodiscard]] std::byte* base() const override { return real_.base(); }
  absl::Status Populate(Bytes offset, Bytes length) override {
    return real_.Populate(offset, length);
  }
  absl::Status Release(Bytes offset, Bytes length) override {
    if (keeps_) return absl::PermissionDeniedError("fallocate");
    return real_.Release(offset, length);
  }
  void Relent() { keeps_ = false; }

 private:
  PageSource& real_;
  bool keeps_ = true;
};

TEST_F(KmTest, MemoryThatCannotBeReleasedIsNotGrantedAgain) {
  KeepingPageSource keeping(pages_);
  KmBackend km(info_, keeping, {});
  const auto first = km.CreateChunk();
  ASSERT_TRUE(first.ok());
  pages_.base()[0] = std::byte{1};
  km.DestroyChunk(*first);
  const auto second = km.CreateChunk();
  ASSERT_TRUE(second.ok());
  EXPECT_NE(second->base, first->base);
  EXPECT_EQ(pages_.base()[second->base.value()], std::byte{0});
}

TEST_F(KmTest, MemoryThatCouldNotBeReleasedIsTriedAgain) {
  KeepingPageSource keeping(pages_);
  KmBackend km(info_, keeping, {});
  const auto first = km.CreateChunk();
  ASSERT_TRUE(first.ok());
  EXPECT_FALSE(km.owes_pages());
  pages_.base()[0] = std::byte{1};
  km.DestroyChunk(*first);
  EXPECT_TRUE(km.owes_pages());
  EXPECT_FALSE(km.ReleaseRest().ok());
  EXPECT_TRUE(km.owes_pages());
  keeping.Relent();
  EXPECT_TRUE(km.ReleaseRest().ok());
  EXPECT_FALSE(km.owes_pages());
  const auto second = km.CreateChunk();
  ASSERT_TRUE(second.ok());
  EXPECT_EQ(second->base, first->base);
  EXPECT_EQ(pages_.base()[0], std::byte{0});
  EXPECT_TRUE(km.CheckInvariants().ok());
}

TEST_F(KmTest, MoreThanOneGroupIsRefused) {
  EXPECT_TRUE(km_.VerifyAllocInfo().ok());
  AllocInfo info = OneGroup(4);
  info.groups.push_back({.id = GroupId(1)});
  const absl::Status refused = KmBackend(info, pages_, {}).VerifyAllocInfo();
  EXPECT_TRUE(absl::IsFailedPrecondition(refused)) << refused;
  EXPECT_NE(std::string(refused.message()).find("has 2"), std::string::npos) << refused;
}

TEST_F(KmTest, AChunkThatEndsInsideAHugePageIsRefused) {
  HeapPageSource huge(Bytes(8 << 20), Bytes(2 << 20));
  const absl::Status refused = KmBackend(info_, huge, {}).VerifyAllocInfo();
  EXPECT_TRUE(absl::IsInvalidArgument(refused)) << refused;
  EXPECT_NE(std::string(refused.message()).find("atom_size"), std::string::npos) << refused;
}

TEST_F(KmTest, CountsHugePagesOnAHugeArena) {
  const AllocInfo info = OneGroup(80, 16);
  HeapPageSource huge(Bytes(32 << 20), Bytes(2 << 20));
  KmBackend km(info, huge, {});
  ASSERT_TRUE(km.VerifyAllocInfo().ok());
  EXPECT_EQ(km.footprint().pages_per_chunk, Pages(3));
  EXPECT_EQ(km.footprint().block_order, Order(2));
  EXPECT_EQ(km.footprint().wasted_pages, Pages(1));
  // 1 MiB: half a huge page, which is nobody's whole page.
  EXPECT_EQ(km.footprint().ghost_pages, Pages(0));
  ASSERT_TRUE(km.CreateChunk().ok());
  const auto second = km.CreateChunk();
  ASSERT_TRUE(second.ok());
  EXPECT_EQ(second->first_page, PageId(4));
  EXPECT_EQ(second->base, Bytes(8 << 20));
}

TEST_F(KmTest, IsMadeByItsNameAndAnUnknownNameListsIt) {
  const auto made = MakeBackend("km", info_, pages_, {});
  ASSERT_TRUE(made.ok()) << made.status();
  EXPECT_EQ((*made)->name(), "km");
  const absl::Status refused = MakeBackend("slab", info_, pages_, {}).status();
  EXPECT_TRUE(absl::IsInvalidArgument(refused)) << refused;
  EXPECT_NE(std::string(refused.message()).find("km"), std::string::npos) << refused;
}

}  // namespace
}  // namespace percpud

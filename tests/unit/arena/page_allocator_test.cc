// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/arena/page_allocator.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <fstream>
#include <iterator>
#include <map>
#include <optional>
#include <random>
#include <vector>

#include "tests/support/buddy_model.h"

namespace percpud {
namespace {

using testing::BuddyModel;

void ExpectSame(const PageAllocator& pages, const BuddyModel& model) {
  std::vector<std::uint64_t> counts;
  for (const auto& blocks : model.FreeBlocks()) counts.push_back(blocks.size());
  ASSERT_EQ(pages.FreeBlocksByOrder(), counts);
  ASSERT_EQ(pages.free_pages().value(), model.FreePages());
}

class PageAllocatorModel : public ::testing::TestWithParam<std::uint64_t> {};

TEST_P(PageAllocatorModel, AgreesWithABitPerPage) {
  const std::uint64_t total = GetParam();
  PageAllocator pages{Pages(total)};
  BuddyModel model(total);
  std::mt19937_64 random(total);
  for (int op = 0; op < 4000; ++op) {
    SCOPED_TRACE(op);
    // Phases that fill and phases that drain; small orders more often.
    const bool allocates = random() % 8 < (op / 500 % 2 == 0 ? 6u : 2u);
    if (allocates || model.blocks().empty()) {
      const std::uint64_t orders = pages.order_count() + 1;
      const std::size_t order = std::min(random() % orders, random() % orders);
      const absl::StatusOr<PageId> got = pages.Allocate(Order(order));
      const std::optional<std::uint64_t> expected = model.Allocate(order);
      ASSERT_EQ(got.ok(), expected.has_value()) << got.status();
      if (got.ok()) {
        ASSERT_EQ(got->value(), *expected);
      } else {
        ASSERT_TRUE(absl::IsResourceExhausted(got.status())) << got.status();
      }
    } else {
      const auto block = std::next(model.blocks().begin(),
                                   static_cast<std::ptrdiff_t>(random() % model.blocks().size()));
      const std::uint64_t page = block->first;
      ASSERT_TRUE(absl::IsInternal(pages.Free(PageId(page), Order(block->second + 1))));
      ASSERT_TRUE(pages.Free(PageId(page), Order(block->second)).ok());
      ASSERT_TRUE(absl::IsInternal(pages.Free(PageId(page), Order(block->second))));
      model.Free(page);
    }
    ExpectSame(pages, model);
    ASSERT_TRUE(pages.CheckInvariants().ok()) << pages.CheckInvariants();
  }
  while (!model.blocks().empty()) {
    const auto [page, order] = *model.blocks().begin();
    ASSERT_TRUE(pages.Free(PageId(page), Order(order)).ok());
    model.Free(page);
  }
  EXPECT_EQ(pages.FreeBlocksByOrder(), PageAllocator(Pages(total)).FreeBlocksByOrder());
  EXPECT_EQ(pages.free_pages(), Pages(total));
}

INSTANTIATE_TEST_SUITE_P(Totals, PageAllocatorModel,
                         ::testing::Values(1, 2, 3, 7, 64, 100, 255, 256, 257, 1023));

// A run is what is left of the model's block once its rest is given back.
TEST_P(PageAllocatorModel, RunsOfAnyLengthComeAndGo) {
  const std::uint64_t total = GetParam();
  PageAllocator pages{Pages(total)};
  std::vector<bool> granted(total);
  std::map<std::uint64_t, std::uint64_t> runs;
  std::mt19937_64 random(total);
  for (int op = 0; op < 2000; ++op) {
    SCOPED_TRACE(op);
    if (random() % 8 < (op / 250 % 2 == 0 ? 6u : 2u) || runs.empty()) {
      const std::uint64_t length = 1 + std::min(random() % total, random() % total);
      const Order order = OrderFor(Pages(length));
      const absl::StatusOr<PageId> got = pages.AllocateRun(Pages(length));
      if (!got.ok()) {
        ASSERT_TRUE(absl::IsResourceExhausted(got.status())) << got.status();
        continue;
      }
      ASSERT_EQ(got->value() % BlockPages(order).value(), 0U);
      for (std::uint64_t page = got->value(); page < got->value() + length; ++page) {
        ASSERT_FALSE(granted[page]);
        granted[page] = true;
      }
      runs[got->value()] = length;
    } else {
      const auto run = std::next(runs.begin(), static_cast<std::ptrdiff_t>(random() % runs.size()));
      const auto [page, length] = *run;
      ASSERT_TRUE(pages.FreeRun(PageId(page), Pages(length)).ok());
      ASSERT_TRUE(absl::IsInternal(pages.FreeRun(PageId(page), Pages(length))));
      // What a restart does: takes the run once, not twice; then all is as before.
      ASSERT_TRUE(pages.AllocateRunAt(PageId(page), Pages(length)).ok());
      const Pages free = pages.free_pages();
      ASSERT_FALSE(pages.AllocateRunAt(PageId(page), Pages(length)).ok());
      ASSERT_EQ(pages.free_pages(), free);
      ASSERT_TRUE(pages.FreeRun(PageId(page), Pages(length)).ok());
      std::fill_n(granted.begin() + static_cast<std::ptrdiff_t>(page), length, false);
      runs.erase(run);
    }
    ASSERT_TRUE(pages.CheckInvariants().ok()) << pages.CheckInvariants();
    ASSERT_EQ(pages.free_pages().value(),
              static_cast<std::uint64_t>(std::count(granted.begin(), granted.end(), false)));
  }
  for (const auto& [page, length] : runs) {
    ASSERT_TRUE(pages.FreeRun(PageId(page), Pages(length)).ok());
  }
  EXPECT_EQ(pages.FreeBlocksByOrder(), PageAllocator(Pages(total)).FreeBlocksByOrder());
}

TEST(PageAllocatorTest, TheRestOfARunsBlockIsFree) {
  PageAllocator pages{Pages(256)};
  ASSERT_EQ(*pages.AllocateRun(Pages(192)), PageId(0));
  EXPECT_EQ(pages.free_pages(), Pages(64));
  EXPECT_EQ(*pages.Allocate(Order(6)), PageId(192));
  // In the way of a run, whose pieces before it are then free again.
  ASSERT_TRUE(pages.FreeRun(PageId(0), Pages(192)).ok());
  EXPECT_TRUE(absl::IsResourceExhausted(pages.AllocateRunAt(PageId(0), Pages(256))));
  EXPECT_TRUE(absl::IsResourceExhausted(pages.AllocateRunAt(PageId(0), Pages(200))));
  EXPECT_EQ(pages.free_pages(), Pages(192));
  // No multiple of the block's size.
  EXPECT_FALSE(pages.AllocateRunAt(PageId(64), Pages(96)).ok());
}

TEST(PageAllocatorTest, TheTotalsDigitsAreTheFirstBlocks) {
  // 11 = 8 + 2 + 1.
  EXPECT_EQ(PageAllocator(Pages(11)).FreeBlocksByOrder(), (std::vector<std::uint64_t>{1, 1, 0, 1}));
  EXPECT_EQ(PageAllocator(Pages(16)).FreeBlocksByOrder(),
            (std::vector<std::uint64_t>{0, 0, 0, 0, 1}));
}

TEST(PageAllocatorTest, AnArenaOfNoPagesHasNothingToGive) {
  PageAllocator pages{Pages(0)};
  EXPECT_EQ(pages.order_count(), 0);
  EXPECT_TRUE(absl::IsResourceExhausted(pages.Allocate(Order(0)).status()));
  EXPECT_TRUE(absl::IsInternal(pages.Free(PageId(0), Order(0))));
  EXPECT_TRUE(pages.CheckInvariants().ok());
}

TEST(PageAllocatorTest, SplitsTheSmallestBlockThatServesAndKeepsTheHighEndWhole) {
  PageAllocator pages{Pages(24)};  // 16 + 8.
  EXPECT_EQ(*pages.Allocate(Order(1)), PageId(16));
  EXPECT_EQ(*pages.Allocate(Order(0)), PageId(18));
  EXPECT_EQ(*pages.Allocate(Order(4)), PageId(0));
  EXPECT_EQ(pages.FreeBlocksByOrder(), (std::vector<std::uint64_t>{1, 0, 1, 0, 0}));
}

TEST(PageAllocatorTest, PagesEnoughInPiecesAreNoBlock) {
  PageAllocator pages{Pages(8)};
  std::vector<PageId> singles;
  singles.reserve(8);
  for (int page = 0; page < 8; ++page) singles.push_back(*pages.Allocate(Order(0)));
  for (int page = 0; page < 8; page += 2) ASSERT_TRUE(pages.Free(singles[page], Order(0)).ok());
  const absl::Status refused = pages.Allocate(Order(1)).status();
  EXPECT_TRUE(absl::IsResourceExhausted(refused));
  EXPECT_NE(refused.message().find("order 1"), refused.message().npos) << refused;
  EXPECT_NE(refused.message().find("4 pages are free"), refused.message().npos) << refused;
  ASSERT_TRUE(pages.Free(singles[1], Order(0)).ok());
  EXPECT_EQ(*pages.Allocate(Order(1)), PageId(0));
}

TEST(PageAllocatorTest, OnlyTheHeadOfAGrantedBlockIsTakenBack) {
  PageAllocator pages{Pages(64)};
  const PageId block = *pages.Allocate(Order(3));
  for (const std::uint64_t page :
       {block.value() + 1, std::uint64_t{32}, std::uint64_t{64}, ~std::uint64_t{0}}) {
    EXPECT_TRUE(absl::IsInternal(pages.Free(PageId(page), Order(3)))) << page;
  }
  EXPECT_TRUE(absl::IsInternal(pages.Free(block, Order(255))));
  EXPECT_EQ(pages.free_pages(), Pages(56));
  EXPECT_TRUE(pages.Free(block, Order(3)).ok());
  EXPECT_EQ(pages.free_pages(), Pages(64));
}

Bytes ResidentMemory() {
  std::uint64_t total = 0;
  std::uint64_t resident = 0;
  std::ifstream("/proc/self/statm") >> total >> resident;
  return Bytes(resident * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE)));
}

TEST(PageAllocatorTest, ALargeArenaCostsNextToNothingUntilItIsUsed) {
  const Bytes before = ResidentMemory();
  PageAllocator pages{Pages(std::uint64_t{1} << 34)};  // 64 TiB.
  std::vector<PageId> blocks;
  blocks.reserve(1000);
  for (int block = 0; block < 1000; ++block) blocks.push_back(*pages.Allocate(Order(8)));
  EXPECT_LT(ResidentMemory(), before + Bytes(8 << 20));
  for (const PageId block : blocks) ASSERT_TRUE(pages.Free(block, Order(8)).ok());
  EXPECT_EQ(pages.FreeBlocksByOrder().back(), 1u);
}

// Blocks granted one by one are granted again by place, in any order.
TEST(PageAllocatorTest, GrantsABlockByItsPlace) {
  constexpr Pages kTotal{1000};
  std::mt19937 random(5);
  PageAllocator first(kTotal);
  std::vector<std::pair<PageId, Order>> granted;
  while (true) {
    const Order order(random() % 5);
    const auto page = first.Allocate(order);
    if (!page.ok()) break;
    granted.emplace_back(*page, order);
  }
  std::shuffle(granted.begin(), granted.end(), random);
  granted.resize(granted.size() / 2);
  PageAllocator second(kTotal);
  for (const auto& [page, order] : granted) {
    ASSERT_TRUE(second.AllocateAt(page, order).ok());
    EXPECT_FALSE(second.AllocateAt(page, order).ok());
    EXPECT_FALSE(second.AllocateAt(page, Order(0)).ok());
  }
  EXPECT_TRUE(second.CheckInvariants().ok()) << second.CheckInvariants();
  Pages free;
  second.ForEachFree([&free](PageId, Order order) { free += BlockPages(order); });
  EXPECT_EQ(free, second.free_pages());
  for (const auto& [page, order] : granted) EXPECT_TRUE(second.Free(page, order).ok());
  EXPECT_EQ(second.free_pages(), kTotal);
  EXPECT_FALSE(second.AllocateAt(PageId(1), Order(1)).ok());
  EXPECT_FALSE(second.AllocateAt(PageId(1000), Order(0)).ok());
  EXPECT_FALSE(second.AllocateAt(PageId(0), Order(12)).ok());
}

}  // namespace
}  // namespace percpud

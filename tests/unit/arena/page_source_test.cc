// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// What every PageSource that backs memory promises: the real one and the fake
// that stands for it pass the same suite.

#include "server/arena/page_source.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <functional>
#include <memory>
#include <string>

#include "server/arena/arena.h"
#include "tests/support/fake_page_source.h"

namespace percpud {
namespace {

using testing::FailingPageSource;
using testing::HeapPageSource;

constexpr Bytes kSize{1 << 20};

struct Kind {
  const char* name;
  std::unique_ptr<PageSource> (*make)();
};

class PageSourceConformance : public ::testing::TestWithParam<Kind> {
 protected:
  [[nodiscard]] bool ReadsZero(Bytes offset, Bytes length) const {
    const std::byte* first = pages_->base() + offset.value();
    return std::all_of(first, first + length.value(),
                       [](std::byte b) { return b == std::byte{0}; });
  }
  void Scribble(Bytes offset, Bytes length) const {
    std::memset(pages_->base() + offset.value(), 0xa5, length.value());
  }

  const std::unique_ptr<PageSource> pages_ = GetParam().make();
};

TEST_P(PageSourceConformance, PopulatedPagesReadZeroAndKeepWhatIsWritten) {
  ASSERT_TRUE(pages_->Populate(Bytes(8192), Bytes(64 << 10)).ok());
  EXPECT_TRUE(ReadsZero(Bytes(8192), Bytes(64 << 10)));
  Scribble(Bytes(8192), Bytes(64 << 10));
  EXPECT_EQ(pages_->base()[8192], std::byte{0xa5});
}

TEST_P(PageSourceConformance, PopulatingTwiceChangesNothing) {
  ASSERT_TRUE(pages_->Populate(Bytes(0), Bytes(8192)).ok());
  Scribble(Bytes(0), Bytes(8192));
  ASSERT_TRUE(pages_->Populate(Bytes(0), Bytes(16384)).ok());
  EXPECT_EQ(pages_->base()[8191], std::byte{0xa5});
  EXPECT_TRUE(ReadsZero(Bytes(8192), Bytes(8192)));
}

TEST_P(PageSourceConformance, ReleasedPagesReadZeroNextTimeAndTheirNeighboursStay) {
  ASSERT_TRUE(pages_->Populate(Bytes(0), Bytes(12288)).ok());
  Scribble(Bytes(0), Bytes(12288));
  ASSERT_TRUE(pages_->Release(Bytes(4096), Bytes(4096)).ok());
  ASSERT_TRUE(pages_->Populate(Bytes(4096), Bytes(4096)).ok());
  EXPECT_TRUE(ReadsZero(Bytes(4096), Bytes(4096)));
  EXPECT_EQ(pages_->base()[4095], std::byte{0xa5});
  EXPECT_EQ(pages_->base()[8192], std::byte{0xa5});
}

TEST_P(PageSourceConformance, ReleasingWhatIsNotThereIsNoError) {
  EXPECT_TRUE(pages_->Release(Bytes(0), kSize).ok());
  EXPECT_TRUE(pages_->Release(kSize, Bytes(0)).ok());
  EXPECT_TRUE(pages_->Populate(kSize, Bytes(0)).ok());
}

TEST_P(PageSourceConformance, TheWholeRangeCanBeBacked) {
  ASSERT_TRUE(pages_->Populate(Bytes(0), pages_->size()).ok());
  Scribble(Bytes(0), pages_->size());
  EXPECT_EQ(pages_->size(), kSize);
  EXPECT_EQ(pages_->page_size(), kBasePageSize);
}

INSTANTIATE_TEST_SUITE_P(Sources, PageSourceConformance,
                         ::testing::Values(Kind{"Arena",
                                                []() -> std::unique_ptr<PageSource> {
                                                  return *Arena::Create({.size = kSize});
                                                }},
                                           Kind{"Heap",
                                                []() -> std::unique_ptr<PageSource> {
                                                  return std::make_unique<HeapPageSource>(kSize);
                                                }}),
                         [](const auto& test) { return test.param.name; });

TEST(HeapPageSourceTest, CountsWhatIsPopulated) {
  HeapPageSource pages(kSize);
  ASSERT_TRUE(pages.Populate(Bytes(4096), Bytes(8192)).ok());
  ASSERT_TRUE(pages.Populate(Bytes(8192), Bytes(8192)).ok());
  EXPECT_EQ(pages.populated_pages(), Pages(3));
  ASSERT_TRUE(pages.Release(Bytes(0), Bytes(8192)).ok());
  EXPECT_EQ(pages.populated_pages(), Pages(2));
  EXPECT_FALSE(pages.IsPopulated(PageId(1)));
  EXPECT_TRUE(pages.IsPopulated(PageId(2)));
}

TEST(HeapPageSourceDeathTest, RefusesWhatIsNotWholePagesInside) {
  HeapPageSource pages(kSize);
  EXPECT_DEATH(static_cast<void>(pages.Populate(Bytes(1), Bytes(4096))), "not whole pages");
  EXPECT_DEATH(static_cast<void>(pages.Release(Bytes(0), Bytes(100))), "not whole pages");
  EXPECT_DEATH(static_cast<void>(pages.Populate(kSize, Bytes(4096))), "out of range");
}

TEST(HeapPageSourceDeathTest, UnpopulatedMemoryCannotBeTouched) {
  HeapPageSource pages(kSize);
  ASSERT_TRUE(pages.Populate(Bytes(0), Bytes(4096)).ok());
  EXPECT_DEATH(pages.base()[4096] = std::byte{1}, "");
}

TEST(FailingPageSourceTest, FailsTheNthPopulateOnce) {
  HeapPageSource real(kSize);
  FailingPageSource pages(real);
  pages.FailNth(2);
  EXPECT_TRUE(pages.Populate(Bytes(0), Bytes(4096)).ok());
  EXPECT_TRUE(absl::IsResourceExhausted(pages.Populate(Bytes(4096), Bytes(4096))));
  EXPECT_TRUE(pages.Populate(Bytes(4096), Bytes(4096)).ok());
  EXPECT_EQ(real.populated_pages(), Pages(2));
}

}  // namespace
}  // namespace percpud

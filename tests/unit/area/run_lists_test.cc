// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/area/run_lists.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <map>
#include <random>
#include <vector>

namespace percpud {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using Slot = RunLists::Slot;

// Links of 16 bits are enough for the first, and not for the second.
constexpr std::uint32_t kNarrow = 16384;
constexpr std::uint32_t kWide = 262144;

TEST(RunListsTest, ClassesAreInOrderAndKeepTheirBounds) {
  EXPECT_EQ(RunLists::ClassOf(1), 1U);
  EXPECT_EQ(RunLists::ClassOf(63), 63U);
  EXPECT_EQ(RunLists::ClassOf(64), 64U);
  EXPECT_EQ(RunLists::ClassOf(79), 64U);
  EXPECT_EQ(RunLists::ClassOf(80), 65U);
  EXPECT_EQ(RunLists::ClassOf(127), 67U);
  EXPECT_EQ(RunLists::ClassOf(128), 68U);
  std::uint32_t before = 0;
  for (std::uint32_t length = 1; length < 1U << 20; ++length) {
    const std::uint32_t size_class = RunLists::ClassOf(length);
    // No class is passed over, so the one behind a request's holds whatever is in it.
    ASSERT_TRUE(size_class == before || size_class == before + 1) << length;
    before = size_class;
  }
  EXPECT_LT(RunLists::ClassOf(1U << 31), RunLists::kClasses);
}

// Lists over memory of their own.
class Lists {
 public:
  explicit Lists(std::uint32_t size)
      : heads_(RunLists::HeadWords()),
        // Links are not cleared first: what lies there is not read.
        links_(RunLists::LinkWords(size), ~bits::Word{0}),
        lists_(heads_.data(), links_.data(), size) {}

  RunLists* operator->() { return &lists_; }
  std::vector<Slot> Of(std::uint32_t size_class) const {
    std::vector<Slot> slots;
    Slot before = RunLists::kNone;
    for (Slot slot = lists_.First(size_class); slot != RunLists::kNone;
         before = slot, slot = lists_.After(slot)) {
      EXPECT_EQ(lists_.Before(slot), before);
      slots.push_back(slot);
    }
    return slots;
  }

 private:
  std::vector<bits::Word> heads_;
  std::vector<bits::Word> links_;
  RunLists lists_;
};

class RunListsOfSizeTest : public ::testing::TestWithParam<std::uint32_t> {};

TEST_P(RunListsOfSizeTest, TheLatestComesFirst) {
  Lists lists(GetParam());
  const Slot last = RunLists::SlotOf(GetParam());
  EXPECT_TRUE(lists->Insert(5, 0)) << "the class was empty";
  EXPECT_FALSE(lists->Insert(5, 9));
  EXPECT_FALSE(lists->Insert(5, last));
  EXPECT_THAT(lists.Of(5), ElementsAre(last, 9, 0));
  EXPECT_THAT(lists.Of(6), IsEmpty());
}

TEST_P(RunListsOfSizeTest, OneIsTakenOutOrReplacedWhereverItIs) {
  Lists lists(GetParam());
  for (const Slot slot : {1, 2, 3, 4}) lists->Insert(70, slot);
  EXPECT_FALSE(lists->Remove(70, 3)) << "of the middle";
  lists->Move(70, 2, 12);
  EXPECT_THAT(lists.Of(70), ElementsAre(4, 12, 1));
  lists->Move(70, 4, 14);
  lists->Move(70, 1, 11);
  EXPECT_THAT(lists.Of(70), ElementsAre(14, 12, 11));
  EXPECT_FALSE(lists->Remove(70, 14)) << "the first";
  EXPECT_FALSE(lists->Remove(70, 11)) << "the last";
  EXPECT_TRUE(lists->Remove(70, 12)) << "the class is empty now";
  EXPECT_THAT(lists.Of(70), IsEmpty());
}

TEST_P(RunListsOfSizeTest, TheNextAndTheLastClassWithARunAreFound) {
  Lists lists(GetParam());
  EXPECT_EQ(lists->NextOccupied(0), RunLists::kClasses);
  EXPECT_EQ(lists->LastOccupied(), 0U);
  lists->Insert(3, 30);
  lists->Insert(130, 40);
  EXPECT_EQ(lists->NextOccupied(0), 3U);
  EXPECT_EQ(lists->NextOccupied(4), 130U);
  EXPECT_EQ(lists->LastOccupied(), 130U);
  EXPECT_TRUE(lists->IsOccupied(3));
  lists->Remove(3, 30);
  EXPECT_FALSE(lists->IsOccupied(3));
  EXPECT_EQ(lists->NextOccupied(0), 130U);
}

TEST_P(RunListsOfSizeTest, TheyAgreeWithVectors) {
  Lists lists(GetParam());
  std::map<std::uint32_t, std::vector<Slot>> model;
  std::map<Slot, std::uint32_t> class_of;
  std::mt19937 random(1);
  for (int step = 0; step < 20000; ++step) {
    const auto slot = static_cast<Slot>(random() % 300);
    const auto listed = class_of.find(slot);
    if (listed == class_of.end()) {
      const std::uint32_t size_class = random() % 6;
      EXPECT_EQ(lists->Insert(size_class, slot), model[size_class].empty());
      model[size_class].insert(model[size_class].begin(), slot);
      class_of[slot] = size_class;
    } else {
      std::vector<Slot>& slots = model[listed->second];
      slots.erase(std::find(slots.begin(), slots.end(), slot));
      EXPECT_EQ(lists->Remove(listed->second, slot), slots.empty());
      class_of.erase(listed);
    }
  }
  for (const auto& [size_class, slots] : model) EXPECT_EQ(lists.Of(size_class), slots);
}

INSTANTIATE_TEST_SUITE_P(Links, RunListsOfSizeTest, ::testing::Values(kNarrow, kWide));

}  // namespace
}  // namespace percpud

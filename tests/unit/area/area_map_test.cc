// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/area/area_map.h"

#include <gtest/gtest.h>
#include <algorithm>

#include <optional>
#include <random>
#include <tuple>
#include <utility>
#include <vector>

#include "tests/support/interval_model.h"

namespace percpud {
namespace {

using testing::IntervalModel;

class OwnedMap {
 public:
  explicit OwnedMap(std::uint32_t granules)
      : storage_(AreaMap::StorageWords(Granules(granules))),
        map_(AreaMap::Format(storage_, Granules(granules))) {}
  AreaMap* operator->() { return &map_; }
  AreaMap& operator*() { return map_; }
  std::vector<AreaMap::Word>& storage() { return storage_; }

 private:
  std::vector<AreaMap::Word> storage_;
  AreaMap map_;
};

AreaSpan Span(std::uint32_t offset, std::uint32_t size) {
  return {Granules(offset), Granules(size)};
}

TEST(AreaMapTest, AFreshMapIsOneFreeRun) {
  OwnedMap map(16384);
  EXPECT_EQ(map->free(), Granules(16384));
  EXPECT_EQ(map->longest_run(), Granules(16384));
  EXPECT_EQ(map->empty_blocks(), 16u);
  EXPECT_EQ(map->live(), 0u);
  EXPECT_TRUE(map->CheckInvariants().ok());
  EXPECT_EQ(map->Find(Granules(16384), Granules(1)), Granules(0));
  EXPECT_EQ(map->Find(Granules(16385), Granules(1)), std::nullopt);
}

TEST(AreaMapTest, FindsTheTightestClassWithAnAlignedFit) {
  OwnedMap map(4096);
  map->Take(Span(0, 1000));
  map->Take(Span(1100, 10));
  // Runs of 100 granules, which straddles a block's end, and of 2986.
  EXPECT_EQ(map->Find(Granules(96), Granules(1)), Granules(1000));
  EXPECT_EQ(map->Find(Granules(101), Granules(1)), Granules(1110));
  EXPECT_EQ(map->Find(Granules(64), Granules(64)), Granules(1024));
  EXPECT_EQ(map->Find(Granules(1), Granules(1024)), Granules(1024));
  EXPECT_EQ(map->Find(Granules(100), Granules(1024)), Granules(2048));
}

TEST(AreaMapTest, AClassKnowsItsLatestRunFirst) {
  OwnedMap map(1024);
  for (std::uint32_t at = 0; at < 64; ++at) map->Take(Span(at, 1));
  map->Release(Span(10, 1));
  map->Release(Span(20, 1));
  map->Release(Span(15, 1));
  const auto find = [&](std::uint32_t align, std::uint32_t tries) -> std::optional<std::uint32_t> {
    const auto run = map->FindInClass(1, Granules(1), Granules(align), tries);
    if (!run) return std::nullopt;
    return run->at;
  };
  EXPECT_EQ(find(1, 1), 15U);
  EXPECT_EQ(find(2, 1), std::nullopt);
  EXPECT_EQ(find(2, 2), 20U);
  EXPECT_EQ(find(8, 100), std::nullopt);
}

TEST(AreaMapTest, ClassesThatGetAndLoseRunsAreTold) {
  OwnedMap map(1000);
  std::vector<std::pair<std::uint32_t, bool>> told;
  const auto watch = [&](std::uint32_t size_class, bool has_runs) {
    told.emplace_back(size_class, has_runs);
  };
  // In the front of a long run: what is left of it is of the same class.
  map->Take(map->RunOf(Span(0, 4)), Granules(4), watch);
  EXPECT_TRUE(told.empty());
  map->Take(map->RunOf(Span(4, 4)), Granules(4), watch);
  map->Release(Span(0, 4), watch);
  EXPECT_EQ(told, (std::vector<std::pair<std::uint32_t, bool>>{{4, true}}));
  told.clear();
  map->Release(Span(4, 4), watch);
  EXPECT_TRUE(map->HasClass(AreaMap::ClassOf(Granules(1000))));
  EXPECT_FALSE(map->HasClass(4));
  EXPECT_NE(std::find(told.begin(), told.end(), std::pair(4U, false)), told.end());
}

TEST(AreaMapTest, ARowIsCutFromTheFrontOfARun) {
  OwnedMap map(1000);
  map->Take(Span(0, 8));
  map->TakeRow(map->RunOf(Span(8, 30)), Granules(10), 3, [](std::uint32_t, bool) {});
  ASSERT_TRUE(map->CheckInvariants().ok()) << map->CheckInvariants();
  EXPECT_EQ(map->live(), 4U);
  EXPECT_EQ(map->free(), Granules(962));
  for (const std::uint32_t at : {8U, 18U, 28U}) {
    EXPECT_EQ(map->AreaFrom(Granules(at)), Span(at, 10));
  }
  EXPECT_EQ(map->NextFree(Granules(0)), Span(38, 962));
}

TEST(AreaMapTest, TheClassesItHasRunsOf) {
  OwnedMap map(1000);
  map->Take(Span(4, 10));
  std::vector<std::uint32_t> classes;
  map->ForEachClass([&classes](std::uint32_t size_class) { classes.push_back(size_class); });
  EXPECT_EQ(classes, (std::vector<std::uint32_t>{4, AreaMap::ClassOf(Granules(986))}));
}

// More than 16 bits of slots.
TEST(AreaMapTest, AUnitOfMegabytesHasWideLinks) {
  OwnedMap map(1 << 20);
  for (std::uint32_t at = 0; at < 1 << 20; at += 8) map->Take(Span(at, 8));
  for (std::uint32_t at = 0; at < 1 << 20; at += 16) map->Release(Span(at, 8));
  ASSERT_TRUE(map->CheckInvariants().ok()) << map->CheckInvariants();
  EXPECT_EQ(map->FindInClass(8, Granules(8), Granules(8), 1)->at, (1U << 20) - 16);
  for (std::uint32_t at = 8; at < 1 << 20; at += 16) map->Release(Span(at, 8));
  EXPECT_EQ(map->longest_run(), Granules(1 << 20));
  EXPECT_TRUE(map->CheckInvariants().ok()) << map->CheckInvariants();
}

TEST(AreaMapTest, NeighboursKeepTheirBounds) {
  OwnedMap map(2048);
  map->Take(Span(10, 5));
  map->Take(Span(15, 5));
  map->Take(Span(20, 5));
  EXPECT_EQ(map->AreaAt(Granules(17)), Span(15, 5));
  map->Release(Span(15, 5));
  EXPECT_EQ(map->AreaAt(Granules(17)), std::nullopt);
  EXPECT_EQ(map->AreaAt(Granules(14)), Span(10, 5));
  EXPECT_EQ(map->AreaAt(Granules(24)), Span(20, 5));
  EXPECT_FALSE(map->IsStart(Granules(15)));
  EXPECT_TRUE(map->CheckInvariants().ok());
}

TEST(AreaMapTest, AHiddenHeadIsInNoAreaAndNeverFound) {
  OwnedMap map(2048);
  map->HideHead(Granules(1500));
  EXPECT_EQ(map->Find(Granules(1), Granules(1)), Granules(1500));
  EXPECT_EQ(map->AreaAt(Granules(3)), std::nullopt);
  EXPECT_EQ(map->free(), Granules(548));
  EXPECT_EQ(map->live(), 0u);
  EXPECT_TRUE(map->CheckInvariants().ok());
}

TEST(AreaMapTest, AnAreaBeforeTheEndStopsAtTheEnd) {
  OwnedMap map(1500);
  map->Take(Span(1490, 10));
  EXPECT_EQ(map->AreaAt(Granules(1499)), Span(1490, 10));
  EXPECT_EQ(map->NextFree(Granules(1490)), std::nullopt);
  EXPECT_EQ(map->NextArea(Granules(0)), Span(1490, 10));
}

TEST(AreaMapTest, AViewOfTheSameStorageSeesTheSameMap) {
  OwnedMap map(4096);
  map->Take(Span(5, 7));
  AreaMap view(map.storage(), Granules(4096));
  EXPECT_EQ(view.AreaAt(Granules(6)), Span(5, 7));
  view.Release(Span(5, 7));
  EXPECT_EQ(map->free(), Granules(4096));
}

TEST(AreaMapTest, ScribbledStorageIsNoticed) {
  std::mt19937_64 random(4);
  // Links behind the heads are read only where a run is in a list.
  const std::size_t said = AreaMap::SnapshotWords(Granules(4096)) + RunLists::HeadWords();
  for (int round = 0; round < 2000; ++round) {
    OwnedMap map(4096);
    map->Take(Span(100, 50));
    map->Take(Span(2000, 500));
    AreaMap::Word& word = map.storage()[random() % said];
    word ^= AreaMap::Word{1} << (random() % 64);
    EXPECT_FALSE(map->CheckInvariants().ok()) << "word " << &word - map.storage().data();
  }
}

// Anything may be called right or wrong, as long as nothing breaks.
TEST(AreaMapTest, NoiseIsCheckedAndNothingBreaks) {
  std::mt19937_64 random(5);
  for (int round = 0; round < 200; ++round) {
    OwnedMap map(4096);
    for (AreaMap::Word& word : map.storage()) {
      if (random() % 8 != 0) word = random();
    }
    map->CheckInvariants().IgnoreError();
  }
}

std::uint32_t ClassOfGapAt(const IntervalModel& model, std::uint64_t at) {
  std::uint32_t size_class = 0;
  model.AnyGap([&](std::uint64_t begin, std::uint64_t end) {
    if (at < begin || at >= end) return false;
    size_class = AreaMap::ClassOf(Granules(end - begin));
    return true;
  });
  return size_class;
}

// (granules, largest area, seed)
class AreaMapModelTest : public ::testing::TestWithParam<std::tuple<int, int, int>> {};

TEST_P(AreaMapModelTest, AgreesWithIntervals) {
  const auto [granules, largest, seed] = GetParam();
  std::mt19937_64 random(seed);
  OwnedMap map(granules);
  IntervalModel model(0, granules);
  std::vector<AreaSpan> live;
  for (int op = 0; op < 30000; ++op) {
    if (live.empty() || random() % 100 < 53) {
      const std::uint32_t size = 1 + random() % largest;
      const std::uint32_t align = 1u << (random() % 2 == 0 ? 0 : random() % 11);
      const std::optional<Granules> at = map->Find(Granules(size), Granules(align));
      ASSERT_EQ(at.has_value(), model.Fits(size, align)) << size << " by " << align;
      if (!at) continue;
      ASSERT_EQ(at->value() % align, 0u);
      // Tightest: no gap of a lower class would do.
      const std::uint32_t size_class = ClassOfGapAt(model, at->value());
      ASSERT_FALSE(model.AnyGap([&](std::uint64_t begin, std::uint64_t end) {
        const std::uint64_t start = (begin + align - 1) / align * align;
        return start + size <= end && AreaMap::ClassOf(Granules(end - begin)) < size_class;
      }));
      ASSERT_TRUE(model.Take(at->value(), size));
      map->Take({*at, Granules(size)});
      live.push_back({*at, Granules(size)});
    } else {
      const std::size_t pick = random() % live.size();
      ASSERT_EQ(map->AreaAt(live[pick].offset + Granules(live[pick].size.value() / 2)), live[pick]);
      ASSERT_EQ(model.Release(live[pick].offset.value()), live[pick].size.value());
      map->Release(live[pick]);
      live[pick] = live.back();
      live.pop_back();
    }
    ASSERT_EQ(map->longest_run().value(), model.LongestGap());
    ASSERT_EQ(map->free().value(), model.free());
    if (op % 512 == 0) ASSERT_TRUE(map->CheckInvariants().ok()) << map->CheckInvariants();
  }
}

INSTANTIATE_TEST_SUITE_P(Sizes, AreaMapModelTest,
                         ::testing::Combine(::testing::Values(1024, 4096, 5000, 16384),
                                            ::testing::Values(4, 64, 900, 3000),
                                            ::testing::Values(1, 2)));

}  // namespace
}  // namespace percpud

// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/metrics/metric_tables.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace percpud::metrics {
namespace {

using ::testing::ElementsAre;

class MetricTablesTest : public ::testing::Test {
 protected:
  MetricTablesTest() {
    Namespace row;
    row.id = NamespaceId(tables_.NextId());
    row.name = "shop";
    shop_ = row.id;
    tables_.Add(std::move(row));
  }
  Family& AddFamily(std::string name) {
    Family row;
    row.id = FamilyId(tables_.NextId());
    row.name_space = shop_;
    row.shape.name = std::move(name);
    return tables_.Add(std::move(row));
  }
  Series& AddSeries(Family& family, std::string values, PercpuPtr cells) {
    EXPECT_TRUE(MetricTables::TakeSlot(family, cells));
    Series row;
    row.id = SeriesId(tables_.NextId());
    row.values = std::move(values);
    row.cells = cells;
    return tables_.Add(family, std::move(row));
  }

  MetricTables tables_;
  NamespaceId shop_;
};

TEST_F(MetricTablesTest, WhatIsBeingMadeIsNotFound) {
  Namespace row;
  row.id = NamespaceId(tables_.NextId());
  row.name = "new";
  row.state = RowState::kEntered;
  const NamespaceId id = tables_.Add(std::move(row)).id;
  EXPECT_EQ(tables_.Find("new"), nullptr);
  EXPECT_FALSE(tables_.IsSettled("new"));
  EXPECT_NE(tables_.Find(id), nullptr);
  tables_.Withdraw(id);
  EXPECT_TRUE(tables_.IsSettled("new"));
}

TEST_F(MetricTablesTest, AReplacedFamilyIsNotFoundByName) {
  tables_.Replace(AddFamily("hits"));
  EXPECT_TRUE(tables_.Find("shop")->by_name.empty());
  EXPECT_TRUE(tables_.Find("shop")->shown.empty());
  EXPECT_TRUE(tables_.Find("shop")->families.empty());
  AddFamily("hits");
  EXPECT_TRUE(tables_.Find("shop")->by_name.contains("hits"));
  EXPECT_TRUE(tables_.Find("shop")->shown.contains("hits_total"));
  EXPECT_EQ(tables_.families().size(), 2U);
}

TEST_F(MetricTablesTest, FamiliesWithATimeToLiveAreKnownUntilTheyAreReplaced) {
  AddFamily("hits");
  EXPECT_TRUE(tables_.expiring().empty());
  const std::uint64_t before = tables_.expiring_changes();
  Family row;
  row.id = FamilyId(tables_.NextId());
  row.name_space = shop_;
  row.shape.name = "visits";
  row.ttl_seconds = 60;
  Family& visits = tables_.Add(std::move(row));
  EXPECT_THAT(tables_.expiring(), ElementsAre(visits.id));
  EXPECT_GT(tables_.expiring_changes(), before);
  const std::uint64_t with = tables_.expiring_changes();
  AddFamily("others");
  EXPECT_EQ(tables_.expiring_changes(), with);
  tables_.Replace(visits);
  EXPECT_TRUE(tables_.expiring().empty());
  EXPECT_GT(tables_.expiring_changes(), with);
}

TEST_F(MetricTablesTest, ARetiredSeriesMakesRoomForAnotherOfItsValues) {
  Family& family = AddFamily("hits");
  tables_.AddBlock(family, PercpuPtr(4096), 2);
  Series& old = AddSeries(family, "a", PercpuPtr(4096));
  tables_.Retire(family, old);
  EXPECT_EQ(family.Find("a"), nullptr);
  EXPECT_EQ(tables_.Find("shop")->hidden, 1U);
  const SeriesId second = AddSeries(family, "a", PercpuPtr(4104)).id;
  EXPECT_EQ(family.Find("a")->id, second);
  tables_.Remove(family, old.id);
  EXPECT_EQ(family.Find("a")->id, second);
  EXPECT_EQ(tables_.Find("shop")->hidden, 0U);
}

TEST_F(MetricTablesTest, SeriesAreFoundByTheirValuesAndGiveTheirSlotsBack) {
  Family& family = AddFamily("hits");
  tables_.AddBlock(family, PercpuPtr(4096), 2);
  const SeriesId first = AddSeries(family, "a", PercpuPtr(4096)).id;
  AddSeries(family, "b", PercpuPtr(4104));
  ASSERT_NE(family.Find("a"), nullptr);
  EXPECT_EQ(family.Find("a")->id, first);
  EXPECT_EQ(family.Find("c"), nullptr);
  EXPECT_TRUE(FreeSlots(family, 1).empty());
  tables_.Remove(family, first);
  EXPECT_EQ(family.Find("a"), nullptr);
  EXPECT_THAT(FreeSlots(family, 5), ElementsAre(PercpuPtr(4096)));
  EXPECT_EQ(tables_.Find("shop")->series, 1U);
}

TEST_F(MetricTablesTest, NoSlotIsTakenTwiceOrBesideABlock) {
  Family& family = AddFamily("hits");
  tables_.AddBlock(family, PercpuPtr(4096), 2);
  EXPECT_TRUE(MetricTables::TakeSlot(family, PercpuPtr(4104)));
  EXPECT_FALSE(MetricTables::TakeSlot(family, PercpuPtr(4104)));
  EXPECT_FALSE(MetricTables::TakeSlot(family, PercpuPtr(4100)));
  EXPECT_FALSE(MetricTables::TakeSlot(family, PercpuPtr(4112)));
  EXPECT_FALSE(MetricTables::TakeSlot(family, PercpuPtr(8)));
}

TEST_F(MetricTablesTest, HiddenOnesAreCounted) {
  Family& family = AddFamily("hits");
  tables_.AddBlock(family, PercpuPtr(4096), 1);
  Series& series = AddSeries(family, "a", PercpuPtr(4096));
  tables_.SetHidden(family, series, true);
  tables_.SetHidden(family, series, true);
  EXPECT_EQ(tables_.Find("shop")->hidden, 1U);
  tables_.SetHidden(family, series, false);
  EXPECT_EQ(tables_.Find("shop")->hidden, 0U);
}

TEST_F(MetricTablesTest, BlocksGrowWithTheFamily) {
  Family& family = AddFamily("hits");
  EXPECT_THAT(PlanBlocks(family, 0), ElementsAre());
  EXPECT_THAT(PlanBlocks(family, 1), ElementsAre(1));
  EXPECT_THAT(PlanBlocks(family, 600), ElementsAre(512, 512));
  tables_.AddBlock(family, PercpuPtr(4096), 4);
  EXPECT_THAT(PlanBlocks(family, 1), ElementsAre(4));
  // One series of many cells takes more than a page.
  Family& large = AddFamily("large");
  large.shape.cells = Cells::kHistogram;
  large.shape.bounds.assign(254, 0);
  EXPECT_THAT(PlanBlocks(large, 2), ElementsAre(1, 1));
}

}  // namespace
}  // namespace percpud::metrics

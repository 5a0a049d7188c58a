// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <string>
#include <vector>

#include "server/base/error_reason.h"
#include "server/session/series/sums.h"
#include "tests/unit/session/session_rig.h"

namespace percpud {
namespace {

using metrics::FamilyType;
using metrics::Shape;

std::string ReasonOf(const absl::Status& status) { return std::string(errors::ReasonOf(status)); }

class MetricsRemovalTest : public testing::SessionTest {
 protected:
  // A family without labels has one series.
  static Shape Counter(std::string name) { return {.name = std::move(name)}; }

  OpenedSeries OpenOne(const Caller& caller, const Shape& shape) {
    OpeningWanted wanted{.name_space = "shop", .families = {}};
    wanted.families.push_back({.shape = shape, .series = {""}});
    const auto opened = sessions_->metrics().Open(caller, wanted);
    EXPECT_TRUE(opened.ok()) << opened.status();
    if (!opened.ok()) return {};
    EXPECT_TRUE(opened->series[0].status.ok()) << opened->series[0].status;
    return opened->series[0];
  }
  absl::StatusOr<std::uint64_t> Remove(const Caller& caller, const std::string& family,
                                       Removal removal = Removal::kRemove) {
    return sessions_->metrics().Remove(caller, "shop", {.family = family, .removal = removal});
  }
  // Does what a client's addition on unit 1 would.
  void Set(PercpuPtr cells, double value) {
    const auto pin = allocator_->Touch(cells, Bytes(8));
    ASSERT_TRUE(pin.ok()) << pin.status();
    ASSERT_TRUE(pin->Write(UnitId(1), std::as_bytes(std::span(&value, 1))).ok());
  }
  // What a reader shows of a family's series; nothing if it is not there or hidden and at
  // its baseline.
  std::string Shown(const std::string& name) {
    struct Copy {
      Shape shape;
      PercpuPtr cells;
      bool hidden = false;
      std::vector<metrics::CountSum> baseline;
    };
    std::vector<Copy> copies;
    const auto page = sessions_->metrics().ReadSeries(
        "shop", FamilyId(0), {}, [&](const metrics::Family& family, const metrics::Series& series) {
          if (family.shape.name != name) return true;
          copies.push_back({.shape = family.shape,
                            .cells = series.cells,
                            .hidden = series.hidden,
                            .baseline = {}});
          if (series.baseline != nullptr) copies.back().baseline = *series.baseline;
          return true;
        });
    EXPECT_TRUE(page.ok()) << page.status();
    std::string out;
    for (const Copy& copy : copies) {
      auto sums = *SumCells(*allocator_, copy.shape, copy.cells);
      SubtractBaseline(copy.baseline, sums);
      if (!copy.hidden || sums[0].sum != 0) out += std::to_string(sums[0].sum) + ";";
    }
    return out;
  }
};

TEST_F(MetricsRemovalTest, AResetSeriesCountsFromZeroAgain) {
  const Caller alice = CallerOf(Open());
  const OpenedSeries series = OpenOne(alice, Counter("hits"));
  Set(series.cells, 7);
  ASSERT_EQ(Remove(alice, "hits", Removal::kReset).value_or(0), 1U);
  EXPECT_EQ(Shown("hits"), "0.000000;");
  Set(series.cells, 9);
  EXPECT_EQ(Shown("hits"), "2.000000;");
}

TEST_F(MetricsRemovalTest, ARemovedSeriesIsHiddenUntilItMoves) {
  const Caller alice = CallerOf(Open());
  const OpenedSeries series = OpenOne(alice, Counter("hits"));
  Set(series.cells, 7);
  ASSERT_EQ(Remove(alice, "hits").value_or(0), 1U);
  EXPECT_EQ(Shown("hits"), "");
  // The session that has it open may still count, and is seen.
  Set(series.cells, 8);
  EXPECT_EQ(Shown("hits"), "1.000000;");
  EXPECT_EQ(Remove(alice, "hits").value_or(0), 1U) << "what is seen can be removed";
  EXPECT_EQ(Shown("hits"), "");
  EXPECT_EQ(Remove(alice, "hits").value_or(9), 0U) << "it is hidden already";
}

TEST_F(MetricsRemovalTest, WhatMovedAfterItsRemovalIsRemovedByItsValues) {
  const Caller alice = CallerOf(Open());
  const RemovalWanted one{.family = "hits", .values = ""};
  const auto remove = [&] { return sessions_->metrics().Remove(kOperator, "shop", one); };
  const OpenedSeries series = OpenOne(alice, Counter("hits"));
  for (const double value : {7, 9, 12}) {
    Set(series.cells, value);
    EXPECT_EQ(remove().value_or(0), 1U);
    EXPECT_EQ(ReasonOf(remove().status()), "SERIES_NOT_FOUND");
  }
  Set(series.cells, 14);
  ASSERT_TRUE(Remove(kOperator, "hits", Removal::kReset).ok());
  EXPECT_EQ(Shown("hits"), "0.000000;") << "a reset one is shown";
}

TEST_F(MetricsRemovalTest, WhatMovedAfterItsRemovalGoesWithItsGeneration) {
  const Caller alice = CallerOf(Open());
  const OpenedSeries series = OpenOne(alice, Counter("hits"));
  ASSERT_TRUE(Remove(alice, "hits").ok());
  Set(series.cells, 5);
  const auto reset = sessions_->metrics().Reset(alice, "shop", 1);
  ASSERT_TRUE(reset.ok());
  EXPECT_EQ(reset->series, 1U);
  EXPECT_EQ(Shown("hits"), "");
}

TEST_F(MetricsRemovalTest, AValueOfAllProcessesIsRemovedWithoutABaseline) {
  const OpenedSession writer = Open();
  Shape shape = Counter("limit");
  shape.type = FamilyType::kGauge;
  shape.cells = metrics::Cells::kShared;
  const OpenedSeries series = OpenOne(CallerOf(writer), shape);
  const auto set = [&](double value) { AddToShared(*allocator_, series.cells, value); };
  set(7);
  ASSERT_EQ(Remove(kOperator, "limit").value_or(0), 1U);
  EXPECT_EQ(Shown("limit"), "");
  EXPECT_EQ(Remove(kOperator, "limit").value_or(9), 0U);
  set(8);
  EXPECT_EQ(Shown("limit"), "8.000000;");
  EXPECT_EQ(OpenOne(CallerOf(writer), shape).cells, series.cells);
  ASSERT_EQ(Remove(kOperator, "limit").value_or(0), 1U);
  EXPECT_TRUE(sessions_->End(writer.id));
  EXPECT_EQ(sessions_->metrics().Collect(), 1U);
}

TEST_F(MetricsRemovalTest, OpeningAHiddenSeriesShowsItFromZero) {
  const Caller alice = CallerOf(Open());
  const OpenedSeries series = OpenOne(alice, Counter("hits"));
  Set(series.cells, 7);
  ASSERT_TRUE(Remove(alice, "hits").ok());
  const OpenedSeries again = OpenOne(alice, Counter("hits"));
  EXPECT_EQ(again.cells, series.cells);
  EXPECT_EQ(Shown("hits"), "0.000000;");
}

TEST_F(MetricsRemovalTest, CellsAreNotGrantedAgainWhileAnybodyMayWriteThere) {
  const OpenedSession writer = Open();
  const OpenedSeries series = OpenOne(CallerOf(writer), Counter("hits"));
  Set(series.cells, 7);
  ASSERT_TRUE(Remove(kOperator, "hits").ok());
  EXPECT_EQ(sessions_->metrics().Collect(), 0U);
  EXPECT_EQ(LiveAreas(), 1U);
  // A session that comes later cannot have it open.
  OpenOne(CallerOf(Open()), Counter("misses"));
  EXPECT_TRUE(sessions_->End(writer.id));
  EXPECT_EQ(sessions_->metrics().Collect(), 1U);
  EXPECT_EQ(LiveAreas(), 1U) << "the other family's";
  EXPECT_TRUE(OpenOne(kOperator, Counter("hits")).made);
}

TEST_F(MetricsRemovalTest, CellsAreKeptForTheChildrenOfTheDead) {
  const OpenedSession dead = Open();
  const PercpuPtr own = MustAlloc(CallerOf(dead), Bytes(64));
  const OpenedSeries series = OpenOne(CallerOf(dead), Counter("hits"));
  EXPECT_TRUE(sessions_->Leave(dead.id));
  EXPECT_FALSE(sessions_->Leave(dead.id));
  EXPECT_FALSE(sessions_->Find(dead.token).has_value());
  EXPECT_EQ(OwnerOf(own), kNoSession) << "what it owned alone is taken back at once";
  ASSERT_TRUE(Remove(kOperator, "hits").ok());
  Pass(absl::Minutes(10));
  EXPECT_EQ(LiveAreas(), 1U);
  Set(series.cells, 3);
  EXPECT_EQ(Shown("hits"), "3.000000;");
  ASSERT_EQ(Remove(kOperator, "hits").value_or(0), 1U);
  ExpectSound();
  // The last of the children closes the connection.
  EXPECT_TRUE(sessions_->End(dead.id));
  EXPECT_FALSE(sessions_->End(dead.id));
  Pass(absl::Seconds(2));
  EXPECT_EQ(LiveAreas(), 0U);
}

TEST_F(MetricsRemovalTest, WhatMovedAfterItsRemovalStays) {
  const OpenedSession writer = Open();
  const OpenedSeries series = OpenOne(CallerOf(writer), Counter("hits"));
  ASSERT_TRUE(Remove(kOperator, "hits").ok());
  Set(series.cells, 3);
  EXPECT_TRUE(sessions_->End(writer.id));
  EXPECT_EQ(sessions_->metrics().Collect(), 0U);
  EXPECT_EQ(Shown("hits"), "3.000000;");
  EXPECT_FALSE(OpenOne(kOperator, Counter("hits")).made);
}

TEST_F(MetricsRemovalTest, TheReaperCollects) {
  const OpenedSession writer = Open();
  OpenOne(CallerOf(writer), Counter("hits"));
  ASSERT_TRUE(Remove(kOperator, "hits").ok());
  EXPECT_TRUE(sessions_->End(writer.id));
  Pass(absl::Seconds(2));
  EXPECT_EQ(LiveAreas(), 0U);
}

TEST_F(MetricsRemovalTest, ASlotThatIsUsedAgainIsZero) {
  Shape shape = Counter("hits");
  shape.labels = {"path"};
  OpeningWanted wanted{.name_space = "shop", .families = {}};
  const std::string first("\1\0a", 3);
  const std::string second("\1\0b", 3);
  wanted.families.push_back({.shape = shape, .series = {first, second}});
  const auto opened = sessions_->metrics().Open(kOperator, wanted);
  ASSERT_TRUE(opened.ok());
  Set(opened->series[0].cells, 7);
  ASSERT_TRUE(
      sessions_->metrics().Remove(kOperator, "shop", {.family = "hits", .values = first}).ok());
  ASSERT_EQ(sessions_->metrics().Collect(), 1U);
  const std::string third("\1\0c", 3);
  wanted.families[0].series = {third};
  const auto reused = sessions_->metrics().Open(kOperator, wanted);
  ASSERT_TRUE(reused.ok());
  EXPECT_EQ(reused->series[0].cells, opened->series[0].cells);
  EXPECT_EQ(Shown("hits"), "0.000000;0.000000;");
}

TEST_F(MetricsRemovalTest, FromASumThatIsNoNumberTheNextOpeningGetsOtherCells) {
  const OpenedSession writer = Open();
  for (const double sum : {std::numeric_limits<double>::infinity(), 0x1p54}) {
    const OpenedSeries series = OpenOne(CallerOf(writer), Counter("hits"));
    Set(series.cells, sum);
    ASSERT_TRUE(Remove(kOperator, "hits", Removal::kReset).ok());
    EXPECT_EQ(Shown("hits"), "");
    const OpenedSeries again = OpenOne(CallerOf(writer), Counter("hits"));
    EXPECT_TRUE(again.made);
    EXPECT_NE(again.cells, series.cells);
    EXPECT_EQ(Shown("hits"), "0.000000;");
  }
  EXPECT_EQ(sessions_->metrics().Collect(), 0U);
  EXPECT_TRUE(sessions_->End(writer.id));
  EXPECT_EQ(sessions_->metrics().Collect(), 2U);
}

TEST_F(MetricsRemovalTest, ANewGenerationTakesAnotherShape) {
  const Caller alice = CallerOf(Open());
  const OpenedSeries old = OpenOne(alice, Counter("hits"));
  Set(old.cells, 5);
  Set(OpenOne(alice, Counter("misses")).cells, 4);
  const auto reset = sessions_->metrics().Reset(alice, "shop", 1);
  ASSERT_TRUE(reset.ok()) << reset.status();
  EXPECT_EQ(reset->generation, 2U);
  EXPECT_EQ(reset->series, 2U);
  EXPECT_EQ(Shown("hits") + Shown("misses"), "");
  // The same shape goes on in its cells, from 0.
  OpenOne(alice, Counter("misses"));
  EXPECT_EQ(Shown("misses"), "0.000000;");
  // Another shape takes the name, and that of a sample.
  Shape gauge = Counter("hits_total");
  gauge.type = FamilyType::kGauge;
  const OpenedSeries taken = OpenOne(alice, gauge);
  EXPECT_TRUE(taken.made);
  EXPECT_NE(taken.cells, old.cells);
  // What older handles count is unseen.
  Set(old.cells, 6);
  EXPECT_EQ(Shown("hits"), "");
  // A family of this generation keeps its shape.
  OpeningWanted wanted{.name_space = "shop", .families = {}};
  Shape other = Counter("misses");
  other.type = FamilyType::kGauge;
  wanted.families.push_back({.shape = other, .series = {""}});
  EXPECT_EQ(ReasonOf(sessions_->metrics().Open(alice, wanted)->series[0].status), "FAMILY_DIFFERS");
}

TEST_F(MetricsRemovalTest, AReplacedFamilyGoesWithItsWriters) {
  const OpenedSession writer = Open();
  const Caller alice = CallerOf(writer);
  OpenOne(alice, Counter("hits"));
  ASSERT_TRUE(sessions_->metrics().Reset(alice, "shop", 0).ok());
  Shape gauge = Counter("hits");
  gauge.type = FamilyType::kGauge;
  OpenOne(kOperator, gauge);
  EXPECT_EQ(LiveAreas(), 2U);
  EXPECT_TRUE(sessions_->End(writer.id));
  EXPECT_EQ(sessions_->metrics().Collect(), 1U);
  EXPECT_EQ(LiveAreas(), 1U);
}

TEST_F(MetricsRemovalTest, OfManyThatResetOneGenerationOneDoes) {
  const Caller alice = CallerOf(Open());
  OpenOne(alice, Counter("hits"));
  EXPECT_EQ(sessions_->metrics().Reset(alice, "shop", 1)->generation, 2U);
  const auto late = sessions_->metrics().Reset(alice, "shop", 1);
  ASSERT_TRUE(late.ok());
  EXPECT_EQ(late->generation, 2U);
  EXPECT_EQ(late->series, 0U);
}

TEST_F(MetricsRemovalTest, ASeriesThatNobodyMovesExpires) {
  const Caller alice = CallerOf(Open());
  OpeningWanted wanted{.name_space = "shop", .families = {}};
  wanted.families.push_back({.shape = Counter("hits"), .ttl_seconds = 60, .series = {""}});
  const auto opened = sessions_->metrics().Open(alice, wanted);
  ASSERT_TRUE(opened.ok()) << opened.status();
  OpenOne(alice, Counter("lasting"));
  double value = 1;
  for (int i = 0; i < 4; ++i) {
    Set(opened->series[0].cells, value++);
    Pass(absl::Seconds(30));
    EXPECT_NE(Shown("hits"), "") << i;
  }
  Pass(absl::Seconds(50));
  EXPECT_EQ(Shown("hits"), "");
  EXPECT_EQ(Shown("lasting"), "0.000000;");
  // It comes back from 0 when it moves.
  Set(opened->series[0].cells, value);
  EXPECT_EQ(Shown("hits"), "1.000000;");
  // It goes again.
  Pass(absl::Seconds(80));
  EXPECT_EQ(Shown("hits"), "");
}

TEST_F(MetricsRemovalTest, WhatIsNotThereOrAnothersIsRefusedByName) {
  const Caller alice = CallerOf(Open());
  EXPECT_EQ(ReasonOf(Remove(alice, "hits").status()), "NAMESPACE_NOT_FOUND");
  OpenOne(alice, Counter("hits"));
  EXPECT_EQ(ReasonOf(Remove(alice, "other").status()), "FAMILY_NOT_FOUND");
  const std::string values("\1\0x", 3);
  EXPECT_EQ(ReasonOf(sessions_->metrics()
                         .Remove(alice, "shop", {.family = "hits", .values = values})
                         .status()),
            "SERIES_NOT_FOUND");
  const Caller bob = CallerOf(Open(kBob));
  EXPECT_EQ(ReasonOf(Remove(bob, "hits").status()), "NOT_NAMESPACE_OWNER");
  EXPECT_EQ(ReasonOf(sessions_->metrics().Reset(bob, "shop", 0).status()), "NOT_NAMESPACE_OWNER");
}

}  // namespace
}  // namespace percpud

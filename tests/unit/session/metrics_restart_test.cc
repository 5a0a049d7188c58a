// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "server/base/error_reason.h"
#include "server/metrics/rules.h"
#include "tests/unit/session/restart_rig.h"

namespace percpud {
namespace {

using metrics::FamilyType;
using metrics::Shape;

class MetricsRestartTest : public testing::RestartTest {
 protected:
  static Shape Latency() {
    return {.name = "latency_seconds",
            .help = "How long.",
            .unit = "seconds",
            .labels = {"path"},
            .bounds = {0.1, 1},
            .type = FamilyType::kHistogram,
            .cells = metrics::Cells::kHistogram};
  }
  absl::StatusOr<Opening> OpenSeries(const Caller& caller, const Shape& shape, int count,
                                     std::uint32_t max_series = 0) {
    std::vector<std::string> values(static_cast<std::size_t>(count));
    for (int i = 0; i < count; ++i) {
      if (!shape.labels.empty()) metrics::AppendValue(absl::StrCat("/", i), values[i]);
    }
    OpeningWanted wanted{.name_space = "shop", .families = {}};
    wanted.families.push_back({.shape = shape, .max_series = max_series});
    wanted.families[0].series.assign(values.begin(), values.end());
    return sessions_->metrics().Open(caller, wanted);
  }
  // All that there is to be read.
  std::string Snapshot() {
    std::string out;
    const auto page = sessions_->metrics().ReadSeries(
        "shop", FamilyId(0), {}, [&](const metrics::Family& family, const metrics::Series& series) {
          absl::StrAppend(&out, family.id.value(), " ", metrics::Describe(family.shape), " ",
                          family.shape.help, " ", family.max_series, ": ", series.id.value(), " ",
                          series.values, " ", series.cells.value(), " ", series.created_ns, " ",
                          series.overflow, "\n");
          return true;
        });
    EXPECT_TRUE(page.ok()) << page.status();
    return out;
  }
  absl::Status RestoreAgain() {
    sessions_.reset();
    allocator_.reset();
    const auto remembered = Remember(*catalog_);
    if (!remembered.ok()) return remembered.status();
    Make(&remembered->state);
    return sessions_->Restore(*remembered);
  }
};

TEST_F(MetricsRestartTest, SeriesAreWhereTheyWere) {
  const Caller caller = CallerOf(Open(1));
  ASSERT_TRUE(OpenSeries(caller, Latency(), 40, 30).ok());
  ASSERT_TRUE(OpenSeries(caller, {.name = "hits"}, 1).ok());
  const std::string before = Snapshot();
  Restart();
  EXPECT_EQ(Snapshot(), before);
  EXPECT_EQ(sessions_->metrics().CountJoined("shop"), 1U);
  // Numbers go on where they were, and free slots are known.
  ASSERT_TRUE(OpenSeries(kOperator, {.name = "other"}, 1).ok());
  EXPECT_TRUE(sessions_->CheckInvariants().ok()) << sessions_->CheckInvariants().status();
  const std::string later = Snapshot();
  Restart();
  EXPECT_EQ(Snapshot(), later);
}

TEST_F(MetricsRestartTest, ANumberIsGivenOnceAlsoOverARestart) {
  const auto before = OpenSeries(kOperator, {.name = "hits"}, 1);
  ASSERT_TRUE(before.ok());
  Restart();
  const auto after = OpenSeries(kOperator, {.name = "misses"}, 1);
  ASSERT_TRUE(after.ok());
  EXPECT_GT(after->series[0].family.value(), before->series[0].series.value());
}

TEST_F(MetricsRestartTest, HowOftenAFamilyRefusedIsRemembered) {
  const Caller alice = CallerOf(Open(1));
  ASSERT_TRUE(OpenSeries(alice, Latency(), 5, 2).ok());
  Shape other = Latency();
  other.bounds = {0.5};
  for (int i = 0; i < 2; ++i) ASSERT_TRUE(OpenSeries(alice, other, 1).ok());
  const auto counts = [&] {
    std::vector<std::uint64_t> out;
    const auto page = sessions_->metrics().ListFamilies(
        "shop", FamilyId(0), [&](const metrics::Namespace&, const metrics::Family& family) {
          out = {family.refused, family.overflowed};
          return true;
        });
    EXPECT_TRUE(page.ok()) << page.status();
    return out;
  };
  EXPECT_THAT(counts(), ::testing::ElementsAre(2U, 3U));
  sessions_->ReapExpired();
  Restart();
  EXPECT_THAT(counts(), ::testing::ElementsAre(2U, 3U));
  ASSERT_TRUE(OpenSeries(CallerOf(Open(2)), other, 1).ok());
  EXPECT_THAT(counts(), ::testing::ElementsAre(3U, 3U));
}

TEST_F(MetricsRestartTest, ASessionThatEndedMeanwhileHasLeft) {
  const OpenedSession session = Open(1);
  ASSERT_TRUE(OpenSeries(CallerOf(session), {.name = "hits"}, 1).ok());
  processes_.erase(1);
  Restart();
  EXPECT_EQ(sessions_->metrics().CountJoined("shop"), 0U);
  Restart();
  EXPECT_EQ(sessions_->metrics().CountJoined("shop"), 0U);
}

TEST_F(MetricsRestartTest, ASessionThatEndsLeaves) {
  const OpenedSession session = Open(1);
  ASSERT_TRUE(OpenSeries(CallerOf(session), {.name = "hits"}, 1).ok());
  EXPECT_EQ(sessions_->metrics().CountJoined("shop"), 1U);
  EXPECT_TRUE(sessions_->End(session.id));
  EXPECT_EQ(sessions_->metrics().CountJoined("shop"), 0U);
}

TEST_F(MetricsRestartTest, WhatWasRemovedStaysRemovedAndGoesWithItsWriters) {
  const OpenedSession session = Open(1);
  const auto opened = OpenSeries(CallerOf(session), Latency(), 3);
  ASSERT_TRUE(opened.ok());
  const std::uint64_t seven = 7;
  {
    const auto pin = allocator_->Touch(opened->series[0].cells, Bytes(64));
    ASSERT_TRUE(pin.ok());
    ASSERT_TRUE(pin->Write(UnitId(0), std::as_bytes(std::span(&seven, 1))).ok());
  }
  const auto reset = sessions_->metrics().Reset(kOperator, "shop", 0);
  ASSERT_TRUE(reset.ok()) << reset.status();
  // It is of another shape, so that the old family is replaced.
  ASSERT_TRUE(OpenSeries(kOperator, {.name = "latency_seconds"}, 1).ok());
  const std::string before = Snapshot();
  Restart();
  EXPECT_EQ(Snapshot(), before);
  EXPECT_EQ(sessions_->metrics().Collect(), 0U);
  EXPECT_TRUE(sessions_->End(session.id));
  EXPECT_EQ(sessions_->metrics().Collect(), 3U);
  Restart();
  EXPECT_EQ(Snapshot(), before);
  EXPECT_TRUE(sessions_->CheckInvariants().ok()) << sessions_->CheckInvariants().status();
}

TEST_F(MetricsRestartTest, AHiddenSeriesKeepsItsBaseline) {
  const auto opened = OpenSeries(kOperator, {.name = "hits"}, 1);
  ASSERT_TRUE(opened.ok());
  const double five = 5;
  {
    const auto pin = allocator_->Touch(opened->series[0].cells, Bytes(8));
    ASSERT_TRUE(pin.ok());
    ASSERT_TRUE(pin->Write(UnitId(1), std::as_bytes(std::span(&five, 1))).ok());
  }
  ASSERT_TRUE(sessions_->metrics().Remove(kOperator, "shop", {.family = "hits"}).ok());
  Restart();
  std::vector<double> baselines;
  const auto page = sessions_->metrics().ReadSeries(
      "shop", FamilyId(0), {}, [&](const metrics::Family&, const metrics::Series& series) {
        EXPECT_TRUE(series.hidden);
        if (series.baseline != nullptr) baselines.push_back((*series.baseline)[0].sum);
        return true;
      });
  EXPECT_TRUE(page.ok());
  EXPECT_THAT(baselines, ::testing::ElementsAre(5.0));
}

TEST_F(MetricsRestartTest, RecordsThatContradictEachOtherAreRefused) {
  const auto opened = OpenSeries(kOperator, Latency(), 2);
  ASSERT_TRUE(opened.ok());
  const OpenedSeries& series = opened->series[0];
  const OpenedSeries& second = opened->series[1];
  std::string values;
  metrics::AppendValue("/new", values);
  const auto row = [&](SeriesId id, FamilyId family, PercpuPtr cells, std::string labels) {
    return catalog::Series{.id = id, .family = family, .cells = cells, .values = std::move(labels)};
  };
  const std::vector<std::pair<std::string, catalog::Series>> cases{
      {"no family", row(SeriesId(900), FamilyId(901), series.cells, values)},
      {"another's cells", row(SeriesId(900), series.family, second.cells, values)},
      {"cells beside a block", row(SeriesId(900), series.family, PercpuPtr(64), values)},
      {"values of another shape", row(SeriesId(900), series.family, series.cells, "")},
  };
  for (const auto& [what, record] : cases) {
    catalog::Changes changes;
    changes.Put(record);
    ASSERT_TRUE(catalog_->Commit(std::move(changes)).ok());
    const absl::Status status = RestoreAgain();
    EXPECT_EQ(errors::ReasonOf(status), "NOT_RESTORABLE") << what << ": " << status;
    catalog::Changes undo;
    undo.DeleteSeries(record.id);
    ASSERT_TRUE(catalog_->Commit(std::move(undo)).ok());
  }
  EXPECT_TRUE(RestoreAgain().ok());
}

}  // namespace
}  // namespace percpud

// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "server/base/error_reason.h"
#include "server/metrics/rules.h"
#include "tests/unit/session/writers_rig.h"

namespace percpud {
namespace {

using cells::GaugeFold;
using cells::GaugeMode;
using metrics::WriterCell;
using ::testing::ElementsAre;
using testing::Gauge;
using ::testing::IsEmpty;
using testing::kAll;
using testing::kLiveSum;
using testing::kMax;
using testing::MetricsWritersTest;
using ::testing::UnorderedElementsAre;

TEST_F(MetricsWritersTest, AWriterHasACellOfItsOwnWhileItsSessionLives) {
  const OpenedSession one = Open(1);
  const OpenedSession two = Open(2);
  const Opening first = MustOpen(CallerOf(one), Gauge("busy", kLiveSum));
  const Opening second = MustOpen(CallerOf(two), Gauge("busy", kLiveSum));
  EXPECT_NE(first.series[0].cells, second.series[0].cells);
  EXPECT_EQ(first.series[0].series, second.series[0].series);
  EXPECT_NE(first.writer, second.writer);
  EXPECT_THAT(Shown(), IsEmpty());
  Set(first.series[0], 3, 1);
  Set(second.series[0], 4, 1);
  EXPECT_THAT(Shown(), UnorderedElementsAre("busy[1]=3+", "busy[2]=4+"));
  // Opening again finds the same cell.
  EXPECT_EQ(MustOpen(CallerOf(one), Gauge("busy", kLiveSum)).series[0].cells,
            first.series[0].cells);
  ExpectSound();
  EXPECT_TRUE(sessions_->End(one.id));
  EXPECT_THAT(Shown(), ElementsAre("busy[2]=4+"));
  EXPECT_TRUE(sessions_->End(two.id));
  EXPECT_THAT(Shown(), IsEmpty());
  EXPECT_EQ(LiveAreas(), 0U);
  ExpectSound();
}

TEST_F(MetricsWritersTest, ACallerWithoutASessionIsNoWriter) {
  const auto opened = OpenGauge(kOperator, Gauge("busy", kMax));
  ASSERT_TRUE(opened.ok());
  EXPECT_EQ(errors::ReasonOf(opened->series[0].status), "WRITER_NEEDS_SESSION");
  EXPECT_EQ(LiveAreas(), 0U);
}

TEST_F(MetricsWritersTest, AClosedWriterIsFoldedAndRefunded) {
  const OpenedSession one = Open(1);
  const Usage before = UseOf(one.id);
  const Opening opened = MustOpen(CallerOf(one), Gauge("peak", kMax));
  Set(opened.series[0], 2, 1);
  EXPECT_GT(UseOf(one.id).bytes, before.bytes);
  const auto others = sessions_->metrics().CloseWriter(CallerOf(Open(2)), opened.writer);
  EXPECT_EQ(errors::ReasonOf(others.status()), "WRITER_NOT_FOUND");
  EXPECT_EQ(sessions_->metrics().CloseWriter(CallerOf(one), opened.writer).value_or(0), 1U);
  EXPECT_EQ(UseOf(one.id), before);
  EXPECT_THAT(Shown(), ElementsAre("peak[]=2"));
  const auto again = sessions_->metrics().CloseWriter(CallerOf(one), opened.writer);
  EXPECT_EQ(errors::ReasonOf(again.status()), "WRITER_NOT_FOUND");
  EXPECT_EQ(LiveAreas(), 0U);
}

TEST_F(MetricsWritersTest, CellsAreWhereTheyWereAfterARestart) {
  const OpenedSession one = Open(1);
  const Opening opened = MustOpen(CallerOf(one), Gauge("peak", kMax));
  Set(opened.series[0], 6, 1);
  const Usage before = UseOf(one.id);
  Restart();
  EXPECT_THAT(Shown(), ElementsAre("peak[1]=6+"));
  EXPECT_EQ(UseOf(one.id), before);
  const Opening after = MustOpen(CallerOf(one), Gauge("peak", kMax));
  EXPECT_EQ(after.series[0].cells, opened.series[0].cells);
  EXPECT_EQ(after.writer, opened.writer);
  // What is new gets another cell.
  const Opening other = MustOpen(CallerOf(one), Gauge("least", {.fold = GaugeFold::kMin}));
  EXPECT_NE(other.series[0].cells, opened.series[0].cells);
  ExpectSound();
}

TEST_F(MetricsWritersTest, WhoDiesWithTheDaemonIsFoldedOnce) {
  const GaugeMode sum{.fold = GaugeFold::kSum};
  const OpenedSession one = Open(1);
  Set(MustOpen(CallerOf(one), Gauge("total", sum)).series[0], 5, 1);
  processes_.erase(1);
  for (int restarts = 0; restarts < 3; ++restarts) {
    Restart();
    EXPECT_THAT(Shown(), ElementsAre("total[]=5"));
    EXPECT_EQ(LiveAreas(), 0U);
    ExpectSound();
  }
}

TEST_F(MetricsWritersTest, SlotsAreTheLeastThatAreFree) {
  const OpenedSession one = Open(1);
  const OpenedSession two = Open(2);
  EXPECT_EQ(MustOpen(CallerOf(one), Gauge("each", kAll), "", true).slot, 0U);
  EXPECT_EQ(MustOpen(CallerOf(two), Gauge("each", kAll), "", true).slot, 1U);
  EXPECT_EQ(MustOpen(CallerOf(one), Gauge("peak", kMax), "", true).slot, 0U);
  EXPECT_TRUE(sessions_->End(one.id));
  const Opening next = MustOpen(CallerOf(Open(3)), Gauge("each", kAll), "", true);
  EXPECT_EQ(next.slot, 0U);
  Set(next.series[0], 1, 1);
  EXPECT_THAT(Shown(), ElementsAre("each[0]=1+"));
}

TEST_F(MetricsWritersTest, ALabelIsShownOnce) {
  const OpenedSession one = Open(1);
  const OpenedSession two = Open(2);
  Set(MustOpen(CallerOf(one), Gauge("each", kAll), "web").series[0], 1, 1);
  Set(MustOpen(CallerOf(two), Gauge("each", kAll), "web").series[0], 2, 2);
  EXPECT_THAT(Shown(), ElementsAre("each[web]=2+"));
  EXPECT_TRUE(sessions_->End(one.id));
  EXPECT_TRUE(sessions_->End(two.id));
  EXPECT_THAT(Shown(), ElementsAre("each[web]=2"));
  Set(MustOpen(CallerOf(Open(3)), Gauge("each", kAll), "web").series[0], 3, 3);
  EXPECT_THAT(Shown(), ElementsAre("each[web]=3+"));
  Restart();
  EXPECT_THAT(Shown(), ElementsAre("each[web]=3+"));
  ExpectSound();
}

TEST_F(MetricsWritersTest, AnOpeningOfOtherSeriesNamesNoWriter) {
  const OpenedSession one = Open(1);
  const Opening opened = MustOpen(CallerOf(one), Gauge("peak", kMax));
  OpeningWanted wanted{.name_space = "shop", .families = {}};
  wanted.families.push_back({.shape = Gauge("peak", kMax), .series = {""}});
  wanted.families.push_back({.shape = {.name = "hits"}, .series = {""}});
  const auto both = sessions_->metrics().Open(CallerOf(one), wanted);
  ASSERT_TRUE(both.ok()) << both.status();
  EXPECT_EQ(both->writer, opened.writer);
  EXPECT_EQ(both->series[0].cells, opened.series[0].cells);
}

// Any order of opening, setting, closing and dying, over kills of the daemon, against a
// model that keeps every value.
TEST_F(MetricsWritersTest, AgreesWithANaiveModel) {
  const std::vector<std::pair<std::string, GaugeMode>> families = {
      {"min", {.fold = GaugeFold::kMin}},
      {"max", kMax},
      {"sum", {.fold = GaugeFold::kSum}},
      {"recent", {.fold = GaugeFold::kMostRecent}},
      {"livesum", kLiveSum}};
  struct Live {
    OpenedSession session;
    std::map<std::string, WriterCell> cells;
  };
  std::map<std::uint32_t, Live> live;
  std::map<std::string, WriterCell> dead;
  std::mt19937 random(1);
  const auto die = [&](Live& writer) {
    for (const auto& [name, mode] : families) {
      const auto cell = writer.cells.find(name);
      if (cell != writer.cells.end()) dead[name] = FoldDead(mode, dead[name], cell->second);
    }
  };
  double now = 0;
  std::uint32_t pid = 0;
  for (int step = 0; step < 400; ++step) {
    const auto choice = random() % 20;
    if (live.size() < 2 || choice < 4) {
      ++pid;
      live[pid].session = Open(pid);
    } else if (choice < 16) {
      auto writer = std::next(live.begin(), static_cast<long>(random() % live.size()));
      const auto& [name, mode] = families[random() % families.size()];
      const Opening opened = MustOpen(CallerOf(writer->second.session), Gauge(name, mode));
      const WriterCell cell{.value = static_cast<double>(random() % 100), .timestamp = ++now};
      Set(opened.series[0], cell.value, cell.timestamp);
      writer->second.cells[name] = cell;
    } else if (choice < 19) {
      auto writer = std::next(live.begin(), static_cast<long>(random() % live.size()));
      die(writer->second);
      EXPECT_TRUE(sessions_->End(writer->second.session.id));
      live.erase(writer);
    } else {
      // One dies together with the daemon.
      auto writer = std::next(live.begin(), static_cast<long>(random() % live.size()));
      die(writer->second);
      processes_.erase(writer->first);
      live.erase(writer);
      Restart();
    }
    std::map<std::string, WriterCell> shown;
    std::map<std::string, WriterCell> expected;
    const std::vector<Row> rows = Rows();
    for (const auto& [name, mode] : families) {
      std::vector<WriterCell> cells;
      WriterCell left = cells::kUnset;
      for (const Row& row : rows) {
        if (row.family != name) continue;
        if (row.of.IsLive()) cells.push_back(row.cell);
        if (row.writer == metrics::kTheDead) left = row.cell;
      }
      std::vector<WriterCell> known;
      for (const auto& [id, writer] : live) {
        const auto cell = writer.cells.find(name);
        if (cell != writer.cells.end()) known.push_back(cell->second);
      }
      const WriterCell is = FoldWriters(mode, left, cells);
      const WriterCell should = FoldWriters(mode, dead[name], known);
      ASSERT_EQ(is.value, should.value) << name << " at step " << step;
      ASSERT_EQ(is.timestamp, should.timestamp) << name << " at step " << step;
    }
  }
  ExpectSound();
}

TEST_F(MetricsWritersTest, TheOwnerOfANamespaceIsChargedForItsSeries) {
  SessionLimits limits;
  limits.per_user.bytes = Bytes(64);
  sessions_->SetLimits(limits);
  const OpenedSession one = Open(1);
  const auto open = [&](absl::string_view name, int series) {
    std::vector<std::string> values(static_cast<std::size_t>(series));
    for (int i = 0; i < series; ++i) metrics::AppendValue(absl::StrCat(i), values[i]);
    OpeningWanted wanted{.name_space = "shop", .families = {}};
    wanted.families.push_back(
        {.shape = {.name = std::string(name), .labels = {"n"}}, .series = {}});
    wanted.families[0].series.assign(values.begin(), values.end());
    const auto opened = sessions_->metrics().Open(CallerOf(one), wanted);
    EXPECT_TRUE(opened.ok()) << opened.status();
    return opened.ok() ? opened->series[0].status : opened.status();
  };
  EXPECT_TRUE(open("hits", 8).ok());
  EXPECT_EQ(errors::ReasonOf(open("misses", 1)), "QUOTA_EXCEEDED");
  EXPECT_EQ(LiveAreas(), 1U);
  Restart();
  sessions_->SetLimits(limits);
  EXPECT_EQ(errors::ReasonOf(open("misses", 1)), "QUOTA_EXCEEDED");
  EXPECT_EQ(errors::ReasonOf(Alloc(CallerOf(one), Bytes(8)).status()), "QUOTA_EXCEEDED");
  // Removed, they are refunded when their memory is.
  ASSERT_TRUE(sessions_->metrics().Remove(kOperator, "shop", {.family = "hits"}).ok());
  EXPECT_EQ(sessions_->metrics().Collect(), 0U);
  EXPECT_TRUE(sessions_->End(one.id));
  EXPECT_EQ(sessions_->metrics().Collect(), 8U);
  EXPECT_TRUE(Alloc(CallerOf(Open(2)), Bytes(64)).ok());
  ExpectSound();
}

}  // namespace
}  // namespace percpud

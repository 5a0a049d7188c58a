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
#include "server/cells/fold.h"
#include "server/metrics/rules.h"
#include "server/session/series/writer_cells.h"
#include "tests/unit/session/restart_rig.h"

namespace percpud {
namespace {

using cells::GaugeFold;
using cells::GaugeMode;
using metrics::FamilyType;
using metrics::Shape;
using metrics::WriterCell;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

Shape Gauge(absl::string_view name, GaugeMode mode) {
  return {.name = std::string(name),
          .type = FamilyType::kGauge,
          .cells = metrics::Cells::kWriter,
          .mode = mode};
}
constexpr GaugeMode kMax{.fold = GaugeFold::kMax};
constexpr GaugeMode kAll{.fold = GaugeFold::kAll};
constexpr GaugeMode kLiveSum{.fold = GaugeFold::kSum, .live_only = true};

class MetricsWritersTest : public testing::RestartTest {
 protected:
  absl::StatusOr<Opening> OpenGauge(const Caller& caller, const Shape& shape,
                                    absl::string_view label = "", bool slot = false) {
    const std::string values;
    OpeningWanted wanted{.name_space = "shop", .families = {}, .writer = label, .slot = slot};
    wanted.families.push_back({.shape = shape, .series = {values}});
    return sessions_->metrics().Open(caller, wanted);
  }
  Opening MustOpen(const Caller& caller, const Shape& shape, absl::string_view label = "",
                   bool slot = false) {
    absl::StatusOr<Opening> opened = OpenGauge(caller, shape, label, slot);
    EXPECT_TRUE(opened.ok()) << opened.status();
    if (!opened.ok()) return {};
    EXPECT_TRUE(opened->series[0].status.ok()) << opened->series[0].status;
    return *std::move(opened);
  }
  struct Row {
    std::string family;
    WriterId writer;
    std::string label;
    metrics::SeriesWriter of;
    WriterCell cell;
  };
  std::vector<Row> Rows() {
    std::vector<Row> out;
    std::string family;
    const auto page = sessions_->metrics().ReadSeries(
        {.name_space = "shop"},
        [&](const metrics::Family& of, const metrics::Series& series) {
          family = series.hidden ? "-" + of.shape.name : of.shape.name;
          return true;
        },
        [&](WriterId id, const metrics::SeriesWriter& of, absl::string_view label) {
          out.push_back({.family = family,
                         .writer = id,
                         .label = std::string(label),
                         .of = of,
                         .cell = of.left});
          return true;
        });
    EXPECT_TRUE(page.ok() || absl::IsNotFound(page.status())) << page.status();
    for (Row& row : out) {
      if (row.of.IsLive()) row.cell = ReadCell(*allocator_, row.of.place);
    }
    return out;
  }
  // "family[label]=value", and a + behind what is of a live writer.
  std::vector<std::string> Shown() {
    std::vector<std::string> out;
    for (const Row& row : Rows()) {
      if (!cells::IsSet(row.cell)) continue;
      out.push_back(absl::StrCat(row.family, "[", row.label, "]=", row.cell.value,
                                 row.of.IsLive() ? "+" : ""));
    }
    return out;
  }
  // Stores what the client would that was told the pointer.
  void Set(const OpenedSeries& series, double value, double timestamp) {
    int found = 0;
    for (const Row& row : Rows()) {
      if (!row.of.IsLive()) continue;
      if (PointerOfCell(allocator_->info(), row.of.place) != series.cells) continue;
      StoreCell(*allocator_, row.of.place, {.value = value, .timestamp = timestamp});
      ++found;
    }
    EXPECT_EQ(found, 1);
  }
  Usage UseOf(SessionId id) {
    const auto list = sessions_->List(id, 1);
    return list.empty() ? Usage{} : list[0].use;
  }
  std::uint64_t LiveAreas() { return Inspector(*allocator_).GetStats().nr_cur_alloc; }
  void ExpectSound() {
    const auto areas = sessions_->CheckInvariants();
    EXPECT_TRUE(areas.ok()) << areas.status();
  }
};

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

TEST_F(MetricsWritersTest, TheDeadLeaveWhatTheModeSays) {
  const OpenedSession one = Open(1);
  const OpenedSession two = Open(2);
  Set(MustOpen(CallerOf(one), Gauge("peak", kMax)).series[0], 9, 1);
  Set(MustOpen(CallerOf(one), Gauge("each", kAll)).series[0], 5, 1);
  Set(MustOpen(CallerOf(two), Gauge("peak", kMax)).series[0], 7, 2);
  EXPECT_TRUE(sessions_->End(one.id));
  EXPECT_TRUE(sessions_->End(two.id));
  EXPECT_THAT(Shown(), UnorderedElementsAre("peak[]=9", "each[1]=5"));
  // The dead are shown one by one for a time; what they left together stays.
  clock_.Advance(absl::Minutes(4));
  sessions_->metrics().Collect();
  EXPECT_THAT(Shown(), UnorderedElementsAre("peak[]=9", "each[1]=5"));
  clock_.Advance(absl::Minutes(2));
  sessions_->metrics().Collect();
  EXPECT_THAT(Shown(), ElementsAre("peak[]=9"));
  Restart();
  EXPECT_THAT(Shown(), ElementsAre("peak[]=9"));
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

TEST_F(MetricsWritersTest, ARemovedGaugeShowsAgainWhenItIsSet) {
  const OpenedSession one = Open(1);
  const Opening opened = MustOpen(CallerOf(one), Gauge("peak", kMax));
  Set(opened.series[0], 6, 1);
  ASSERT_TRUE(sessions_->metrics().Remove(kOperator, "shop", {.family = "peak"}).ok());
  EXPECT_THAT(Shown(), IsEmpty());
  sessions_->metrics().Collect();
  Set(opened.series[0], 1, 2);
  EXPECT_THAT(Shown(), ElementsAre("-peak[1]=1+"));
  // While its session lives, nothing of it goes.
  EXPECT_EQ(sessions_->metrics().Collect(), 0U);
  EXPECT_TRUE(sessions_->End(one.id));
  EXPECT_EQ(sessions_->metrics().Collect(), 0U);
  EXPECT_THAT(Shown(), ElementsAre("peak[]=1"));
  ASSERT_TRUE(sessions_->metrics().Remove(kOperator, "shop", {.family = "peak"}).ok());
  EXPECT_EQ(sessions_->metrics().Collect(), 1U);
  Restart();
  EXPECT_THAT(Rows(), IsEmpty());
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

// --- Charges -------------------------------------------------------------------

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

// --- Watching ------------------------------------------------------------------

TEST_F(MetricsWritersTest, AWatcherHearsOfChangesAndKeepsMemoryUntilItHas) {
  const OpenedSession writer = Open(1);
  const OpenedSession watcher = Open(2);
  Metrics& metrics = sessions_->metrics();
  OpeningWanted wanted{.name_space = "shop", .families = {}};
  wanted.families.push_back({.shape = {.name = "hits"}, .series = {""}});
  ASSERT_TRUE(metrics.Open(CallerOf(writer), wanted).ok());
  const auto first = metrics.Watch(watcher.id, "shop", 0, 100);
  EXPECT_FALSE(first.resync);
  EXPECT_FALSE(first.changes.empty());
  ASSERT_TRUE(metrics.Remove(kOperator, "shop", {.family = "hits"}).ok());
  EXPECT_TRUE(metrics.Watch(watcher.id, "other", first.revision, 100).changes.empty());
  EXPECT_TRUE(sessions_->End(writer.id));
  EXPECT_EQ(metrics.Collect(), 0U);
  const auto second = metrics.Watch(watcher.id, "shop", first.revision, 100);
  ASSERT_EQ(second.changes.size(), 1U);
  EXPECT_TRUE(second.changes[0].gone);
  metrics.Watch(watcher.id, "shop", second.revision, 100);
  EXPECT_EQ(metrics.Collect(), 1U);
}

}  // namespace
}  // namespace percpud

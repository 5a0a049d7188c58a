// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "server/base/error_reason.h"
#include "server/metrics/rules.h"
#include "tests/unit/session/session_rig.h"

namespace percpud {
namespace {

using metrics::FamilyType;
using metrics::Shape;
using ::testing::HasSubstr;
using ::testing::Pair;

std::string ReasonOf(const absl::Status& status) { return std::string(errors::ReasonOf(status)); }

std::string Values(const std::vector<std::string>& values) {
  std::string out;
  for (const std::string& value : values) metrics::AppendValue(value, out);
  return out;
}

class MetricsOpeningTest : public testing::SessionTest {
 protected:
  static Shape Hits() { return {.name = "hits", .help = "So many.", .labels = {"path"}}; }

  absl::StatusOr<Opening> OpenSeries(const Caller& caller, const Shape& shape,
                                     const std::vector<std::string>& series,
                                     absl::string_view name_space = "shop",
                                     std::uint32_t max_series = 0) {
    OpeningWanted wanted{.name_space = name_space, .families = {}};
    FamilyWanted& family = wanted.families.emplace_back();
    family.shape = shape;
    family.max_series = max_series;
    family.series.assign(series.begin(), series.end());
    return sessions_->metrics().Open(caller, wanted);
  }
  // Whether all were opened by a thread that must not sleep.
  bool TryOpen(const Caller& caller, const std::vector<std::string>& series) {
    const Shape shape = Hits();
    OpeningWanted wanted{.name_space = "shop", .families = {}};
    FamilyWanted& family = wanted.families.emplace_back();
    family.shape = shape;
    family.series.assign(series.begin(), series.end());
    const auto opened = sessions_->metrics().TryOpen(caller, wanted);
    if (!opened) return false;
    EXPECT_TRUE(opened->ok()) << opened->status();
    if (!opened->ok()) return true;
    for (const OpenedSeries& one : (*opened)->series) EXPECT_TRUE(one.status.ok()) << one.status;
    return true;
  }
  OpenedSeries MustOpen(const Caller& caller, const Shape& shape, const std::string& values,
                        absl::string_view name_space = "shop") {
    const auto opened = OpenSeries(caller, shape, {values}, name_space);
    EXPECT_TRUE(opened.ok()) << opened.status();
    if (!opened.ok()) return {};
    EXPECT_TRUE(opened->series[0].status.ok()) << opened->series[0].status;
    return opened->series[0];
  }
  std::string WhyNot(const Caller& caller, const Shape& shape, const std::string& values) {
    const auto opened = OpenSeries(caller, shape, {values});
    return ReasonOf(opened.ok() ? opened->series[0].status : opened.status());
  }
  // How often families of a namespace have refused somebody, and had no room.
  std::pair<std::uint64_t, std::uint64_t> Counts() {
    std::pair<std::uint64_t, std::uint64_t> out;
    const auto page = sessions_->metrics().ListFamilies(
        "shop", FamilyId(0), [&out](const metrics::Namespace&, const metrics::Family& family) {
          out.first += family.refused;
          out.second += family.overflowed;
          return true;
        });
    EXPECT_TRUE(page.ok()) << page.status();
    return out;
  }
  // Label values of a namespace's series, a page of `most` at a time.
  std::vector<std::string> ReadAll(std::size_t most, absl::string_view name_space = "shop") {
    std::vector<std::string> out;
    SeriesFrom from;
    while (true) {
      std::size_t taken = 0;
      const auto page = sessions_->metrics().ReadSeries(
          name_space, FamilyId(0), from,
          [&](const metrics::Family& family, const metrics::Series& series) {
            if (taken++ == most) return false;
            out.push_back(family.shape.name + "/" + series.values);
            return true;
          });
      EXPECT_TRUE(page.ok()) << page.status();
      if (!page.ok() || !page->next) return out;
      from = *page->next;
    }
  }
};

TEST_F(MetricsOpeningTest, OneCallerMakesASeriesAndAllFindIt) {
  const Caller alice = CallerOf(Open());
  const OpenedSeries made = MustOpen(alice, Hits(), Values({"/"}));
  EXPECT_TRUE(made.made);
  EXPECT_NE(made.cells, PercpuPtr(0));
  EXPECT_NE(made.created_ns, 0U);
  const OpenedSeries found = MustOpen(CallerOf(Open()), Hits(), Values({"/"}));
  EXPECT_FALSE(found.made);
  EXPECT_EQ(found.cells, made.cells);
  EXPECT_EQ(found.series, made.series);
  EXPECT_EQ(LiveAreas(), 1U);
}

TEST_F(MetricsOpeningTest, WhatIsThereIsFoundWithoutSleeping) {
  const Caller alice = CallerOf(Open());
  EXPECT_FALSE(TryOpen(alice, {Values({"/"})})) << "the namespace is to be made";
  MustOpen(alice, Hits(), Values({"/"}));
  EXPECT_TRUE(TryOpen(alice, {Values({"/"})}));
  // Another session has not joined yet, which is a record.
  EXPECT_TRUE(TryOpen(CallerOf(Open()), {Values({"/"})}));
}

TEST_F(MetricsOpeningTest, AFewSeriesAreMadeWithoutSleepingInCellsThatThereAre) {
  const Caller alice = CallerOf(Open());
  // Blocks of one, one and two cells.
  for (const char* path : {"/1", "/2", "/3"}) MustOpen(alice, Hits(), Values({path}));
  ASSERT_EQ(LiveAreas(), 3U);
  EXPECT_TRUE(TryOpen(alice, {Values({"/4"})}));
  EXPECT_EQ(LiveAreas(), 3U);
  EXPECT_FALSE(TryOpen(alice, {Values({"/5"})})) << "it takes another block";
  EXPECT_EQ(ReadAll(1000).size(), 4U) << "nothing has changed";
  EXPECT_TRUE(MustOpen(alice, Hits(), Values({"/5"})).made);
  EXPECT_EQ(LiveAreas(), 4U);
}

TEST_F(MetricsOpeningTest, CellsThatTakeLongToClearAreMadeByAThreadThatMaySleep) {
  const Caller alice = CallerOf(Open());
  const std::string values = Values({"/4"});
  OpeningWanted many{.name_space = "shop", .families = {}};
  for (int i = 0; i < 10; ++i) {
    Shape latency{.name = absl::StrCat("latency_", i),
                  .labels = {"path"},
                  .type = FamilyType::kHistogram,
                  .cells = metrics::Cells::kHistogram};
    // Two series' cells fill a page.
    for (int bound = 0; bound < 120; ++bound) latency.bounds.push_back(bound);
    // Blocks of one, one and two series.
    for (const char* path : {"/1", "/2", "/3"}) MustOpen(alice, latency, Values({path}));
    many.families.push_back({.shape = latency, .series = {values}});
  }
  const OpeningWanted one{.name_space = "shop", .families = {many.families.back()}};
  many.families.pop_back();
  EXPECT_TRUE(sessions_->metrics().TryOpen(alice, one).has_value());
  EXPECT_FALSE(sessions_->metrics().TryOpen(alice, many).has_value());
  EXPECT_EQ(LiveAreas(), 30U);
  EXPECT_TRUE(sessions_->metrics().Open(alice, many).ok());
  EXPECT_EQ(LiveAreas(), 30U) << "they had cells that there were";
}

TEST_F(MetricsOpeningTest, ManySeriesAreMadeByAThreadThatMaySleep) {
  const Caller alice = CallerOf(Open());
  std::vector<std::string> series;
  for (int i = 0; i < 100; ++i) series.push_back(Values({std::to_string(i)}));
  // The block has room for more than these.
  ASSERT_TRUE(OpenSeries(alice, Hits(), series).ok());
  std::vector<std::string> more;
  for (int i = 100; i < 117; ++i) more.push_back(Values({std::to_string(i)}));
  EXPECT_FALSE(TryOpen(alice, more));
  EXPECT_EQ(ReadAll(1000).size(), 100U) << "nothing has changed";
}

TEST_F(MetricsOpeningTest, ABatchMakesManyInFewAreasAndSeriesOfOneFamilyLieSideBySide) {
  std::vector<std::string> series;
  for (int i = 0; i < 500; ++i) series.push_back(Values({std::to_string(i)}));
  const auto opened = OpenSeries(CallerOf(Open()), Hits(), series);
  ASSERT_TRUE(opened.ok()) << opened.status();
  std::set<PercpuPtr> cells;
  for (const OpenedSeries& one : opened->series) cells.insert(one.cells);
  EXPECT_EQ(cells.size(), 500U);
  EXPECT_EQ(cells.rbegin()->value() - cells.begin()->value(), 499U * 8);
  EXPECT_EQ(LiveAreas(), 1U);
}

TEST_F(MetricsOpeningTest, OneSeriesWantedTwiceInABatchIsMadeOnce) {
  const auto opened = OpenSeries(CallerOf(Open()), Hits(), {Values({"a"}), Values({"a"})});
  ASSERT_TRUE(opened.ok()) << opened.status();
  EXPECT_EQ(opened->series[0].series, opened->series[1].series);
  EXPECT_EQ(ReadAll(10).size(), 1U);
}

TEST_F(MetricsOpeningTest, AnotherShapeIsRefusedWithBothNamedAndTheRestOfTheBatchIsServed) {
  const Caller alice = CallerOf(Open());
  MustOpen(alice, Hits(), Values({"/"}));
  Shape gauge = Hits();
  gauge.type = FamilyType::kGauge;
  OpeningWanted wanted{.name_space = "shop", .families = {}};
  const std::string values = Values({"/"});
  wanted.families.push_back({.shape = gauge, .series = {values}});
  wanted.families.push_back({.shape = {.name = "other", .labels = {"path"}}, .series = {values}});
  const auto opened = sessions_->metrics().Open(alice, wanted);
  ASSERT_TRUE(opened.ok()) << opened.status();
  EXPECT_EQ(opened->series[0].status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(ReasonOf(opened->series[0].status), "FAMILY_DIFFERS");
  EXPECT_THAT(std::string(opened->series[0].status.message()), HasSubstr("hits is a counter"));
  EXPECT_THAT(std::string(opened->series[0].status.message()), HasSubstr("not a gauge"));
  EXPECT_TRUE(opened->series[1].status.ok());
  EXPECT_THAT(Counts(), Pair(1U, 0U));
}

// A thread that must not sleep gives up what takes memory, and another one begins anew.
TEST_F(MetricsOpeningTest, WhatIsRefusedIsCountedOnceThoughItIsPlannedTwice) {
  const Caller alice = CallerOf(Open());
  MustOpen(alice, Hits(), Values({"/"}));
  ASSERT_TRUE(
      OpenSeries(alice, {.name = "small", .labels = {"path"}}, {Values({"/"})}, "shop", 1).ok());
  Shape gauge = Hits();
  gauge.type = FamilyType::kGauge;
  const std::string values = Values({"/2"});
  OpeningWanted wanted{.name_space = "shop", .families = {}};
  wanted.families.push_back({.shape = gauge, .series = {values}});
  // Its overflow series takes a block.
  wanted.families.push_back({.shape = {.name = "small", .labels = {"path"}}, .series = {values}});
  EXPECT_FALSE(sessions_->metrics().TryOpen(alice, wanted).has_value());
  EXPECT_THAT(Counts(), Pair(0U, 0U)) << "nothing has changed";
  const auto opened = sessions_->metrics().Open(alice, wanted);
  ASSERT_TRUE(opened.ok()) << opened.status();
  EXPECT_EQ(ReasonOf(opened->series[0].status), "FAMILY_DIFFERS");
  EXPECT_TRUE(opened->series[1].overflow);
  EXPECT_THAT(Counts(), Pair(1U, 1U));
  // Both are there by now, and are counted where they are found.
  EXPECT_TRUE(sessions_->metrics().TryOpen(alice, wanted).has_value());
  EXPECT_THAT(Counts(), Pair(2U, 2U));
}

TEST_F(MetricsOpeningTest, FamiliesThatWouldShowOneNameClash) {
  const Caller alice = CallerOf(Open());
  MustOpen(alice, Hits(), Values({"/"}));
  const auto gauge = [](std::string name) {
    return Shape{.name = std::move(name), .type = FamilyType::kGauge};
  };
  EXPECT_EQ(WhyNot(alice, gauge("hits_total"), ""), "FAMILY_NAME_TAKEN");
  EXPECT_EQ(WhyNot(alice, gauge("hits_created"), ""), "FAMILY_NAME_TAKEN");
  EXPECT_EQ(WhyNot(alice, gauge("hits_sum"), ""), "");
  const Shape summary{
      .name = "hits", .type = FamilyType::kSummary, .cells = metrics::Cells::kSummary};
  EXPECT_EQ(WhyNot(alice, summary, ""), "FAMILY_DIFFERS");
}

TEST_F(MetricsOpeningTest, WhatMayNotBeMadeIsRefusedByNameAndMakesNothing) {
  const Caller alice = CallerOf(Open());
  EXPECT_EQ(WhyNot(alice, {.name = "bad name"}, ""), "BAD_FAMILY_NAME");
  EXPECT_EQ(WhyNot(alice, Hits(), Values({"\xff"})), "BAD_TEXT");
  EXPECT_EQ(WhyNot(alice, Hits(), Values({"a", "b"})), "LABEL_VALUES_MISMATCH");
  EXPECT_EQ(ReasonOf(OpenSeries(alice, Hits(), {}, "a\nb").status()), "BAD_NAMESPACE");
  const std::vector<std::string> many(kMaxOpening + 1, Values({"/"}));
  EXPECT_EQ(ReasonOf(OpenSeries(alice, Hits(), many).status()), "BATCH_OVER_LIMIT");
  EXPECT_EQ(LiveAreas(), 0U);
  const auto page = sessions_->metrics().ListFamilies(
      std::nullopt, FamilyId(0), [](const metrics::Namespace&, const metrics::Family& family) {
        ADD_FAILURE() << family.shape.name;
        return true;
      });
  EXPECT_TRUE(page.ok());
}

TEST_F(MetricsOpeningTest, AFullFamilyGivesItsOverflowSeries) {
  const Caller alice = CallerOf(Open());
  const auto opened = OpenSeries(
      alice, Hits(), {Values({"a"}), Values({"b"}), Values({"c"}), Values({"d"})}, "shop", 2);
  ASSERT_TRUE(opened.ok()) << opened.status();
  EXPECT_FALSE(opened->series[1].overflow);
  EXPECT_TRUE(opened->series[2].overflow);
  EXPECT_EQ(opened->series[2].series, opened->series[3].series);
  const auto later = OpenSeries(alice, Hits(), {Values({"e"})});
  ASSERT_TRUE(later.ok());
  EXPECT_EQ(later->series[0].series, opened->series[2].series);
  EXPECT_FALSE(later->series[0].made);
  EXPECT_EQ(ReadAll(10).size(), 3U);
  // What is there is still found.
  EXPECT_FALSE(MustOpen(alice, Hits(), Values({"a"})).overflow);
}

TEST_F(MetricsOpeningTest, ANamespaceIsItsMakersAndOperatorsMayWriteToIt) {
  MustOpen(CallerOf(Open()), Hits(), Values({"/"}));
  const auto refused = OpenSeries(CallerOf(Open(kBob)), Hits(), {Values({"/"})});
  EXPECT_EQ(ReasonOf(refused.status()), "NOT_NAMESPACE_OWNER");
  EXPECT_THAT(std::string(refused.status().message()), HasSubstr("uid 1000"));
  EXPECT_TRUE(OpenSeries(kOperator, Hits(), {Values({"/"})}).ok());
  EXPECT_TRUE(OpenSeries(CallerOf(Open(kBob)), Hits(), {Values({"/"})}, "bobs").ok());
}

TEST_F(MetricsOpeningTest, MembersOfItsGroupMayWriteToANamespaceToo) {
  const std::string values = Values({"/"});
  OpeningWanted wanted{.name_space = "shop", .families = {}, .group = UserGroupId(500)};
  wanted.families.push_back({.shape = Hits(), .series = {values}});
  ASSERT_TRUE(sessions_->metrics().Open(CallerOf(Open()), wanted).ok());
  const auto open_as = [&](Peer peer) {
    peer.pid = ProcessId(8);
    peer.uid = kBob;
    const auto bob = sessions_->Open({.kind = SessionKind::kLocalReadWrite, .peer = peer});
    EXPECT_TRUE(bob.ok()) << bob.status();
    // What is named later changes nothing.
    wanted.group = UserGroupId(501);
    return ReasonOf(sessions_->metrics().Open(CallerOf(*bob), wanted).status());
  };
  EXPECT_EQ(open_as({.gid = UserGroupId(500)}), "");
  EXPECT_EQ(open_as({.groups = {UserGroupId(7), UserGroupId(500)}}), "");
  EXPECT_EQ(open_as({.gid = UserGroupId(501)}), "NOT_NAMESPACE_OWNER");
}

TEST_F(MetricsOpeningTest, QuotasBiteByNamespaceAndUser) {
  sessions_->metrics().SetLimits({.namespaces_per_user = 1, .series_per_namespace = 2});
  const Caller alice = CallerOf(Open());
  const auto opened = OpenSeries(alice, Hits(), {Values({"a"}), Values({"b"}), Values({"c"})});
  ASSERT_TRUE(opened.ok()) << opened.status();
  EXPECT_TRUE(opened->series[1].status.ok());
  EXPECT_EQ(ReasonOf(opened->series[2].status), "QUOTA_EXCEEDED");
  EXPECT_EQ(ReasonOf(OpenSeries(alice, Hits(), {}, "second").status()), "QUOTA_EXCEEDED");
}

TEST_F(MetricsOpeningTest, AnArenaThatIsFullRefusesNewSeriesOnly) {
  const Caller alice = CallerOf(Open());
  MustOpen(alice, Hits(), Values({"/"}));
  while (Alloc(alice, Bytes(32 << 10)).ok()) {
  }
  while (Alloc(alice, Bytes(4)).ok()) {
  }
  const auto opened = OpenSeries(alice, Hits(), {Values({"/"}), Values({"new"})});
  ASSERT_TRUE(opened.ok()) << opened.status();
  EXPECT_TRUE(opened->series[0].status.ok());
  EXPECT_EQ(opened->series[1].status.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(ReadAll(10).size(), 1U);
}

TEST_F(MetricsOpeningTest, ManyThreadsMakeOne) {
  std::vector<std::thread> threads;
  std::vector<SeriesId> made(8);
  for (std::size_t i = 0; i < made.size(); ++i) {
    threads.emplace_back([this, i, &made, caller = CallerOf(Open())] {
      made[i] = MustOpen(caller, Hits(), Values({"/"})).series;
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(std::set<SeriesId>(made.begin(), made.end()).size(), 1U);
  EXPECT_EQ(LiveAreas(), 1U);
}

TEST_F(MetricsOpeningTest, PagesOfSeriesMeetEachOnce) {
  const Caller alice = CallerOf(Open());
  for (const char* name : {"one", "two", "three"}) {
    Shape shape = Hits();
    shape.name = name;
    for (const char* path : {"a", "b", "c"}) MustOpen(alice, shape, Values({path}));
  }
  const std::vector<std::string> whole = ReadAll(100);
  EXPECT_EQ(whole.size(), 9U);
  for (const std::size_t most : {1U, 2U, 3U, 4U}) EXPECT_EQ(ReadAll(most), whole) << most;
  EXPECT_EQ(ReasonOf(sessions_->metrics()
                         .ReadSeries("none", FamilyId(0), {}, [](auto&, auto&) { return true; })
                         .status()),
            "NAMESPACE_NOT_FOUND");
}

TEST_F(MetricsOpeningTest, SeriesOutliveTheirSessions) {
  const OpenedSession session = Open();
  const OpenedSeries made = MustOpen(CallerOf(session), Hits(), Values({"/"}));
  EXPECT_TRUE(sessions_->End(session.id));
  EXPECT_EQ(MustOpen(CallerOf(Open()), Hits(), Values({"/"})).cells, made.cells);
}

}  // namespace
}  // namespace percpud

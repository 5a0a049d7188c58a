// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/unit/handoff/lane_rig.h"

namespace percpud {
namespace {

using abi::v1::kLaneMessageBytes;
using abi::v1::LaneCells;
using abi::v1::LaneChangesView;
using abi::v1::LaneFamiliesView;
using abi::v1::LaneFamilyShape;
using abi::v1::LaneFamilyType;
using abi::v1::LaneKind;
using abi::v1::LaneOpenedSeries;
using abi::v1::LaneOpenedView;
using abi::v1::LaneOpenSeriesBody;
using abi::v1::LaneSeriesFrom;
using abi::v1::LaneSeriesPageView;
using testing::Answered;
using ::testing::ElementsAre;
using testing::LaneClient;
using testing::LaneTest;

constexpr std::array<std::string_view, 1> kLabels{"path"};
constexpr std::array<double, 2> kBounds{0.1, 1};

LaneFamilyShape Hits() {
  return {.name = "hits", .help = "So many.", .unit = {}, .labels = kLabels, .bounds = {}};
}

LaneFamilyShape Latency() {
  return {.name = "latency_seconds",
          .help = {},
          .unit = "seconds",
          .labels = kLabels,
          .bounds = kBounds,
          .type = LaneFamilyType::kHistogram,
          .cells = LaneCells::kHistogram};
}

class LaneMetricsTest : public LaneTest {
 protected:
  // One family with series of these values, as an answer has them.
  Answered OpenSeries(LaneClient& client, const LaneFamilyShape& shape,
                      const std::vector<std::string>& values,
                      std::string_view name_space = "shop") {
    LaneOpenSeriesBody body(*memory_);
    EXPECT_TRUE(body.Begin(name_space));
    EXPECT_TRUE(body.Family(shape));
    for (const std::string& value : values) {
      const std::array<std::string_view, 1> one{value};
      EXPECT_TRUE(body.Series(std::span(one).first(shape.labels.size())));
    }
    EXPECT_TRUE(client.ask().OpenSeries(1, body.body()));
    client.Send();
    return client.Hear();
  }
  static std::vector<LaneOpenedSeries> SeriesOf(const Answered& answer) {
    LaneOpenedView view;
    EXPECT_EQ(answer.code, 0) << answer.reason();
    EXPECT_TRUE(view.Parse(answer.body));
    std::vector<LaneOpenedSeries> out;
    for (std::uint32_t i = 0; i < view.head().series; ++i) out.push_back(view.series(i));
    return out;
  }
  std::vector<std::string> ReadPaths(LaneClient& client, std::size_t& pages) {
    std::vector<std::string> out;
    LaneSeriesFrom from{};
    for (pages = 1;; ++pages) {
      EXPECT_TRUE(client.ask().ReadSeries(pages, from, 0, "shop"));
      client.Send();
      const Answered answer = client.Hear();
      LaneSeriesPageView view;
      EXPECT_TRUE(view.Parse(answer.body));
      for (std::uint32_t i = 0; i < view.head().series; ++i) {
        LaneSeriesPageView::Series series = view.NextSeries();
        out.emplace_back(series.values.Next());
      }
      if (view.head().more == 0 || HasFailure()) return out;
      from = view.head().next;
    }
  }

  std::unique_ptr<std::array<std::byte, kLaneMessageBytes>> memory_ =
      std::make_unique<std::array<std::byte, kLaneMessageBytes>>();
};

TEST_F(LaneMetricsTest, SeriesAreMadeAndFound) {
  LaneClient first = Connect();
  LaneClient second = Connect();
  const auto made = SeriesOf(OpenSeries(first, Latency(), {"/", "/caf\u00e9"}));
  ASSERT_EQ(made.size(), 2U);
  EXPECT_EQ(made[0].flags, abi::v1::kLaneSeriesMade);
  EXPECT_EQ(made[0].buckets, 3);
  EXPECT_EQ(made[0].cells, static_cast<std::uint8_t>(LaneCells::kHistogram));
  EXPECT_EQ(made[0].pointer % 16, 0U);
  EXPECT_EQ(made[1].pointer, made[0].pointer + 64);
  const auto found = SeriesOf(OpenSeries(second, Latency(), {"/caf\u00e9", "/"}));
  EXPECT_EQ(found[0].pointer, made[1].pointer);
  EXPECT_EQ(found[1].series, made[0].series);
  EXPECT_EQ(found[0].flags, 0);
}

TEST_F(LaneMetricsTest, EachSeriesIsRefusedByItself) {
  LaneClient client = Connect();
  const Answered answer = OpenSeries(client, Hits(), {"/", "\xff", "\xfe", "/b"});
  const auto series = SeriesOf(answer);
  ASSERT_EQ(series.size(), 4U);
  EXPECT_EQ(series[0].code, 0);
  EXPECT_EQ(series[1].code, 3);
  EXPECT_EQ(series[1].pointer, 0U);
  EXPECT_EQ(series[3].code, 0);
  LaneOpenedView view;
  ASSERT_TRUE(view.Parse(answer.body));
  EXPECT_EQ(view.error(series[2].error).reason, "BAD_TEXT");
}

TEST_F(LaneMetricsTest, AnotherShapeIsRefusedWithBothNamed) {
  LaneClient client = Connect();
  OpenSeries(client, Hits(), {"/"});
  LaneFamilyShape other = Hits();
  other.type = LaneFamilyType::kGauge;
  const Answered answer = OpenSeries(client, other, {"/"});
  LaneOpenedView view;
  ASSERT_TRUE(view.Parse(answer.body));
  ASSERT_EQ(view.head().errors, 1);
  EXPECT_EQ(view.error(0).reason, "FAMILY_DIFFERS");
  EXPECT_EQ(view.error(0).text,
            "name: hits is a counter of doubles with labels path, not a gauge of doubles with "
            "labels path");
}

TEST_F(LaneMetricsTest, NumbersWithoutAMeaningAreRefused) {
  LaneClient client = Connect();
  LaneFamilyShape shape = Hits();
  shape.type = static_cast<LaneFamilyType>(9);
  EXPECT_EQ(SeriesOf(OpenSeries(client, shape, {"/"}))[0].code, 3);
  shape = Hits();
  shape.cells = static_cast<LaneCells>(77);
  EXPECT_EQ(SeriesOf(OpenSeries(client, shape, {"/"}))[0].code, 3);
  shape = Hits();
  shape.fold = static_cast<abi::v1::LaneFold>(200);
  EXPECT_EQ(SeriesOf(OpenSeries(client, shape, {"/"}))[0].code, 3);
  EXPECT_EQ(LiveAreas(), 0U);
}

TEST_F(LaneMetricsTest, TheWholeIsRefusedForItsNamespace) {
  LaneClient client = Connect();
  OpenSeries(client, Hits(), {"/"});
  LaneClient bob = Connect(kBob);
  EXPECT_EQ(OpenSeries(bob, Hits(), {"/"}).reason(), "NOT_NAMESPACE_OWNER");
  EXPECT_EQ(OpenSeries(client, Hits(), {"/"}, "a\nb").reason(), "BAD_NAMESPACE");
  EXPECT_EQ(SeriesOf(OpenSeries(client, Hits(), {"/"}, "")).size(), 1U);
  EXPECT_TRUE(sessions_->metrics().CountJoined("default") == 1);
}

TEST_F(LaneMetricsTest, FamiliesAreListed) {
  LaneClient client = Connect();
  OpenSeries(client, Latency(), {"/a", "/b"});
  OpenSeries(client, Hits(), {"/"}, "other");
  client.ask().ListFamilies(1, 0);
  client.ask().ListFamilies(2, 0, "shop");
  client.ask().ListFamilies(3, 0, "none");
  client.Send();
  const std::vector<Answered> answers = client.Hear(3);
  LaneFamiliesView all;
  ASSERT_TRUE(all.Parse(answers[0].body));
  ASSERT_EQ(all.head().families, 2U);
  EXPECT_EQ(all.head().next, 0U);
  LaneFamiliesView::Family first = all.Next();
  EXPECT_EQ(first.name_space, "shop");
  EXPECT_EQ(first.shape.name(), "latency_seconds");
  EXPECT_EQ(first.shape.head().series, 2U);
  EXPECT_EQ(first.shape.bound(1), 1.0);
  EXPECT_EQ(first.shape.labels().Next(), "path");
  EXPECT_EQ(all.Next().name_space, "other");
  LaneFamiliesView one;
  ASSERT_TRUE(one.Parse(answers[1].body));
  EXPECT_EQ(one.head().families, 1U);
  EXPECT_EQ(answers[2].reason(), "NAMESPACE_NOT_FOUND");
}

TEST_F(LaneMetricsTest, SeriesAreReadPageByPage) {
  LaneClient client = Connect();
  std::vector<std::string> paths;
  for (int i = 0; i < 1000; ++i) paths.push_back(absl::StrCat("/a/longer/path/than/most/", i));
  OpenSeries(client, Hits(), paths);
  std::size_t pages = 0;
  EXPECT_EQ(ReadPaths(client, pages), paths);
  EXPECT_GT(pages, 2U);
}

TEST_F(LaneMetricsTest, SeriesAreRemovedAndNamespacesReset) {
  LaneClient client = Connect();
  OpenSeries(client, Hits(), {"/a", "/b"});
  const std::array<std::string_view, 1> values{"/a"};
  client.ask().RemoveSeries(1, {.name_space = "shop", .family = "hits", .values = values});
  client.ask().RemoveSeries(2, {.name_space = "shop",
                                .family = "hits",
                                .removal = abi::v1::LaneRemoval::kReset,
                                .all = true});
  client.ask().RemoveSeries(3, {.name_space = "shop",
                                .family = "hits",
                                .removal = static_cast<abi::v1::LaneRemoval>(9),
                                .all = true});
  client.ask().ResetNamespace(4, 1, "shop");
  client.ask().ResetNamespace(5, 1, "shop");
  client.Send();
  const std::vector<Answered> answers = client.Hear(5);
  EXPECT_EQ(answers[0].As<abi::v1::LaneRemoved>().series, 1U);
  EXPECT_EQ(answers[1].As<abi::v1::LaneRemoved>().series, 1U) << "a hidden one stays hidden";
  EXPECT_EQ(answers[2].reason(), "UNKNOWN_ENUM");
  EXPECT_EQ(answers[3].As<abi::v1::LaneNamespaceReset>().generation, 2U);
  EXPECT_EQ(answers[3].As<abi::v1::LaneNamespaceReset>().series, 1U);
  EXPECT_EQ(answers[4].As<abi::v1::LaneNamespaceReset>().series, 0U);
}

TEST_F(LaneMetricsTest, AWatcherHearsOfChangesAndMemoryWaitsForIt) {
  LaneClient watcher = Connect();
  // What the view is of.
  Answered answer;
  LaneChangesView view;
  const auto watch = [&](std::uint64_t after) {
    EXPECT_TRUE(watcher.ask().WatchSeries(1, after));
    watcher.Send();
    answer = watcher.Hear();
    EXPECT_EQ(answer.code, 0) << answer.reason();
    EXPECT_TRUE(view.Parse(answer.body));
    return view.head();
  };
  const auto first = watch(abi::v1::kLaneWatchAnew);
  EXPECT_EQ(first.resync, 1);
  EXPECT_EQ(first.changes, 0U);
  std::uint64_t gone = 0;
  {
    LaneClient writer = Connect();
    gone = SeriesOf(OpenSeries(writer, Hits(), {"/a"}))[0].series;
    writer.ask().RemoveSeries(1, {.name_space = "shop", .family = "hits", .all = true});
    writer.Send();
    EXPECT_EQ(writer.Hear().code, 0);
    EXPECT_TRUE(sessions_->End(writer.session()));
  }
  EXPECT_EQ(sessions_->metrics().Collect(), 0U) << "the watcher has not heard of it";
  const auto second = watch(first.revision);
  EXPECT_EQ(second.resync, 0);
  ASSERT_GT(second.changes, 0U);
  const abi::v1::LaneChange last = view.change(second.changes - 1);
  EXPECT_EQ(last.series, gone);
  EXPECT_EQ(last.gone, 1);
  EXPECT_EQ(sessions_->metrics().Collect(), 0U) << "it may be reading it still";
  watch(second.revision);
  EXPECT_EQ(sessions_->metrics().Collect(), 1U);
}

TEST_F(LaneMetricsTest, AViewerReadsAndDoesNotOpen) {
  LaneClient client = Connect();
  OpenSeries(client, Hits(), {"/"});
  const auto opened = sessions_->Open({.kind = SessionKind::kLocalReadOnly,
                                       .peer = Peer{.pid = ProcessId(8), .uid = kBob},
                                       .command = "viewer",
                                       .role = Role::kViewer});
  ASSERT_TRUE(opened.ok());
  std::array<int, 2> ends{};
  ASSERT_EQ(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()), 0);
  lane_->Admit(UniqueFd(ends[0]), CallerOf(*opened));
  LaneClient viewer(UniqueFd(ends[1]), opened->id);
  std::size_t pages = 0;
  EXPECT_THAT(ReadPaths(viewer, pages), ElementsAre("/"));
  EXPECT_EQ(OpenSeries(viewer, Hits(), {"/"}).reason(), "ROLE_TOO_LOW");
}

}  // namespace
}  // namespace percpud

// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/session/writers_rig.h"

namespace percpud {
namespace {

using cells::GaugeFold;
using cells::GaugeMode;
using ::testing::ElementsAre;
using testing::Gauge;
using ::testing::IsEmpty;
using testing::kAll;
using testing::kLiveSum;
using testing::kMax;
using testing::MetricsWritersTest;
using ::testing::UnorderedElementsAre;

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

// It sets its gauges, and never polls: it does not know that there is another daemon.
TEST_F(MetricsWritersTest, WhoLivesAndDoesNotComeBackKeepsItsCells) {
  const OpenedSession one = Open(1);
  ASSERT_TRUE(Alloc(CallerOf(one), Bytes(64)).ok());
  const Opening opened = MustOpen(CallerOf(one), Gauge("busy", kLiveSum));
  Set(opened.series[0], 3, 1);
  for (int start = 0; start < 2; ++start) {
    Restart();
    Pass(60);
    const auto listed = sessions_->List(SessionId(0), 10);
    ASSERT_EQ(listed.size(), 1U);
    EXPECT_EQ(listed[0].state, Session::State::kLeft) << "its window has passed";
    EXPECT_TRUE(absl::IsNotFound(sessions_->Resume(one.token, PeerOf(1)).status()));
    EXPECT_EQ(LiveAreas(), 1U) << "the cells alone, not what it owned";
    ExpectSound();
  }
  const OpenedSession two = Open(2);
  const Opening other = MustOpen(CallerOf(two), Gauge("busy", kLiveSum));
  EXPECT_NE(other.series[0].cells, opened.series[0].cells);
  Set(opened.series[0], 4, 2);
  EXPECT_THAT(Shown(), ElementsAre("busy[1]=4+"));
  // It ends, and nobody had a connection of it.
  processes_.erase(1);
  Pass(1);
  EXPECT_THAT(Shown(), IsEmpty());
  EXPECT_TRUE(sessions_->End(two.id));
  EXPECT_EQ(LiveAreas(), 0U);
  ExpectSound();
}

TEST_F(MetricsWritersTest, WhoComesBackAsAnotherSessionIsNotAddedTwice) {
  constexpr GaugeMode kSum{.fold = GaugeFold::kSum};
  const OpenedSession one = Open(1);
  Set(MustOpen(CallerOf(one), Gauge("load", kSum)).series[0], 3, 1);
  Restart();
  Pass(60);
  const OpenedSession again = Open(1);
  const Opening opened = MustOpen(CallerOf(again), Gauge("load", kSum));
  Pass(1);
  Set(opened.series[0], 3, 1);
  EXPECT_THAT(Shown(), ElementsAre("load[1]=3+"));
  EXPECT_TRUE(sessions_->End(again.id));
  EXPECT_THAT(Shown(), ElementsAre("load[]=3"));
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

TEST_F(MetricsWritersTest, ARemovedGaugeThatIsOpenedAgainGoesOnInItsCell) {
  const OpenedSession one = Open(1);
  const OpenedSession two = Open(2);
  const Opening opened = MustOpen(CallerOf(one), Gauge("peak", kMax));
  const Usage before = UseOf(one.id);
  Set(opened.series[0], 6, 1);
  ASSERT_TRUE(sessions_->metrics().Remove(kOperator, "shop", {.family = "peak"}).ok());
  const Opening again = MustOpen(CallerOf(one), Gauge("peak", kMax));
  EXPECT_EQ(again.series[0].cells, opened.series[0].cells);
  EXPECT_EQ(again.writer, opened.writer);
  EXPECT_EQ(UseOf(one.id), before);
  MustOpen(CallerOf(two), Gauge("peak", kMax));
  Set(again.series[0], 4, 2);
  EXPECT_THAT(Shown(), ElementsAre("peak[1]=4+"));
  ExpectSound();
  EXPECT_TRUE(sessions_->End(one.id));
  EXPECT_TRUE(sessions_->End(two.id));
  EXPECT_THAT(Shown(), ElementsAre("peak[]=4"));
}

TEST_F(MetricsWritersTest, AGaugeThatNobodySetsExpires) {
  const OpenedSession one = Open(1);
  OpeningWanted wanted{.name_space = "shop", .families = {}};
  wanted.families.push_back({.shape = Gauge("peak", kMax), .ttl_seconds = 60, .series = {""}});
  const auto opened = sessions_->metrics().Open(CallerOf(one), wanted);
  ASSERT_TRUE(opened.ok()) << opened.status();
  for (int i = 1; i <= 4; ++i) {
    // Setting it to the same again is setting it.
    Set(opened->series[0], 5, i);
    Pass(40);
    EXPECT_THAT(Shown(), ElementsAre("peak[1]=5+"));
  }
  Pass(40);
  EXPECT_THAT(Shown(), IsEmpty());
  Set(opened->series[0], 3, 9);
  EXPECT_THAT(Shown(), ElementsAre("-peak[1]=3+"));
  // What the dead have left expires as well, and then the series goes.
  EXPECT_TRUE(sessions_->End(one.id));
  EXPECT_THAT(Shown(), ElementsAre("-peak[]=3"));
  Pass(80);
  EXPECT_THAT(Rows(), IsEmpty());
  EXPECT_FALSE(
      sessions_->metrics().Remove(kOperator, "shop", {.family = "peak", .values = ""}).ok());
  ExpectSound();
}

TEST_F(MetricsWritersTest, AWatcherHearsOfChangesAndKeepsMemoryUntilItHas) {
  const OpenedSession writer = Open(1);
  const OpenedSession watcher = Open(2);
  Metrics& metrics = sessions_->metrics();
  OpeningWanted wanted{.name_space = "shop", .families = {}};
  wanted.families.push_back({.shape = {.name = "hits"}, .series = {""}});
  // At revision 0 there is everything to list.
  const auto start = metrics.Watch(watcher.id, "shop", 0, 100);
  EXPECT_TRUE(start.resync);
  ASSERT_TRUE(metrics.Open(CallerOf(writer), wanted).ok());
  const auto first = metrics.Watch(watcher.id, "shop", start.revision, 100);
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

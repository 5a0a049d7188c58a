// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// What is remembered of metrics is charged to the owner of their namespace.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <string>

#include "absl/strings/str_cat.h"
#include "server/base/error_reason.h"
#include "server/metrics/rules.h"
#include "server/session/series/writer_cells.h"
#include "tests/unit/session/restart_rig.h"

namespace percpud {
namespace {

using metrics::Shape;
using ::testing::HasSubstr;

constexpr std::uint32_t kMany = 1000;

class MetricsCostsTest : public testing::RestartTest {
 protected:
  static Shape Hits() { return {.name = "hits", .help = "Of pages.", .labels = {"path"}}; }
  static Shape Busy() {
    return {.name = "busy",
            .labels = {"path"},
            .type = metrics::FamilyType::kGauge,
            .cells = metrics::Cells::kWriter,
            .mode = {.fold = cells::GaugeFold::kAll}};
  }
  void SetCatalogQuota(Bytes bytes) {
    SessionLimits limits;
    limits.per_user.records = bytes;
    sessions_->SetLimits(limits);
  }
  // Opens one series; the label of its writer is the path too.
  absl::StatusOr<OpenedSeries> OpenOne(const Caller& caller, const Shape& shape,
                                       const std::string& path, absl::string_view writer = "",
                                       bool slot = false) {
    std::string values;
    metrics::AppendValue(path, values);
    OpeningWanted wanted{.name_space = "shop", .families = {}, .writer = writer, .slot = slot};
    wanted.families.push_back({.shape = shape, .series = {values}});
    auto opened = sessions_->metrics().Open(caller, wanted);
    if (!opened.ok()) return opened.status();
    if (!opened->series[0].status.ok()) return opened->series[0].status;
    last_ = *opened;
    return opened->series[0];
  }
  // Opens one series after the other until one is refused; returns how many were opened.
  std::uint32_t OpenUntilRefused(const Caller& caller, const Shape& shape,
                                 const std::string& begin) {
    for (std::uint32_t i = 0; i < kMany; ++i) {
      const auto opened = OpenOne(caller, shape, absl::StrCat(begin, i));
      if (opened.ok()) continue;
      EXPECT_EQ(errors::ReasonOf(opened.status()), "QUOTA_EXCEEDED");
      EXPECT_THAT(std::string(opened.status().message()), HasSubstr("bytes of the catalog"));
      return i;
    }
    return kMany;
  }
  // Sets a gauge as a writer of that label, which dies then.
  void SetAndDie(const Caller& caller, absl::string_view label) {
    const auto opened = OpenOne(caller, Busy(), "/", label);
    ASSERT_TRUE(opened.ok()) << opened.status();
    const auto page = sessions_->metrics().ReadSeries(
        {.name_space = "shop"}, [](const auto&, const auto&) { return true; },
        [&](WriterId, const metrics::SeriesWriter& of, absl::string_view each) {
          if (of.IsLive() && each == label) place_ = of.place;
          return true;
        });
    ASSERT_TRUE(page.ok()) << page.status();
    StoreCell(*allocator_, place_, {.value = 1, .timestamp = 1});
    ASSERT_TRUE(sessions_->metrics().CloseWriter(caller, last_.writer).ok());
  }
  std::uint32_t CountDead() {
    std::uint32_t out = 0;
    const auto page = sessions_->metrics().ReadSeries(
        {.name_space = "shop"}, [](const auto&, const auto&) { return true; },
        [&out](WriterId, const metrics::SeriesWriter& of, absl::string_view) {
          out += of.IsLive() ? 0 : 1;
          return true;
        });
    EXPECT_TRUE(page.ok()) << page.status();
    return out;
  }

  Opening last_;
  metrics::CellPlace place_;
};

TEST_F(MetricsCostsTest, LabelsAreTheOwnersToPayOverARestartToo) {
  SetCatalogQuota(Bytes(64 << 10));
  const OpenedSession alice = Open(1);
  const std::string path(2000, 'a');
  const std::uint32_t room = OpenUntilRefused(CallerOf(alice), Hits(), path);
  EXPECT_GT(room, 10U);
  EXPECT_LT(room, 33U);
  Restart();
  SetCatalogQuota(Bytes(64 << 10));
  EXPECT_EQ(OpenUntilRefused(CallerOf(alice), Hits(), "b" + path), 0U);
  EXPECT_TRUE(OpenOne(CallerOf(alice), Hits(), path + "0").ok()) << "it is there";
}

TEST_F(MetricsCostsTest, GaugesWithoutAreasArePaidForToo) {
  SetCatalogQuota(Bytes(64 << 10));
  const OpenedSession alice = Open(1);
  EXPECT_LT(OpenUntilRefused(CallerOf(alice), Busy(), std::string(2000, 'a')), 33U);
}

TEST_F(MetricsCostsTest, WhatHasGoneIsRefunded) {
  SetCatalogQuota(Bytes(64 << 10));
  const OpenedSession alice = Open(1);
  const std::string path(2000, 'a');
  const std::uint32_t room = OpenUntilRefused(CallerOf(alice), Hits(), path);
  ASSERT_TRUE(sessions_->metrics().Remove(kOperator, "shop", {.family = "hits"}).ok());
  EXPECT_TRUE(sessions_->End(alice.id));
  while (sessions_->metrics().Collect() > 0) {
  }
  EXPECT_EQ(OpenUntilRefused(CallerOf(Open(2)), Hits(), path), room);
  EXPECT_TRUE(sessions_->CheckInvariants().ok());
}

// Each generation has another shape; what gave way had lost its series before.
TEST_F(MetricsCostsTest, GenerationsLeaveNothingBehind) {
  SetCatalogQuota(Bytes(16 << 10));
  for (std::uint32_t i = 1; i <= 200; ++i) {
    const OpenedSession session = Open(i);
    Shape shape = Hits();
    shape.labels = {absl::StrCat("path_", i)};
    const auto opened = OpenOne(CallerOf(session), shape, "/");
    ASSERT_TRUE(opened.ok()) << i << ": " << opened.status();
    ASSERT_TRUE(sessions_->metrics().Remove(kOperator, "shop", {.family = "hits"}).ok());
    EXPECT_TRUE(sessions_->End(session.id));
    while (sessions_->metrics().Collect() > 0) {
    }
    ASSERT_TRUE(sessions_->metrics().Reset(kOperator, "shop", 0).ok());
  }
  Restart();
  EXPECT_TRUE(sessions_->CheckInvariants().ok());
}

TEST_F(MetricsCostsTest, TheDeadThatAreShownArePaidForWhileTheyAre) {
  const OpenedSession alice = Open(1);
  ASSERT_TRUE(OpenOne(CallerOf(alice), Busy(), "/").ok());
  SetCatalogQuota(Bytes(16 << 10));
  for (int i = 0; i < 300; ++i) SetAndDie(CallerOf(alice), absl::StrCat("web-", i));
  // More than there is room for are forgotten when they die.
  const std::uint32_t dead = CountDead();
  EXPECT_GT(dead, 20U);
  EXPECT_LT(dead, 200U);
  Restart();
  EXPECT_EQ(CountDead(), dead);
  SetCatalogQuota(Bytes(16 << 10));
  SetAndDie(CallerOf(alice), "one more");
  EXPECT_EQ(CountDead(), dead);
  clock_.Advance(absl::Minutes(6));
  sessions_->metrics().Collect();
  EXPECT_EQ(CountDead(), 0U);
  SetAndDie(CallerOf(alice), "one more");
  EXPECT_EQ(CountDead(), 1U);
  EXPECT_TRUE(sessions_->CheckInvariants().ok());
}

// Two writers of one session and label would be refused by the next start.
TEST_F(MetricsCostsTest, ANumberIsNoLabelThatTheSessionHas) {
  const OpenedSession alice = Open(1);
  ASSERT_TRUE(OpenOne(CallerOf(alice), Busy(), "/", "0").ok());
  ASSERT_TRUE(OpenOne(CallerOf(alice), Busy(), "/", "2").ok());
  ASSERT_TRUE(OpenOne(CallerOf(alice), Busy(), "/", "", true).ok());
  EXPECT_EQ(last_.slot, 1U);
  ASSERT_TRUE(OpenOne(CallerOf(Open(2)), Busy(), "/", "", true).ok());
  EXPECT_EQ(last_.slot, 0U);
  ASSERT_TRUE(OpenOne(CallerOf(Open(3)), Busy(), "/", "", true).ok());
  EXPECT_EQ(last_.slot, 2U);
  Restart();
  ASSERT_TRUE(OpenOne(CallerOf(alice), Busy(), "/", "", true).ok());
  EXPECT_EQ(last_.slot, 1U);
}

}  // namespace
}  // namespace percpud

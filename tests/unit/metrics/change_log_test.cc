// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/metrics/change_log.h"

#include <gtest/gtest.h>

#include <atomic>
#include <vector>

namespace percpud::metrics {
namespace {

Change ChangeOf(std::uint64_t family, std::uint64_t series = 0) {
  return {.name_space = NamespaceId(1), .family = FamilyId(family), .series = SeriesId(series)};
}

TEST(ChangeLogTest, ARevisionIsSeenWhenAllBeforeItAreCommitted) {
  ChangeLog log;
  const std::uint64_t before = log.revision();
  const std::uint64_t first = log.Begin();
  const std::uint64_t second = log.Begin();
  log.Publish(second, {ChangeOf(2)});
  EXPECT_EQ(log.revision(), before);
  EXPECT_TRUE(log.Read(before, 10).changes.empty());
  log.Publish(first, {ChangeOf(1)});
  EXPECT_EQ(log.revision(), second);
  EXPECT_EQ(log.Read(before, 10).changes, (std::vector<Change>{ChangeOf(1), ChangeOf(2)}));
}

TEST(ChangeLogTest, WhatIsWithdrawnIsNoRevisionOfItsOwn) {
  ChangeLog log;
  const std::uint64_t refused = log.Begin();
  const std::uint64_t committed = log.Begin();
  log.Publish(committed, {ChangeOf(2)});
  log.Withdraw(refused);
  EXPECT_EQ(log.revision(), committed);
  log.Withdraw(log.Begin());
  EXPECT_EQ(log.revision(), committed);
}

TEST(ChangeLogTest, ReadsInSlicesOfWholeRevisions) {
  ChangeLog log;
  const std::uint64_t before = log.revision();
  for (int i = 1; i <= 3; ++i) log.Publish(log.Begin(), {ChangeOf(i, 1), ChangeOf(i, 2)});
  const ChangeLog::Slice slice = log.Read(before, 5);
  EXPECT_TRUE(slice.more);
  EXPECT_EQ(slice.changes.size(), 4U);
  const ChangeLog::Slice rest = log.Read(slice.revision, 5);
  EXPECT_FALSE(rest.more);
  EXPECT_EQ(rest.changes, (std::vector<Change>{ChangeOf(3, 1), ChangeOf(3, 2)}));
  EXPECT_EQ(rest.revision, log.revision());
}

TEST(ChangeLogTest, WhoIsTooFarBehindOrAheadListsAnew) {
  ChangeLog log;
  log.SkipTo(10);
  log.Publish(log.Begin(), {ChangeOf(1)});
  EXPECT_TRUE(log.Read(0, 10).resync);
  EXPECT_TRUE(log.Read(9, 10).resync);
  EXPECT_TRUE(log.Read(12, 10).resync);
  EXPECT_FALSE(log.Read(10, 10).resync);
}

TEST(ChangeLogTest, KnowsABoundedNumberOfChanges) {
  ChangeLog log;
  for (std::size_t i = 0; i < 2 * ChangeLog::kMostChanges; ++i) {
    log.Publish(log.Begin(), {ChangeOf(1, i + 1)});
  }
  EXPECT_TRUE(log.Read(0, 10).resync);
  EXPECT_FALSE(log.Read(log.revision() - 10, 100).resync);
}

TEST(ChangeLogTest, ManyOfOneRevisionAreToldByFamily) {
  ChangeLog log;
  const std::uint64_t before = log.revision();
  std::vector<Change> many;
  for (std::uint64_t i = 1; i <= 2 * ChangeLog::kMostOfOne; ++i) many.push_back(ChangeOf(7, i));
  log.Publish(log.Begin(), many);
  EXPECT_EQ(log.Read(before, 10).changes, std::vector<Change>{ChangeOf(7)});
}

TEST(ChangeLogTest, WaitsForWatchersUntilTheyAreSilentForLong) {
  ChangeLog log;
  const BootTime start{absl::Seconds(100)};
  const std::uint64_t before = log.revision();
  log.Publish(log.Begin(), {ChangeOf(1)});
  log.Heard(1, log.revision());
  log.Heard(2, before);
  EXPECT_EQ(log.PassedByAll(), before);
  log.DropSilent(start);
  log.DropSilent(start + ChangeLog::kPatience);
  EXPECT_EQ(log.PassedByAll(), before);
  log.DropSilent(start + 2 * ChangeLog::kPatience);
  // One that has followed up to the end may be silent.
  EXPECT_EQ(log.PassedByAll(), log.revision());
  log.Leave(1);
  EXPECT_GT(log.PassedByAll(), log.revision());
}

TEST(ChangeLogTest, PatienceBeginsWhenAWatcherFallsBehind) {
  ChangeLog log;
  const BootTime start{absl::Seconds(100)};
  log.Publish(log.Begin(), {ChangeOf(1)});
  const std::uint64_t heard = log.revision();
  log.Heard(1, heard);
  log.DropSilent(start);
  const BootTime later = start + 10 * ChangeLog::kPatience;
  log.Publish(log.Begin(), {ChangeOf(2)});
  log.DropSilent(later);
  EXPECT_EQ(log.PassedByAll(), heard) << "it had nothing to say until now";
  log.DropSilent(later + ChangeLog::kPatience);
  EXPECT_EQ(log.watchers(), 1U);
  log.Heard(1, heard);
  log.DropSilent(later + 2 * ChangeLog::kPatience);
  EXPECT_EQ(log.watchers(), 1U) << "it is slow, and not silent";
  log.DropSilent(later + 4 * ChangeLog::kPatience);
  EXPECT_EQ(log.watchers(), 0U);
}

TEST(ChangeLogTest, WhoAsksForTheSameAgainAndAgainHoldsNothingForEver) {
  ChangeLog log;
  const BootTime start{absl::Seconds(100)};
  const std::uint64_t before = log.revision();
  log.Publish(log.Begin(), {ChangeOf(1)});
  log.Publish(log.Begin(), {ChangeOf(2)});
  const std::uint64_t removal = log.revision();
  bool is_held = true;
  for (BootTime now = start; now < start + 2 * ChangeLog::kPatienceWithAskers;
       now += ChangeLog::kPatience / 10) {
    // One revision forth and back, and the log goes on meanwhile.
    log.Heard(1, before + 1);
    log.Heard(1, before);
    log.Publish(log.Begin(), {ChangeOf(3)});
    log.DropSilent(now);
    // It comes again at once, when it was dropped.
    log.Heard(1, before);
    is_held = log.PassedByAll() < removal;
    if (now < start + ChangeLog::kPatienceWithAskers) EXPECT_TRUE(is_held);
  }
  EXPECT_FALSE(is_held);
}

TEST(ChangeLogTest, WhoFollowsSlowlyIsWaitedFor) {
  ChangeLog log;
  BootTime now{absl::Seconds(100)};
  std::uint64_t followed = log.revision();
  for (int round = 0; round < 100; ++round) {
    const std::uint64_t next = log.revision();
    log.Publish(log.Begin(), {ChangeOf(1)});
    log.Heard(1, followed);
    log.DropSilent(now);
    EXPECT_EQ(log.PassedByAll(), followed);
    followed = next;
    now += ChangeLog::kPatience * 0.9;
  }
}

TEST(ChangeLogTest, ShowsWhatIsPublishedInAWord) {
  ChangeLog log;
  std::atomic<std::uint64_t> word{99};
  log.SkipTo(10);
  log.ShowAt(word);
  EXPECT_EQ(word, 10U);
  const std::uint64_t first = log.Begin();
  const std::uint64_t second = log.Begin();
  log.Publish(second, {ChangeOf(1)});
  EXPECT_EQ(word, 10U) << "the one before is under way";
  log.Publish(first, {ChangeOf(1)});
  EXPECT_EQ(word, second);
}

}  // namespace
}  // namespace percpud::metrics

// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// Families and series of the C library: alone, and with a daemon that refuses, goes
// away and comes back.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "client/c/percpud.h"
#include "tests/unit/c/series_fixture.h"

namespace percpud {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;

TEST_F(SeriesTest, EveryTypeCountsWithoutADaemon) {
  const Client client = Open();
  percpud_series* const counter = One(client.get(), Options("hits", PERCPUD_COUNTER));
  percpud_series* const gauge = One(client.get(), Options("temperature", PERCPUD_GAUGE));
  percpud_series* const histogram = One(client.get(), Histogram());
  percpud_series* const summary = One(client.get(), Options("bytes", PERCPUD_SUMMARY));
  percpud_add(counter, 0.5);
  percpud_add(counter, 2);
  percpud_set(gauge, -3);
  percpud_add(gauge, 1);
  for (const double seconds : {0.25, 0.5, 0.75, 8.0}) percpud_observe(histogram, seconds);
  percpud_observe(summary, 5);
  percpud_add_to_sum(summary, 2);
  EXPECT_EQ(percpud_read_series(counter).sum, 2.5);
  EXPECT_EQ(percpud_get(gauge), -2);
  EXPECT_EQ(percpud_read_series(histogram).count, 4U);
  EXPECT_EQ(percpud_read_series(histogram).sum, 9.5);
  EXPECT_EQ(percpud_read_series(summary).count, 1U);
  EXPECT_EQ(percpud_read_series(summary).sum, 7);
  ASSERT_EQ(notices_.size(), 1U);
  EXPECT_EQ(notices_[0].first, PERCPUD_NO_DAEMON);
}

TEST_F(SeriesTest, WhatWasLocalIsAddedWhenADaemonComes) {
  const Client client = Open();
  percpud_family_options integers = Options("requests", PERCPUD_COUNTER);
  integers.flags = PERCPUD_INTEGER;
  percpud_family_options shared = Options("limit", PERCPUD_GAUGE);
  shared.fold = PERCPUD_FOLD_SHARED;
  const auto update = [](percpud_series* counter, percpud_series* integer,
                         percpud_series* histogram, percpud_series* value) {
    percpud_add(counter, 1.5);
    percpud_add(integer, 3);
    percpud_counter_add(percpud_series_counter(integer), 4);
    percpud_observe(histogram, 0.75);
    percpud_set(value, 7);
  };
  percpud_series* const counter = One(client.get(), Options("hits", PERCPUD_COUNTER));
  percpud_series* const integer = One(client.get(), integers);
  percpud_series* const histogram = One(client.get(), Histogram());
  percpud_series* const value = One(client.get(), shared);
  update(counter, integer, histogram, value);
  Start();
  ASSERT_EQ(percpud_wait(client.get(), kPatienceMs), 1);
  update(counter, integer, histogram, value);
  EXPECT_EQ(Shared(Options("hits", PERCPUD_COUNTER)).sum, 3);
  EXPECT_EQ(Shared(integers).count, 14U);
  EXPECT_EQ(Shared(Histogram()).count, 2U);
  EXPECT_EQ(Shared(Histogram()).sum, 1.5);
  EXPECT_EQ(Shared(shared).sum, 7);
}

TEST_F(SeriesTest, WhatNoMetricCanCountIsNotCounted) {
  const Client client = Open();
  percpud_series* const counter = One(client.get(), Options("hits", PERCPUD_COUNTER));
  percpud_series* const histogram = One(client.get(), Histogram());
  percpud_add(counter, -1);
  percpud_add(counter, std::nan(""));
  percpud_observe(histogram, std::nan(""));
  percpud_observe(counter, 1);
  percpud_add(histogram, 1);
  percpud_set(histogram, 1);
  EXPECT_EQ(percpud_read_series(counter).sum, 0);
  EXPECT_EQ(percpud_read_series(histogram).count, 0U);
  percpud_observe(histogram, -1);
  EXPECT_EQ(percpud_read_series(histogram).sum, -1) << "negative observations are counted";
  EXPECT_EQ(percpud_series_counter(counter), nullptr) << "its numbers are doubles";
  percpud_add(nullptr, 1);
  percpud_set(nullptr, 1);
  percpud_observe(nullptr, 1);
  EXPECT_EQ(percpud_get(nullptr), 0);
}

TEST_F(SeriesTest, DescriptionsThatNoDaemonWouldTakeGiveNull) {
  const Client client = Open();
  const auto opens = [&](percpud_family_options options) {
    return percpud_family_open(client.get(), &options) != nullptr;
  };
  EXPECT_FALSE(opens(Options(nullptr, PERCPUD_COUNTER)));
  EXPECT_FALSE(opens(Options("x", static_cast<percpud_type>(7))));
  percpud_family_options gauge = Options("x", PERCPUD_GAUGE);
  gauge.fold = static_cast<percpud_fold>(0);
  EXPECT_FALSE(opens(gauge));
  percpud_family_options falls = Histogram();
  const double bounds[] = {2, 1};
  falls.bounds = bounds;
  EXPECT_FALSE(opens(falls));
  percpud_family_options nameless = Options("x", PERCPUD_COUNTER);
  const char* const names[] = {nullptr};
  nameless.label_count = 1;
  nameless.label_names = names;
  EXPECT_FALSE(opens(nameless));
  percpud_family* const family = Family(client.get(), Options("x", PERCPUD_COUNTER));
  const char* const values[] = {nullptr};
  EXPECT_EQ(percpud_series_open(family, values), nullptr);
  EXPECT_EQ(percpud_series_open(nullptr, values), nullptr);
}

TEST_F(SeriesTest, OneDescriptionIsOneFamilyAndOneSetOfValuesOneSeries) {
  const Client client = Open();
  percpud_family* const hits = Family(client.get(), Options("hits", PERCPUD_COUNTER));
  EXPECT_EQ(Family(client.get(), Options("hits", PERCPUD_COUNTER)), hits);
  EXPECT_NE(Family(client.get(), Options("hits", PERCPUD_SUMMARY)), hits);
  EXPECT_EQ(With(hits, "200"), With(hits, "200"));
  EXPECT_NE(With(hits, "200"), With(hits, "404"));
}

TEST_F(SeriesTest, GaugesOfEachProcessAreItsOwn) {
  Start();
  const Client client = Open();
  percpud_series* const gauge = One(client.get(), Options("temperature", PERCPUD_GAUGE));
  percpud_set(gauge, 5);
  ASSERT_EQ(percpud_wait(client.get(), kPatienceMs), 1);
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    // The parent's value is not the child's, and its cell stays as it is.
    if (percpud_get(gauge) != 0) _exit(1);
    percpud_set(gauge, 9);
    if (percpud_wait(client.get(), kPatienceMs) != 1) _exit(2);
    percpud_set(gauge, 10);
    _exit(percpud_get(gauge) == 10 ? 0 : 3);
  }
  int status = -1;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  EXPECT_EQ(percpud_get(gauge), 5);
  EXPECT_EQ(percpud_poll(client.get()), 1) << "the cell holds what was set";
}

TEST_F(SeriesTest, ManyThreadsSetOneGauge) {
  Start();
  const Client client = Open();
  percpud_series* const gauge = One(client.get(), Options("temperature", PERCPUD_GAUGE));
  ASSERT_EQ(percpud_wait(client.get(), kPatienceMs), 1);
  std::vector<std::thread> threads;
  for (int thread = 0; thread < 3; ++thread) {
    threads.emplace_back([gauge] {
      for (int i = 0; i < 20'000; ++i) percpud_add(gauge, 1);
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(percpud_get(gauge), 60'000);
  EXPECT_EQ(percpud_poll(client.get()), 1) << "the cell holds what was set";
}

TEST_F(SeriesTest, ACounterRemembersTheOwnShare) {
  Start();
  percpud_family_options options = Options("hits", PERCPUD_COUNTER);
  options.flags = PERCPUD_OWN_SHARE;
  const Client client = Open();
  percpud_series* const counter = One(client.get(), options);
  ASSERT_EQ(percpud_wait(client.get(), kPatienceMs), 1);
  percpud_add(counter, 3);
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    percpud_add(counter, 1);
    _exit(percpud_get(counter) == 1 ? 0 : 1);
  }
  int status = -1;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  EXPECT_EQ(percpud_get(counter), 3);
  percpud_set(counter, 10);
  EXPECT_EQ(percpud_get(counter), 10);
  EXPECT_EQ(Shared(options).sum, 11);
}

TEST_F(SeriesTest, WritersOfOneProcessHaveSharesOfTheirOwn) {
  Start();
  percpud_family_options options = Options("hits", PERCPUD_COUNTER);
  options.flags = PERCPUD_OWN_SHARE;
  const Client client = Open();
  percpud_family* const family = Family(client.get(), options);
  const char* const values[] = {"200"};
  percpud_series* const own = With(family, "200");
  percpud_series* const one = percpud_series_open_as(family, values, "one");
  percpud_series* const two = percpud_series_open_as(family, values, "two");
  EXPECT_EQ(percpud_series_open_as(family, values, "one"), one);
  EXPECT_EQ(percpud_series_open_as(family, values, nullptr), own);
  EXPECT_NE(one, two);
  percpud_add(own, 1);
  percpud_add(one, 10);
  ASSERT_EQ(percpud_wait(client.get(), kPatienceMs), 1);
  percpud_add(two, 100);
  EXPECT_EQ(percpud_get(own), 1);
  EXPECT_EQ(percpud_get(one), 10);
  EXPECT_EQ(percpud_get(two), 100);
  EXPECT_EQ(Shared(options).sum, 111) << "the cells are those of the series";
  // Whether or not the daemon closes it, its shares are gone here.
  percpud_writer_close(client.get(), "one", kPatienceMs);
  EXPECT_EQ(percpud_writer_close(client.get(), "nobody", kPatienceMs), 0);
  EXPECT_EQ(percpud_get(one), 0);
  EXPECT_EQ(percpud_get(two), 100);
  percpud_add(one, 1000);
  EXPECT_EQ(Shared(options).sum, 1111) << "what a writer has opened stays valid";
}

TEST_F(SeriesTest, ThousandsOfSeriesAreOpenedInBatches) {
  constexpr int kSeries = 5000;
  Start();
  const Client client = Open();
  percpud_family* const hits = Family(client.get(), Options("hits", PERCPUD_COUNTER));
  std::vector<percpud_series*> all;
  for (int i = 0; i < kSeries; ++i) {
    const std::string code = std::to_string(i);
    all.push_back(With(hits, code.c_str()));
    percpud_add(all.back(), i);
  }
  ASSERT_EQ(percpud_wait(client.get(), kPatienceMs), 1);
  EXPECT_THAT(notices_, IsEmpty());
  const Client other = Open();
  percpud_family* const same = Family(other.get(), Options("hits", PERCPUD_COUNTER));
  const int before = daemon_->openings();
  percpud_series* const last = With(same, "4999");
  percpud_series* const seventh = With(same, "7");
  EXPECT_EQ(percpud_wait(other.get(), kPatienceMs), 1);
  EXPECT_EQ(percpud_read_series(last).sum, 4999);
  EXPECT_EQ(percpud_read_series(seventh).sum, 7);
  EXPECT_LE(daemon_->openings(), before + 2);
}

TEST_F(SeriesTest, ARefusedFamilyCountsLocallyAndIsNamedOnce) {
  Start();
  const Client first = Open();
  One(first.get(), Options("hits", PERCPUD_COUNTER));
  ASSERT_EQ(percpud_wait(first.get(), kPatienceMs), 1);
  const Client client = Open();
  percpud_family* const other = Family(client.get(), Options("hits", PERCPUD_SUMMARY));
  percpud_series* const series = With(other, "200");
  With(other, "404");
  percpud_observe(series, 1);
  EXPECT_EQ(percpud_wait(client.get(), 300), 0);
  percpud_observe(series, 1);
  EXPECT_EQ(percpud_read_series(series).count, 2U);
  ASSERT_EQ(notices_.size(), 1U);
  EXPECT_EQ(notices_[0].first, PERCPUD_SERIES_REFUSED);
  EXPECT_THAT(notices_[0].second, HasSubstr("hits: the family has another shape"));
}

TEST_F(SeriesTest, WhatThereWasNoRoomForIsOpenedLater) {
  Start();
  daemon_->SetFull(true);
  const Client client = Open();
  percpud_series* const series = One(client.get(), Options("hits", PERCPUD_COUNTER));
  percpud_add(series, 2);
  EXPECT_EQ(percpud_wait(client.get(), 300), 0);
  EXPECT_THAT(notices_, ElementsAre(Pair(PERCPUD_SERIES_REFUSED,
                                         "hits: there is no room: it is counted in this process "
                                         "until there is room")));
  daemon_->SetFull(false);
  EXPECT_EQ(percpud_wait(client.get(), kPatienceMs), 1);
  EXPECT_EQ(Shared(Options("hits", PERCPUD_COUNTER)).sum, 2);
}

TEST_F(SeriesTest, OfManyThatThereWasNoRoomForEachIsOpenedLater) {
  Start();
  daemon_->SetFull(true);
  const Client client = Open();
  percpud_family* const family = Family(client.get(), Options("hits", PERCPUD_COUNTER));
  for (int i = 0; i < 1000; ++i) percpud_add(With(family, std::to_string(i).c_str()), 2);
  EXPECT_EQ(percpud_wait(client.get(), 300), 0);
  daemon_->SetFull(false);
  EXPECT_EQ(percpud_wait(client.get(), kPatienceMs), 1);
  for (int i = 0; i < 1000; ++i) {
    ASSERT_EQ(percpud_series_is_shared(With(family, std::to_string(i).c_str())), 1);
  }
}

TEST_F(SeriesTest, EachOfManyIsFoundAgain) {
  const Client client = Open();
  percpud_family* const family = Family(client.get(), Options("hits", PERCPUD_COUNTER));
  std::vector<percpud_series*> made;
  for (int i = 0; i < 20'000; ++i) made.push_back(With(family, std::to_string(i).c_str()));
  for (int i = 0; i < 20'000; ++i) {
    ASSERT_EQ(With(family, std::to_string(i).c_str()), made[static_cast<std::size_t>(i)]);
  }
  std::sort(made.begin(), made.end());
  EXPECT_EQ(std::unique(made.begin(), made.end()), made.end());
}

TEST_F(SeriesTest, ADaemonThatComesBackFindsEverythingOpenedAgain) {
  Start();
  const Client client = Open();
  percpud_series* const counter = One(client.get(), Options("hits", PERCPUD_COUNTER));
  percpud_series* const gauge = One(client.get(), Options("temperature", PERCPUD_GAUGE));
  percpud_add(counter, 1);
  percpud_set(gauge, 4);
  ASSERT_EQ(percpud_wait(client.get(), kPatienceMs), 1);
  daemon_->Stop();
  percpud_add(counter, 10);
  EXPECT_EQ(percpud_read_series(counter).sum, 11) << "the arena is still there";
  const int openings = daemon_->openings();
  daemon_->Start();
  ASSERT_EQ(percpud_wait(client.get(), kPatienceMs), 1);
  EXPECT_GT(daemon_->openings(), openings);
  percpud_add(counter, 100);
  EXPECT_EQ(Shared(Options("hits", PERCPUD_COUNTER)).sum, 111);
  EXPECT_EQ(percpud_get(gauge), 4);
}

TEST_F(SeriesTest, ANewArenaIsCountedInFromThen) {
  Start();
  const Client client = Open();
  percpud_series* const counter = One(client.get(), Options("hits", PERCPUD_COUNTER));
  percpud_add(counter, 100);
  ASSERT_EQ(percpud_wait(client.get(), kPatienceMs), 1);
  daemon_.reset();
  Start();
  ASSERT_EQ(percpud_wait(client.get(), kPatienceMs), 1);
  percpud_add(counter, 8);
  EXPECT_EQ(Shared(Options("hits", PERCPUD_COUNTER)).sum, 8);
}

}  // namespace
}  // namespace percpud

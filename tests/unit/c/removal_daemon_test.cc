// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// Taking series away, with percpud itself.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <map>
#include <memory>
#include <string>

#include "client/c/percpud.h"
#include "tests/support/process.h"

namespace percpud {
namespace {

using percpud::testing::RunningDaemon;
using percpud::testing::StartDaemon;
using percpud::testing::TempDir;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;

constexpr int kPatienceMs = 30'000;

class RemovalTest : public ::testing::Test {
 protected:
  using Client = std::unique_ptr<percpud_client, decltype(&percpud_close)>;

  void SetUp() override {
    auto started = StartDaemon(dir_, {});
    ASSERT_TRUE(started.ok()) << started.status();
    daemon_ = std::make_unique<RunningDaemon>(*std::move(started));
    client_ = Open();
    hits_ = Family(client_, "hits", PERCPUD_COUNTER);
  }
  Client Open() const {
    percpud_options options{};
    options.size = sizeof(options);
    options.address = daemon_->address.c_str();
    options.open_wait_ms = kPatienceMs;
    return {percpud_open_as(&options), &percpud_close};
  }
  static percpud_family* Family(const Client& client, const char* name, percpud_type type,
                                percpud_fold fold = PERCPUD_FOLD_ALL) {
    static const char* const kLabels[] = {"code"};
    percpud_family_options options{};
    options.size = sizeof(options);
    options.name = name;
    options.type = type;
    options.fold = fold;
    options.label_count = 1;
    options.label_names = kLabels;
    percpud_family* const out = percpud_family_open(client.get(), &options);
    EXPECT_NE(out, nullptr);
    return out;
  }
  static percpud_series* With(percpud_family* family, const char* code) {
    const char* const values[] = {code};
    percpud_series* const out = percpud_series_open(family, values);
    EXPECT_EQ(percpud_series_is_shared(out), 1);
    return out;
  }
  static std::int64_t Remove(percpud_family* family, const char* code) {
    const char* const values[] = {code};
    return percpud_remove(family, values, kPatienceMs);
  }
  static std::int64_t Reset(percpud_family* family, const char* code) {
    const char* const values[] = {code};
    return percpud_reset(family, values, kPatienceMs);
  }
  // What another process would see of a family: values by label.
  std::map<std::string, double> Shown(const char* family = "hits") const {
    const Client other = Open();
    percpud_collection* const all = percpud_collect_begin(other.get(), family, kPatienceMs);
    EXPECT_EQ(percpud_collection_is_fresh(all), 1);
    std::map<std::string, double> out;
    for (std::size_t i = 0; i < percpud_collection_size(all); ++i) {
      const percpud_family_view& view = *percpud_collection_family(all, i);
      for (std::uint32_t n = 0; n < view.series_count; ++n) {
        out[view.series[n].label_values[0].text] = view.series[n].value;
      }
    }
    percpud_collection_end(all);
    return out;
  }

  TempDir dir_;
  std::unique_ptr<RunningDaemon> daemon_;
  Client client_{nullptr, &percpud_close};
  percpud_family* hits_ = nullptr;
};

TEST_F(RemovalTest, ARemovedSeriesShowsAgainFromZero) {
  percpud_series* const ok = With(hits_, "200");
  percpud_add(ok, 5);
  percpud_add(With(hits_, "404"), 1);
  EXPECT_EQ(Remove(hits_, "200"), 1);
  EXPECT_THAT(Shown(), ElementsAre(Pair("404", 1)));
  EXPECT_EQ(Remove(hits_, "200"), 0) << "it is gone already";
  EXPECT_EQ(Remove(hits_, "never"), 0);
  percpud_add(ok, 2);
  EXPECT_THAT(Shown(), ElementsAre(Pair("200", 2), Pair("404", 1))) << "the handle stays good";
  EXPECT_EQ(Remove(hits_, "200"), 1);
  EXPECT_EQ(With(hits_, "200"), ok);
  EXPECT_THAT(Shown(), ElementsAre(Pair("200", 0), Pair("404", 1))) << "opened again, it shows";
}

TEST_F(RemovalTest, AResetSeriesStaysShown) {
  percpud_series* const ok = With(hits_, "200");
  percpud_add(ok, 5);
  EXPECT_EQ(Reset(hits_, "200"), 1);
  EXPECT_THAT(Shown(), ElementsAre(Pair("200", 0)));
  percpud_add(ok, 3);
  EXPECT_THAT(Shown(), ElementsAre(Pair("200", 3)));
}

TEST_F(RemovalTest, WhatIsDiscardedAfterAResetIsNotOpenedAgain) {
  percpud_add(With(hits_, "200"), 5);
  std::array<int, 2> gate{};
  ASSERT_EQ(pipe(gate.data()), 0);
  const pid_t child = fork();
  if (child == 0) {
    // The daemon's Welcome is there by the time the gate opens: who polls asks for all again.
    close(gate[1]);
    char nothing = 0;
    const bool is_open = read(gate[0], &nothing, 1) == 0;
    percpud_discard(client_.release());
    _exit(is_open ? 0 : 1);
  }
  close(gate[0]);
  EXPECT_EQ(percpud_reset_namespace(Open().get(), 0, nullptr, kPatienceMs), 1);
  percpud_discard(client_.release());
  close(gate[1]);
  int status = -1;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  EXPECT_THAT(Shown(), IsEmpty());
  percpud_discard(nullptr);
}

TEST_F(RemovalTest, AWholeFamily) {
  percpud_family* const other = Family(client_, "bytes", PERCPUD_SUMMARY);
  percpud_observe(With(other, "200"), 4);
  for (const char* const code : {"200", "404", "500"}) percpud_add(With(hits_, code), 1);
  EXPECT_EQ(percpud_reset_all(hits_, kPatienceMs), 3);
  EXPECT_THAT(Shown(), ElementsAre(Pair("200", 0), Pair("404", 0), Pair("500", 0)));
  EXPECT_EQ(percpud_remove_all(hits_, kPatienceMs), 3);
  EXPECT_THAT(Shown(), IsEmpty());
  EXPECT_THAT(Shown("bytes"), ElementsAre(Pair("200", 4)));
}

TEST_F(RemovalTest, AValueOfAllProcessesShowsAgainWhenAnyOfThemSetsIt) {
  percpud_family* const limits = Family(client_, "limit", PERCPUD_GAUGE, PERCPUD_FOLD_SHARED);
  percpud_series* const limit = With(limits, "a");
  const Client second = Open();
  percpud_series* const theirs =
      With(Family(second, "limit", PERCPUD_GAUGE, PERCPUD_FOLD_SHARED), "a");
  percpud_set(limit, 7);
  EXPECT_EQ(Remove(limits, "a"), 1);
  EXPECT_THAT(Shown("limit"), IsEmpty());
  percpud_set(theirs, 8);
  EXPECT_THAT(Shown("limit"), ElementsAre(Pair("a", 8)));
  EXPECT_EQ(percpud_get(limit), 8);
  EXPECT_EQ(Reset(limits, "a"), 1);
  percpud_add(limit, 1);
  EXPECT_THAT(Shown("limit"), ElementsAre(Pair("a", 1)));
}

TEST_F(RemovalTest, WhatOneProcessMovesAgainAnotherRemovesAgain) {
  const Client second = Open();
  percpud_family* const theirs = Family(second, "hits", PERCPUD_COUNTER);
  percpud_series* const ok = With(hits_, "200");
  percpud_add(ok, 5);
  ASSERT_EQ(Remove(hits_, "200"), 1);
  percpud_add(ok, 2);
  EXPECT_EQ(Remove(theirs, "200"), 1);
  EXPECT_THAT(Shown(), IsEmpty());
  EXPECT_EQ(Remove(theirs, "200"), 0);
  percpud_add(ok, 3);
  EXPECT_EQ(Reset(theirs, "200"), 1);
  EXPECT_THAT(Shown(), ElementsAre(Pair("200", 0)));
  ASSERT_EQ(Remove(hits_, "200"), 1);
  percpud_add(ok, 4);
  EXPECT_EQ(percpud_remove_all(theirs, kPatienceMs), 1);
  percpud_add(ok, 5);
  EXPECT_EQ(percpud_reset_namespace(second.get(), 0, nullptr, kPatienceMs), 1);
  EXPECT_THAT(Shown(), IsEmpty());
}

TEST_F(RemovalTest, AGaugeThatIsRemovedAndOpenedAgainShowsWhatItIsSetTo) {
  percpud_family* const peaks = Family(client_, "peak", PERCPUD_GAUGE, PERCPUD_FOLD_MAX);
  percpud_series* const peak = With(peaks, "a");
  percpud_set(peak, 7);
  ASSERT_EQ(Remove(peaks, "a"), 1);
  EXPECT_EQ(With(peaks, "a"), peak);
  ASSERT_EQ(percpud_wait(client_.get(), kPatienceMs), 1);
  percpud_set(peak, 3);
  EXPECT_THAT(Shown("peak"), ElementsAre(Pair("a", 3)));
}

TEST_F(RemovalTest, ANewGenerationBeginsFromZeroWithAnyShape) {
  percpud_series* const ok = With(hits_, "200");
  percpud_add(ok, 5);
  std::uint64_t generation = 0;
  EXPECT_EQ(percpud_reset_namespace(client_.get(), 0, &generation, kPatienceMs), 1);
  EXPECT_GT(generation, 1U);
  percpud_add(ok, 2);
  ASSERT_EQ(percpud_wait(client_.get(), kPatienceMs), 1);
  EXPECT_THAT(Shown(), ElementsAre(Pair("200", 2)));
  std::uint64_t still = 0;
  EXPECT_EQ(percpud_reset_namespace(client_.get(), generation - 1, &still, kPatienceMs), 0)
      << "of many processes that start, one resets";
  EXPECT_EQ(still, generation);
}

TEST_F(RemovalTest, SharesOfTheProcessGoWithTheSeries) {
  percpud_family_options options{};
  options.size = sizeof(options);
  options.name = "served";
  options.type = PERCPUD_COUNTER;
  options.flags = PERCPUD_OWN_SHARE;
  percpud_family* const served = percpud_family_open(client_.get(), &options);
  percpud_series* const series = percpud_series_open(served, nullptr);
  percpud_add(series, 4);
  EXPECT_EQ(percpud_get(series), 4);
  EXPECT_EQ(percpud_remove(served, nullptr, kPatienceMs), 1);
  EXPECT_EQ(percpud_get(series), 0);
  percpud_set(series, 3);
  EXPECT_EQ(percpud_get(series), 3);
}

TEST_F(RemovalTest, WithoutADaemonWhatIsLocalGoesAndTheReasonIsSaid) {
  percpud_series* const ok = With(hits_, "200");
  daemon_->process.Kill(SIGKILL);
  ASSERT_TRUE(daemon_->process.Wait(absl::Seconds(30)).ok());
  percpud_series* local = nullptr;
  {
    const char* const values[] = {"404"};
    local = percpud_series_open(hits_, values);
  }
  percpud_add(local, 9);
  percpud_add(ok, 1);
  EXPECT_EQ(Remove(hits_, "404"), -1);
  EXPECT_EQ(percpud_read_series(local).sum, 0);
  char reason[256] = "";
  EXPECT_GT(percpud_reason(client_.get(), reason, sizeof(reason)), 0U);
  EXPECT_THAT(reason, HasSubstr("percpud.sock"));
  EXPECT_EQ(percpud_remove(nullptr, nullptr, 0), -1);
  EXPECT_EQ(percpud_reset_namespace(nullptr, 0, nullptr, 0), -1);
}

}  // namespace
}  // namespace percpud

// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// Collections: what a namespace shows, row by row, with a daemon and without one.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "client/c/percpud.h"
#include "tests/unit/c/series_fixture.h"

namespace percpud {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class CollectTest : public SeriesTest {
 protected:
  using Collection = std::unique_ptr<percpud_collection, decltype(&percpud_collection_end)>;

  static Collection Collect(const Client& client, const char* family = nullptr) {
    Collection out(percpud_collect_begin(client.get(), family, kPatienceMs),
                   &percpud_collection_end);
    EXPECT_NE(out, nullptr);
    return out;
  }
  // The one series of the one family.
  static const percpud_series_view& Only(const Collection& all) {
    EXPECT_EQ(percpud_collection_size(all.get()), 1U);
    const percpud_family_view* const family = percpud_collection_family(all.get(), 0);
    EXPECT_EQ(family->series_count, 1U);
    return family->series[0];
  }
  static std::string Reason(const Client& client) {
    char text[256] = "";
    percpud_reason(client.get(), text, sizeof(text));
    return text;
  }
};

TEST_F(CollectTest, AFamilyIsShownAsItWasOpened) {
  Start();
  const Client client = Open();
  percpud_family_options options = Histogram();
  options.unit = "seconds";
  percpud_series* const ok = With(Family(client.get(), options), "200");
  percpud_series* const bad = With(Family(client.get(), options), "500");
  for (const double seconds : {0.25, 0.5, 0.75, 8.0}) percpud_observe(ok, seconds);
  percpud_observe(bad, 1);
  // What is local is opened and added first.
  const Collection all = Collect(client);
  EXPECT_EQ(percpud_collection_is_fresh(all.get()), 1);
  ASSERT_EQ(percpud_collection_size(all.get()), 1U);
  EXPECT_EQ(percpud_collection_family(all.get(), 1), nullptr);
  const percpud_family_view& family = *percpud_collection_family(all.get(), 0);
  EXPECT_STREQ(family.name.text, "seconds");
  EXPECT_EQ(family.name.bytes, 7U);
  EXPECT_STREQ(family.help.text, "What it is.");
  EXPECT_STREQ(family.unit.text, "seconds");
  EXPECT_EQ(family.type, PERCPUD_HISTOGRAM);
  EXPECT_EQ(family.flags, 0U);
  ASSERT_EQ(family.label_count, 1U);
  EXPECT_STREQ(family.label_names[0].text, "code");
  EXPECT_THAT(std::vector<double>(family.bounds, family.bounds + family.bound_count),
              ElementsAre(0.5, 1.0));
  ASSERT_EQ(family.series_count, 2U);
  const percpud_series_view& first = family.series[0];
  EXPECT_STREQ(first.label_values[0].text, "200");
  EXPECT_EQ(first.count, 4U);
  EXPECT_EQ(first.value, 9.5);
  EXPECT_EQ(first.is_set, 1);
  EXPECT_THAT(std::vector<std::uint64_t>(first.buckets, first.buckets + first.bucket_count),
              ElementsAre(2, 3, 4));
  EXPECT_STREQ(family.series[1].label_values[0].text, "500");
  EXPECT_EQ(family.series[1].count, 1U);
}

TEST_F(CollectTest, CountersOfEitherKindAndOneFamilyAlone) {
  Start();
  const Client client = Open();
  percpud_family_options integers = Options("requests_total", PERCPUD_COUNTER);
  integers.flags = PERCPUD_INTEGER;
  percpud_add(One(client.get(), Options("hits", PERCPUD_COUNTER)), 1.5);
  percpud_add(One(client.get(), integers), 7);
  const Collection all = Collect(client);
  EXPECT_EQ(percpud_collection_size(all.get()), 2U);
  const Collection one = Collect(client, "requests_total");
  EXPECT_EQ(Only(one).count, 7U);
  EXPECT_EQ(Only(one).value, 7);
  EXPECT_EQ(percpud_collection_family(one.get(), 0)->flags, PERCPUD_INTEGER);
  const Collection hits = Collect(client, "hits");
  EXPECT_EQ(Only(hits).value, 1.5);
  EXPECT_EQ(percpud_collection_size(Collect(client, "nothing").get()), 0U);
}

TEST_F(CollectTest, GaugesShowWhoHasSetThem) {
  Start();
  const Client client = Open();
  const Client other = Open();
  percpud_series* const gauge = One(client.get(), Options("temperature", PERCPUD_GAUGE));
  percpud_family_options most = Options("most", PERCPUD_GAUGE);
  most.fold = PERCPUD_FOLD_MAX;
  percpud_set_at(gauge, 0, 1e-9);
  percpud_set(One(client.get(), most), 3);
  percpud_set(One(other.get(), most), 4);
  // Opened, and set by nobody.
  One(other.get(), Options("unset", PERCPUD_GAUGE));
  ASSERT_EQ(percpud_wait(other.get(), kPatienceMs), 1);
  const Collection all = Collect(client, "temperature");
  const percpud_series_view& view = Only(all);
  EXPECT_EQ(view.is_set, 1);
  ASSERT_EQ(view.writer_count, 1U);
  EXPECT_EQ(view.writers[0].label.text, std::to_string(getpid()));
  EXPECT_EQ(view.writers[0].value, 0);
  EXPECT_EQ(view.writers[0].timestamp, 1e-9);
  EXPECT_EQ(view.writers[0].is_live, 1);
  EXPECT_EQ(Only(Collect(client, "most")).value, 4);
  EXPECT_EQ(Only(Collect(client, "most")).writer_count, 2U);
  EXPECT_EQ(Only(Collect(client, "unset")).is_set, 0);
  EXPECT_EQ(percpud_collection_family(Collect(client, "most").get(), 0)->fold, PERCPUD_FOLD_MAX);
}

TEST_F(CollectTest, WithoutADaemonAProcessShowsItsOwn) {
  const Client client = Open();
  percpud_add(One(client.get(), Options("hits", PERCPUD_COUNTER)), 2);
  percpud_set(One(client.get(), Options("temperature", PERCPUD_GAUGE)), -3);
  for (const double seconds : {0.25, 8.0}) percpud_observe(One(client.get(), Histogram()), seconds);
  const Collection all = Collect(client);
  EXPECT_EQ(percpud_collection_is_fresh(all.get()), 0);
  EXPECT_THAT(Reason(client), HasSubstr("No such file or directory"));
  EXPECT_EQ(percpud_collection_size(all.get()), 3U);
  const Collection hits = Collect(client, "hits");
  EXPECT_EQ(Only(hits).value, 2);
  EXPECT_EQ(percpud_collection_family(hits.get(), 0)->flags, PERCPUD_IS_LOCAL);
  const Collection gauge = Collect(client, "temperature");
  ASSERT_EQ(Only(gauge).writer_count, 1U);
  EXPECT_EQ(Only(gauge).writers[0].value, -3);
  EXPECT_EQ(Only(gauge).writers[0].label.text, std::to_string(getpid()));
  const Collection seconds = Collect(client, "seconds");
  EXPECT_THAT(std::vector<std::uint64_t>(Only(seconds).buckets, Only(seconds).buckets + 3),
              ElementsAre(1, 1, 2));
  EXPECT_EQ(Only(seconds).value, 8.25);
}

TEST_F(CollectTest, WhileTheDaemonIsAwayItsLastNamesAreShownWithTodaysNumbers) {
  Start();
  const Client client = Open();
  percpud_series* const hits = One(client.get(), Options("hits", PERCPUD_COUNTER));
  percpud_add(hits, 1);
  EXPECT_EQ(Only(Collect(client)).value, 1);
  daemon_->Stop();
  percpud_add(hits, 1);
  const Collection all = Collect(client);
  EXPECT_EQ(percpud_collection_is_fresh(all.get()), 0);
  EXPECT_EQ(Only(all).value, 2);
  EXPECT_EQ(percpud_collection_family(all.get(), 0)->flags, 0U);
}

TEST_F(CollectTest, ACollectionOutlivesItsClient) {
  Collection all(nullptr, &percpud_collection_end);
  {
    Start();
    const Client client = Open();
    percpud_add(One(client.get(), Options("hits", PERCPUD_COUNTER)), 2);
    all = Collect(client);
  }
  EXPECT_EQ(Only(all).value, 2);
  EXPECT_STREQ(percpud_collection_family(all.get(), 0)->name.text, "hits");
}

TEST_F(CollectTest, CallsBackForFamiliesAndTheirSeriesUntilItIsEnough) {
  Start();
  const Client client = Open();
  percpud_family* const hits = Family(client.get(), Options("hits", PERCPUD_COUNTER));
  percpud_add(With(hits, "200"), 1);
  percpud_add(With(hits, "404"), 2);
  const auto note = [](void* context, const percpud_family_view* family,
                       const percpud_series_view* series) {
    auto& out = *static_cast<std::vector<std::string>*>(context);
    out.emplace_back(series == nullptr ? family->name.text : series->label_values[0].text);
    return out.size() == 5 ? 17 : 0;
  };
  std::vector<std::string> seen;
  EXPECT_EQ(percpud_collect(client.get(), kPatienceMs, note, &seen), 0);
  EXPECT_THAT(seen, ElementsAre("hits", "200", "404"));
  EXPECT_EQ(percpud_collect(client.get(), kPatienceMs, note, &seen), 17);
  EXPECT_EQ(seen.size(), 5U);
  EXPECT_EQ(percpud_collect(nullptr, 0, note, &seen), -1);
}

TEST_F(CollectTest, OpeningsThatWaitAreSharedAtOnce) {
  Start();
  percpud_options options{};
  options.size = sizeof(options);
  options.address = address_.c_str();
  options.open_wait_ms = kPatienceMs;
  const Client client(percpud_open_as(&options), &percpud_close);
  percpud_series* const hits = One(client.get(), Options("hits", PERCPUD_COUNTER));
  EXPECT_EQ(percpud_series_is_shared(hits), 1);
  EXPECT_EQ(percpud_is_attached(client.get()), 1);
  daemon_->SetFull(true);
  EXPECT_EQ(percpud_series_is_shared(One(client.get(), Histogram())), 0) << "it is refused";
  daemon_->Stop();
  percpud_series* const local = One(client.get(), Options("bytes", PERCPUD_SUMMARY));
  EXPECT_EQ(percpud_series_is_shared(local), 0) << "nobody is waited for who is not there";
  EXPECT_EQ(percpud_is_attached(client.get()), 0);
}

TEST_F(CollectTest, CellsAreAdjustedOneByOne) {
  Start();
  const Client client = Open();
  percpud_family* const family = Family(client.get(), Histogram());
  percpud_series* const histogram = With(family, "200");
  ASSERT_EQ(percpud_wait(client.get(), kPatienceMs), 1);
  percpud_adjust_cell(histogram, percpud_bucket_of(family, 0.75), 3, 2.25);
  percpud_adjust_cell(histogram, percpud_bucket_of(family, 8), 2, 16);
  percpud_adjust_cell(histogram, 2, -1, -8);
  // There is no such bucket.
  percpud_adjust_cell(histogram, 3, 1, 1);
  percpud_series* const summary = One(client.get(), Options("bytes", PERCPUD_SUMMARY));
  percpud_adjust_cell(summary, 0, 2, 10);
  percpud_adjust_cell(summary, 1, 2, 10);
  percpud_series* const counter = One(client.get(), Options("hits", PERCPUD_COUNTER));
  percpud_add(counter, 5);
  percpud_adjust(counter, -2);
  const Collection all = Collect(client, "seconds");
  EXPECT_THAT(std::vector<std::uint64_t>(Only(all).buckets, Only(all).buckets + 3),
              ElementsAre(0, 3, 4));
  EXPECT_EQ(Only(all).value, 10.25);
  EXPECT_EQ(Only(Collect(client, "bytes")).count, 2U);
  EXPECT_EQ(Only(Collect(client, "hits")).value, 3);
}

}  // namespace
}  // namespace percpud

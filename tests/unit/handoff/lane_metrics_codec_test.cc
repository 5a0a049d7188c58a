// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "proto/percpud/abi/v1/lane_answers.h"
#include "proto/percpud/abi/v1/lane_requests.h"

namespace percpud::abi::v1 {
namespace {

using ::testing::ElementsAre;

using Message = std::array<std::byte, kLaneMessageBytes>;
using Texts = std::vector<std::string_view>;

constexpr std::array<std::string_view, 2> kLabels{"method", "path"};
constexpr std::array<double, 3> kBounds{0.1, 1.0, 2.5};

LaneFamilyShape Latency() {
  return {.name = "latency_seconds",
          .help = "How long it took.",
          .unit = "seconds",
          .labels = kLabels,
          .bounds = kBounds,
          .type = LaneFamilyType::kHistogram,
          .cells = LaneCells::kHistogram,
          .most_series = 500,
          .ttl_seconds = 60};
}

LaneFamilyShape Alive() {
  return {.name = "alive",
          .help = {},
          .unit = {},
          .labels = {},
          .bounds = {},
          .type = LaneFamilyType::kGauge,
          .cells = LaneCells::kWriter,
          .fold = LaneFold::kMax,
          .live_only = true};
}

Texts All(LaneTexts texts) {
  Texts out;
  while (texts.left() > 0) out.push_back(texts.Next());
  return out;
}

std::vector<std::byte> Copy(LaneBytes bytes) { return {bytes.begin(), bytes.end()}; }

// One request of each kind.
std::vector<std::byte> OneOfEach() {
  const auto memory = std::make_unique<Message>();
  const auto scratch = std::make_unique<Message>();
  LaneRequestWriter writer(*memory);
  LaneOpenSeriesBody open(*scratch);
  EXPECT_TRUE(open.Begin("shop", "worker 3", true, 4711));
  EXPECT_TRUE(open.Family(Latency()));
  EXPECT_TRUE(open.Series(Texts{"GET", "/"}));
  EXPECT_TRUE(open.Series(Texts{"", "/caf\u00e9"}));
  EXPECT_TRUE(open.Family(Alive()));
  EXPECT_TRUE(open.Series({}));
  EXPECT_EQ(open.series(), 3U);
  EXPECT_TRUE(writer.OpenSeries(1, open.body()));
  const Texts values{"GET", "/"};
  EXPECT_TRUE(writer.RemoveSeries(2, {.name_space = "shop",
                                      .family = "latency_seconds",
                                      .values = values,
                                      .removal = LaneRemoval::kReset}));
  EXPECT_TRUE(writer.RemoveSeries(3, {.name_space = "shop", .family = "alive", .all = true}));
  EXPECT_TRUE(writer.CloseWriter(4, 77));
  EXPECT_TRUE(writer.ListFamilies(5, 12));
  EXPECT_TRUE(writer.ListFamilies(6, 0, "shop"));
  EXPECT_TRUE(writer.ReadSeries(7, {.family = 1, .series = 2, .writer = 3}, 9, "shop"));
  EXPECT_TRUE(writer.ResetNamespace(8, 4, "shop"));
  EXPECT_TRUE(writer.WatchSeries(9, kLaneWatchAnew));
  EXPECT_TRUE(writer.WatchSeries(10, 41, "shop"));
  return Copy(writer.message());
}

std::vector<LaneRequest> Requests(LaneBytes message) {
  LaneRequestReader reader(message);
  std::vector<LaneRequest> out;
  LaneRequest request;
  while (reader.Next(request) == LaneNext::kRecord) out.push_back(request);
  return out;
}

TEST(LaneMetricsCodecTest, AnOpeningIsReadAsItWasAsked) {
  const std::vector<std::byte> message = OneOfEach();
  ASSERT_EQ(LaneCountRequests(message), 10U);
  LaneOpenSeriesView open;
  ASSERT_TRUE(open.Parse(Requests(message)[0].body));
  EXPECT_EQ(open.name_space(), "shop");
  EXPECT_EQ(open.writer(), "worker 3");
  EXPECT_TRUE(open.slot());
  EXPECT_EQ(open.group(), 4711U);
  ASSERT_EQ(open.families(), 2U);
  EXPECT_EQ(open.series(), 3U);

  const LaneFamilyView latency = open.NextFamily();
  EXPECT_EQ(latency.name(), "latency_seconds");
  EXPECT_EQ(latency.help(), "How long it took.");
  EXPECT_EQ(latency.unit(), "seconds");
  EXPECT_THAT(All(latency.labels()), ElementsAre("method", "path"));
  ASSERT_EQ(latency.head().bounds, 3U);
  EXPECT_EQ(latency.bound(2), 2.5);
  EXPECT_EQ(latency.head().type, 3U);
  EXPECT_EQ(latency.head().most_series, 500U);
  EXPECT_EQ(latency.head().ttl_seconds, 60U);
  ASSERT_EQ(latency.head().series, 2U);
  EXPECT_THAT(All(open.NextSeries(latency)), ElementsAre("GET", "/"));
  EXPECT_THAT(All(open.NextSeries(latency)), ElementsAre("", "/caf\u00e9"));

  const LaneFamilyView alive = open.NextFamily();
  EXPECT_EQ(alive.name(), "alive");
  EXPECT_EQ(alive.head().fold, 3U);
  EXPECT_EQ(alive.head().live_only, 1U);
  EXPECT_EQ(open.NextSeries(alive).left(), 0U);
}

TEST(LaneMetricsCodecTest, TheOtherRequestsAreReadAsTheyWereAsked) {
  const std::vector<std::byte> message = OneOfEach();
  const std::vector<LaneRequest> requests = Requests(message);
  ASSERT_EQ(requests.size(), 10U);
  LaneRemoveSeriesView remove;
  ASSERT_TRUE(remove.Parse(requests[1].body));
  EXPECT_EQ(remove.name_space(), "shop");
  EXPECT_EQ(remove.family(), "latency_seconds");
  EXPECT_THAT(All(remove.values()), ElementsAre("GET", "/"));
  EXPECT_EQ(remove.head().removal, 1U);
  ASSERT_TRUE(remove.Parse(requests[2].body));
  EXPECT_EQ(remove.head().all, 1U);
  EXPECT_EQ(LaneLoad<LaneCloseWriter>(requests[3].body, 0).writer, 77U);

  LaneListFamiliesView list;
  ASSERT_TRUE(list.Parse(requests[4].body));
  EXPECT_EQ(list.head().from, 12U);
  EXPECT_EQ(list.head().all, 1U);
  ASSERT_TRUE(list.Parse(requests[5].body));
  EXPECT_EQ(list.name_space(), "shop");
  LaneReadSeriesView read;
  ASSERT_TRUE(read.Parse(requests[6].body));
  EXPECT_EQ(read.head().from.writer, 3U);
  EXPECT_EQ(read.head().family, 9U);
  LaneResetNamespaceView reset;
  ASSERT_TRUE(reset.Parse(requests[7].body));
  EXPECT_EQ(reset.head().if_generation, 4U);
  EXPECT_EQ(reset.name_space(), "shop");
  LaneWatchSeriesView watch;
  ASSERT_TRUE(watch.Parse(requests[8].body));
  EXPECT_EQ(watch.head().after, kLaneWatchAnew);
  EXPECT_EQ(watch.head().all, 1U);
  ASSERT_TRUE(watch.Parse(requests[9].body));
  EXPECT_EQ(watch.head().after, 41U);
  EXPECT_EQ(watch.name_space(), "shop");
}

TEST(LaneMetricsCodecTest, AMessageCutAnywhereButBetweenRecordsIsMalformed) {
  const std::vector<std::byte> message = OneOfEach();
  std::size_t whole = 0;
  for (std::size_t bytes = 0; bytes < message.size(); ++bytes) {
    const std::vector<std::byte> part = Copy(LaneBytes(message).first(bytes));
    if (LaneCountRequests(part) > 0) ++whole;
  }
  EXPECT_EQ(whole, 9U);
}

TEST(LaneMetricsCodecTest, EveryChangedByteIsReadWithinTheMessage) {
  const std::vector<std::byte> good = OneOfEach();
  std::size_t refused = 0;
  for (std::size_t at = 0; at < good.size(); ++at) {
    for (const unsigned value : {0x00U, 0x01U, 0x7fU, 0x80U, 0xffU}) {
      std::vector<std::byte> message = good;
      message[at] = static_cast<std::byte>(value);
      if (LaneCountRequests(message) == 0) {
        ++refused;
        continue;
      }
      // What is well-formed can be walked to its end.
      for (const LaneRequest& request : Requests(message)) {
        LaneOpenSeriesView open;
        if (request.kind != LaneKind::kOpenSeries || !open.Parse(request.body)) continue;
        for (std::uint32_t i = 0; i < open.families(); ++i) {
          const LaneFamilyView family = open.NextFamily();
          for (std::uint32_t j = 0; j < family.head().series; ++j) {
            EXPECT_EQ(All(open.NextSeries(family)).size(), family.head().labels);
          }
        }
      }
    }
  }
  EXPECT_GT(refused, good.size());
}

TEST(LaneMetricsCodecTest, AFullOpeningAndItsAnswerFitIntoAMessage) {
  const auto memory = std::make_unique<Message>();
  const auto scratch = std::make_unique<Message>();
  LaneOpenSeriesBody open(*scratch);
  ASSERT_TRUE(open.Begin(""));
  ASSERT_TRUE(open.Family(Latency()));
  const Texts values{"GET", "/a/path/of/a/usual/length"};
  while (open.Series(values)) {
  }
  EXPECT_EQ(open.series(), kLaneMostSeries);
  LaneRequestWriter writer(*memory);
  ASSERT_TRUE(writer.OpenSeries(1, open.body()));
  const std::vector<LaneRequest> requests = Requests(writer.message());
  ASSERT_EQ(requests.size(), 1U);
  const std::size_t room = LaneAnswerRoom(requests[0]);
  EXPECT_LE(room, kLaneMessageBytes);

  LaneOpenedBody opened(*scratch);
  std::vector<std::string> texts;
  for (std::uint32_t i = 0; i < kLaneMostSeries; ++i) {
    texts.push_back(std::string(300, 'x') + std::to_string(i));
  }
  for (const std::string& text : texts) {
    opened.Refused(9, {.reason = std::string_view(text).substr(0, 60), .text = text});
  }
  const LaneBytes body = opened.Finish(3, 0, kLaneNoSlot);
  LaneAnswerWriter answers(*memory);
  ASSERT_TRUE(answers.OpenSeries(1, body));
  EXPECT_LE(answers.message().size(), room);
}

TEST(LaneMetricsCodecTest, AnOpeningThatIsFullTakesNothingMoreAndCanBeSent) {
  std::array<std::byte, 256> little;
  LaneOpenSeriesBody open(little);
  ASSERT_TRUE(open.Begin("shop"));
  ASSERT_TRUE(open.Family(Latency()));
  const Texts values{"GET", "/some/where"};
  std::uint32_t written = 0;
  while (open.Series(values)) ++written;
  EXPECT_GT(written, 0U);
  EXPECT_FALSE(open.Family(Latency()));
  LaneOpenSeriesView view;
  ASSERT_TRUE(view.Parse(open.body()));
  EXPECT_EQ(view.series(), written);
}

TEST(LaneMetricsCodecTest, WhatWasOpenedIsRead) {
  const auto scratch = std::make_unique<Message>();
  LaneOpenedBody body(*scratch);
  body.Opened({.family = 5,
               .series = 6,
               .pointer = 4096,
               .created_ns = 1'700'000'000'000'000'000,
               .code = 0,
               .error = kLaneNoError,
               .buckets = 4,
               .cells = static_cast<std::uint8_t>(LaneCells::kHistogram),
               .flags = kLaneSeriesMade});
  body.Refused(9, {.reason = "FAMILY_DIFFERS", .text = "it is another"});
  body.Refused(9, {.reason = "FAMILY_DIFFERS", .text = "it is another"});
  body.Refused(3, {.reason = "BAD_LABEL", .text = "no UTF-8"});
  const LaneBytes bytes = body.Finish(2, 11, 1);

  LaneOpenedView view;
  ASSERT_TRUE(view.Parse(bytes));
  EXPECT_EQ(view.head().generation, 2U);
  EXPECT_EQ(view.head().writer, 11U);
  EXPECT_EQ(view.head().slot, 1U);
  ASSERT_EQ(view.head().series, 4U);
  EXPECT_EQ(view.series(0).pointer, 4096U);
  EXPECT_EQ(view.series(0).flags, kLaneSeriesMade);
  EXPECT_EQ(view.head().errors, 2U);
  EXPECT_EQ(view.series(2).code, 9U);
  EXPECT_EQ(view.error(view.series(2).error).reason, "FAMILY_DIFFERS");
  EXPECT_EQ(view.error(view.series(3).error).text, "no UTF-8");
}

TEST(LaneMetricsCodecTest, PagesAreReadAsTheyWereWritten) {
  const auto scratch = std::make_unique<Message>();
  LaneFamiliesBody families(*scratch);
  ASSERT_TRUE(families.Family({.family = 3, .generation = 1}, "shop", Latency(), 20));
  ASSERT_TRUE(families.Family({.family = 4, .generation = 1}, "shop", Alive(), 1));
  LaneFamiliesView list;
  ASSERT_TRUE(list.Parse(families.Finish(5, 99)));
  EXPECT_EQ(list.head().next, 5U);
  EXPECT_EQ(list.head().revision, 99U);
  ASSERT_EQ(list.head().families, 2U);
  const LaneFamiliesView::Family first = list.Next();
  EXPECT_EQ(first.name_space, "shop");
  EXPECT_EQ(first.shape.head().series, 20U);
  EXPECT_EQ(list.Next().shape.name(), "alive");

  LaneSeriesPageBody page(*scratch);
  const std::string values("\3\0GET\1\0/", 8);
  const std::array<CountSum, 2> baseline{{{.count = 0, .sum = 1.5}, {.count = 7, .sum = 2.5}}};
  ASSERT_TRUE(
      page.Series({.family = 3, .series = 8, .pointer = 64, .labels = 2}, values, baseline));
  ASSERT_TRUE(page.Series({.family = 4, .series = 9}, {}, {}));
  ASSERT_TRUE(page.Writer({.writer = 0, .cell = {.value = 4, .timestamp = 5}}, {}));
  ASSERT_TRUE(page.Writer({.writer = 12, .pointer = 8192}, "4711"));
  LaneSeriesPageView view;
  ASSERT_TRUE(view.Parse(page.Finish(1, 99, {.family = 4, .series = 9, .writer = 13})));
  EXPECT_EQ(view.head().more, 1U);
  EXPECT_EQ(view.head().next.writer, 13U);
  ASSERT_EQ(view.head().series, 2U);
  const LaneSeriesPageView::Series counted = view.NextSeries();
  EXPECT_THAT(All(counted.values), ElementsAre("GET", "/"));
  EXPECT_EQ(counted.base(1).count, 7U);
  const LaneSeriesPageView::Series set = view.NextSeries();
  EXPECT_EQ(set.base(0).sum, 0.0);
  ASSERT_EQ(set.head.writers, 2U);
  EXPECT_EQ(view.NextWriter().head.cell.value, 4.0);
  EXPECT_EQ(view.NextWriter().label, "4711");
}

TEST(LaneMetricsCodecTest, APageTakesNoMoreThanItsBytes) {
  const auto scratch = std::make_unique<Message>();
  LaneSeriesPageBody page(*scratch);
  ASSERT_TRUE(page.Series({.family = 1, .series = 1}, {}, {}));
  std::uint32_t writers = 0;
  while (page.Writer({.writer = writers + 1, .pointer = 64}, "a label of some length")) ++writers;
  const LaneBytes bytes = page.Finish(1, 1, {.family = 1, .series = 1, .writer = writers + 1});
  EXPECT_LE(bytes.size(), kLanePageBytes);
  LaneSeriesPageView view;
  ASSERT_TRUE(view.Parse(bytes));
  EXPECT_EQ(view.NextSeries().head.writers, writers);
}

TEST(LaneMetricsCodecTest, ChangesAreReadAsTheyWereTold) {
  const auto scratch = std::make_unique<Message>();
  LaneChangesBody body(*scratch);
  for (std::uint64_t i = 1; i <= kLaneMostChanges; ++i) {
    body.Change({.name_space = 1, .family = 2, .series = i, .gone = i % 2 == 0});
  }
  const LaneBytes bytes = body.Finish(77, false, true);
  EXPECT_LE(bytes.size(), kLanePageBytes);
  LaneChangesView view;
  ASSERT_TRUE(view.Parse(bytes));
  EXPECT_EQ(view.head().revision, 77U);
  EXPECT_EQ(view.head().more, 1U);
  EXPECT_EQ(view.head().resync, 0U);
  ASSERT_EQ(view.head().changes, kLaneMostChanges);
  EXPECT_EQ(view.change(1).series, 2U);
  EXPECT_EQ(view.change(1).gone, 1U);
  EXPECT_EQ(view.change(kLaneMostChanges - 1).series, kLaneMostChanges);
  EXPECT_FALSE(view.Parse(bytes.first(bytes.size() - 8)));
}

TEST(LaneMetricsCodecTest, EveryChangedByteOfAnAnswerIsReadWithinIt) {
  const auto scratch = std::make_unique<Message>();
  const auto memory = std::make_unique<Message>();
  LaneAnswerWriter answers(*memory);
  LaneOpenedBody opened(*scratch);
  opened.Opened({.family = 1, .series = 2, .pointer = 64, .error = kLaneNoError});
  opened.Refused(9, {.reason = "FAMILY_DIFFERS", .text = "it is another"});
  ASSERT_TRUE(answers.OpenSeries(1, opened.Finish(1, 0, kLaneNoSlot)));
  LaneFamiliesBody families(*scratch);
  ASSERT_TRUE(families.Family({.family = 3}, "shop", Latency(), 20));
  ASSERT_TRUE(answers.ListFamilies(2, families.Finish(0, 1)));
  LaneSeriesPageBody page(*scratch);
  ASSERT_TRUE(page.Series({.family = 4, .series = 9}, {}, {}));
  ASSERT_TRUE(page.Writer({.writer = 12, .pointer = 8192}, "4711"));
  ASSERT_TRUE(answers.ReadSeries(3, page.Finish(1, 1)));
  LaneChangesBody changes(*scratch);
  changes.Change({.name_space = 1, .family = 4, .series = 9, .gone = 1});
  ASSERT_TRUE(answers.WatchSeries(4, changes.Finish(12, false, true)));
  const std::vector<std::byte> good = Copy(answers.message());
  std::size_t refused = 0;
  for (std::size_t at = 0; at < good.size(); ++at) {
    for (const unsigned value : {0x01U, 0x7fU, 0xffU}) {
      std::vector<std::byte> message = good;
      message[at] = static_cast<std::byte>(value);
      LaneAnswerReader reader(message);
      LaneAnswer answer;
      LaneNext next{};
      while ((next = reader.Next(answer)) == LaneNext::kRecord) {
      }
      refused += next == LaneNext::kMalformed ? 1 : 0;
    }
  }
  EXPECT_GT(refused, good.size() / 2);
}

}  // namespace
}  // namespace percpud::abi::v1

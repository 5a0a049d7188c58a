// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "client/exposition/writer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "client/exposition/labels.h"

namespace percpud::exposition {
namespace {

using namespace std::string_view_literals;

// What `write` makes of a format.
template <typename Write>
std::string Written(Format format, Write write) {
  Text out;
  Writer writer(out, format);
  write(writer);
  EXPECT_TRUE(out.ok());
  return std::string(out.view());
}

constexpr std::array kBounds = {"0.5"sv, "1.0"sv};
constexpr std::array<std::uint64_t, 3> kCumulative = {1, 3, 4};
constexpr HistogramSample kHistogram = {
    .bounds = kBounds, .cumulative = kCumulative, .sum = 5.25, .has_negative_bound = false};

void WriteHits(Writer& writer) {
  writer.Family(
      {.name = "hits", .help = "What was hit.", .unit = "", .type = FamilyType::kCounter});
  writer.Counter(R"(code="200")", std::uint64_t{12});
  writer.Counter(R"(code="500")", 0.5);
  writer.End();
}

TEST(WriterTest, ACounterInText) {
  EXPECT_EQ(Written(Format::kText, WriteHits),
            "# HELP hits_total What was hit.\n"
            "# TYPE hits_total counter\n"
            "hits_total{code=\"200\"} 12\n"
            "hits_total{code=\"500\"} 0.5\n");
}

TEST(WriterTest, ACounterInOpenMetrics) {
  EXPECT_EQ(Written(Format::kOpenMetrics, WriteHits),
            "# HELP hits What was hit.\n"
            "# TYPE hits counter\n"
            "hits_total{code=\"200\"} 12\n"
            "hits_total{code=\"500\"} 0.5\n"
            "# EOF\n");
}

TEST(WriterTest, ACounterThatIsCalledTotal) {
  EXPECT_EQ(Written(Format::kOpenMetrics,
                    [](Writer& writer) {
                      writer.Family({.name = "hits_total"});
                      writer.Counter("", std::uint64_t{1});
                    }),
            "# TYPE hits counter\nhits_total 1\n");
}

TEST(WriterTest, AUnitIsSaidWhereTheNameEndsWithIt) {
  const auto with_unit = [](std::string_view name, std::string_view unit) {
    return Written(Format::kOpenMetrics, [&](Writer& writer) {
      writer.Family({.name = name, .help = "", .unit = unit, .type = FamilyType::kGauge});
    });
  };
  EXPECT_EQ(with_unit("age_seconds", "seconds"),
            "# TYPE age_seconds gauge\n# UNIT age_seconds seconds\n");
  EXPECT_EQ(with_unit("age", "seconds"), "# TYPE age gauge\n");
  EXPECT_EQ(with_unit("xseconds", "seconds"), "# TYPE xseconds gauge\n");
  EXPECT_EQ(with_unit("seconds", "seconds"), "# TYPE seconds gauge\n");
}

TEST(WriterTest, AHistogram) {
  EXPECT_EQ(Written(Format::kOpenMetrics,
                    [](Writer& writer) {
                      writer.Family({.name = "t", .type = FamilyType::kHistogram});
                      writer.Histogram("", kHistogram);
                      writer.Histogram("a=\"b\"", kHistogram);
                    }),
            "# TYPE t histogram\n"
            "t_bucket{le=\"0.5\"} 1\n"
            "t_bucket{le=\"1.0\"} 3\n"
            "t_bucket{le=\"+Inf\"} 4\n"
            "t_count 4\n"
            "t_sum 5.25\n"
            "t_bucket{a=\"b\",le=\"0.5\"} 1\n"
            "t_bucket{a=\"b\",le=\"1.0\"} 3\n"
            "t_bucket{a=\"b\",le=\"+Inf\"} 4\n"
            "t_count{a=\"b\"} 4\n"
            "t_sum{a=\"b\"} 5.25\n");
}

// OpenMetrics has no sum that can fall.
TEST(WriterTest, AHistogramThatMayHaveNoSum) {
  HistogramSample negative = kHistogram;
  negative.sum = -1;
  HistogramSample below_zero = kHistogram;
  below_zero.has_negative_bound = true;
  for (const HistogramSample& sample : {negative, below_zero}) {
    const auto write = [&](Writer& writer) {
      writer.Family({.name = "t", .type = FamilyType::kHistogram});
      writer.Histogram("", sample);
    };
    EXPECT_THAT(Written(Format::kOpenMetrics, write), ::testing::Not(::testing::HasSubstr("_sum")));
    EXPECT_THAT(Written(Format::kOpenMetrics, write),
                ::testing::Not(::testing::HasSubstr("_count")));
    EXPECT_THAT(Written(Format::kText, write), ::testing::HasSubstr("t_sum "));
  }
}

TEST(WriterTest, ASummaryAndWhenItBegan) {
  const auto write = [](Writer& writer) {
    writer.Family({.name = "t", .type = FamilyType::kSummary});
    writer.Summary("", 3, 0.75);
    writer.Created("", 1'500'000'000);
  };
  EXPECT_EQ(Written(Format::kOpenMetrics, write),
            "# TYPE t summary\nt_count 3\nt_sum 0.75\nt_created 1.5\n");
  EXPECT_EQ(Written(Format::kText, write), "# TYPE t summary\nt_count 3\nt_sum 0.75\n");
}

TEST(WriterTest, WhatNoCounterCanBeIsLeftOutOfOpenMetrics) {
  const auto write = [](Writer& writer) {
    writer.Family({.name = "t"});
    writer.Counter("a=\"1\"", -1.0);
    writer.Counter("a=\"2\"", std::nan(""));
  };
  EXPECT_EQ(Written(Format::kOpenMetrics, write), "# TYPE t counter\n");
  EXPECT_EQ(Written(Format::kText, write),
            "# TYPE t_total counter\nt_total{a=\"1\"} -1\nt_total{a=\"2\"} NaN\n");
}

TEST(WriterTest, HelpAndLabelsAreEscaped) {
  Text labels;
  AppendLabel(labels, 0, "path", "C:\\a\n\"b\"");
  AppendLabel(labels, 0, "empty", "");
  EXPECT_EQ(labels.view(), R"(path="C:\\a\n\"b\"",empty="")");
  const auto write = [](Writer& writer) {
    writer.Family({.name = "g", .help = "a\\b\n\"c\"", .unit = "", .type = FamilyType::kGauge});
  };
  EXPECT_EQ(Written(Format::kText, write), "# HELP g a\\\\b\\n\"c\"\n# TYPE g gauge\n");
  EXPECT_EQ(Written(Format::kOpenMetrics, write), "# HELP g a\\\\b\\n\\\"c\\\"\n# TYPE g gauge\n");
}

TEST(WriterTest, FormatsSayTheirVersions) {
  EXPECT_STREQ(ContentType(Format::kText), "text/plain; version=0.0.4; charset=utf-8");
  EXPECT_STREQ(ContentType(Format::kOpenMetrics),
               "application/openmetrics-text; version=1.0.0; charset=utf-8");
}

TEST(TextTest, GrowsAndMoves) {
  Text text;
  for (int i = 0; i < 1000; ++i) text.Append("0123456789");
  EXPECT_EQ(text.size(), 10'000U);
  text.Truncate(5);
  Text moved = std::move(text);
  EXPECT_EQ(moved.view(), "01234");
  EXPECT_EQ(moved.Append("xyz").view(), "01234xyz");
}

TEST(TextTest, SaysWhenMemoryIsShort) {
  Text text;
  text.Append("before");
  EXPECT_EQ(text.Room(SIZE_MAX / 2), nullptr);
  EXPECT_FALSE(text.ok());
  text.Append("after");
  EXPECT_EQ(text.view(), "before");
}

}  // namespace
}  // namespace percpud::exposition

// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/metrics/rules.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "server/base/error_reason.h"
#include "server/base/limits.h"

namespace percpud::metrics {
namespace {

std::string ReasonOf(const absl::Status& status) { return std::string(errors::ReasonOf(status)); }

Shape Counter(std::string name) { return {.name = std::move(name), .labels = {"method"}}; }

Shape Histogram(std::vector<double> bounds) {
  return {.name = "latency_seconds",
          .bounds = std::move(bounds),
          .type = FamilyType::kHistogram,
          .cells = Cells::kHistogram};
}

std::string Encode(const std::vector<std::string>& values) {
  std::string out;
  for (const std::string& value : values) AppendValue(value, out);
  return out;
}

TEST(RulesTest, NamesArePrometheusNames) {
  for (const char* good : {"a", "_a", ":a", "http_requests_total", "A9:_"}) {
    EXPECT_TRUE(CheckShape(Counter(good)).ok()) << good;
  }
  for (const char* bad : {"", "9a", "a b", "a-b", "a.b", "caf\u00e9", "a\n"}) {
    EXPECT_EQ(ReasonOf(CheckShape(Counter(bad))), "BAD_FAMILY_NAME") << bad;
  }
  EXPECT_TRUE(CheckShape(Counter(std::string(kMaxFamilyName, 'a'))).ok());
  EXPECT_EQ(ReasonOf(CheckShape(Counter(std::string(kMaxFamilyName + 1, 'a')))), "BAD_FAMILY_NAME");
}

TEST(RulesTest, TheDaemonsOwnNamesAreKept) {
  EXPECT_EQ(ReasonOf(CheckShape(Counter("percpud_up"))), "FAMILY_NAME_RESERVED");
  EXPECT_EQ(ReasonOf(CheckShape(Counter("process_cpu_seconds_total"))), "FAMILY_NAME_RESERVED");
  EXPECT_TRUE(CheckShape(Counter("processes")).ok());
}

TEST(RulesTest, LabelsAreNamesOnceEach) {
  const auto check = [](std::vector<std::string> labels) {
    Shape shape = Counter("hits");
    shape.labels = std::move(labels);
    return ReasonOf(CheckShape(shape));
  };
  EXPECT_EQ(check({"a", "_b", "c9"}), "");
  EXPECT_EQ(check({"a", "a"}), "BAD_LABEL_NAME");
  EXPECT_EQ(check({"a:b"}), "BAD_LABEL_NAME");
  EXPECT_EQ(check({"__name__"}), "BAD_LABEL_NAME");
  EXPECT_EQ(check({""}), "BAD_LABEL_NAME");
  EXPECT_EQ(check({std::string(kMaxLabelName + 1, 'a')}), "BAD_LABEL_NAME");
  std::vector<std::string> many;
  for (std::size_t i = 0; i <= kMaxLabels; ++i) many.push_back("l" + std::to_string(i));
  EXPECT_EQ(check(many), "TOO_MANY_LABELS");
}

TEST(RulesTest, TheLabelsOfSamplesAreKeptForThem) {
  Shape histogram = Histogram({1});
  histogram.labels = {"le"};
  EXPECT_EQ(ReasonOf(CheckShape(histogram)), "BAD_LABEL_NAME");
  Shape summary{
      .name = "s", .labels = {"quantile"}, .type = FamilyType::kSummary, .cells = Cells::kSummary};
  EXPECT_EQ(ReasonOf(CheckShape(summary)), "BAD_LABEL_NAME");
  Shape gauge{.name = "g",
              .labels = {"pid"},
              .type = FamilyType::kGauge,
              .cells = Cells::kWriter,
              .mode = {.fold = cells::GaugeFold::kAll}};
  EXPECT_EQ(ReasonOf(CheckShape(gauge)), "BAD_LABEL_NAME");
  gauge.mode.fold = cells::GaugeFold::kMax;
  EXPECT_TRUE(CheckShape(gauge).ok());
}

TEST(RulesTest, BoundsAreFiniteAndRise) {
  const double infinity = std::numeric_limits<double>::infinity();
  EXPECT_TRUE(CheckShape(Histogram({})).ok());
  EXPECT_TRUE(CheckShape(Histogram({-1, 0, 2.5})).ok());
  EXPECT_EQ(ReasonOf(CheckShape(Histogram({1, 1}))), "BAD_BOUNDS");
  EXPECT_EQ(ReasonOf(CheckShape(Histogram({1, infinity}))), "BAD_BOUNDS");
  EXPECT_EQ(ReasonOf(CheckShape(Histogram({std::nan("")}))), "BAD_BOUNDS");
  std::vector<double> many;
  for (std::size_t i = 0; i < cells::kMostBuckets; ++i) many.push_back(static_cast<double>(i));
  EXPECT_EQ(ReasonOf(CheckShape(Histogram(many))), "BAD_BOUNDS");
  many.pop_back();
  EXPECT_TRUE(CheckShape(Histogram(many)).ok());
  Shape counter = Counter("hits");
  counter.bounds = {1};
  EXPECT_EQ(ReasonOf(CheckShape(counter)), "BAD_BOUNDS");
}

TEST(RulesTest, ATypeHasCellsOfItsOwn) {
  for (int number = 0; number < 9; ++number) {
    for (int type = 0; type < 6; ++type) {
      const Shape shape{
          .name = "x", .type = static_cast<FamilyType>(type), .cells = static_cast<Cells>(number)};
      const bool simple = type == 1 || type == 2;
      const bool fits = simple ? (number == 1 || number == 2 || number == 5 || number == 6)
                               : (type == 3 && number == 3) || (type == 4 && number == 4);
      EXPECT_EQ(CheckShape(shape).ok(), fits) << type << " " << number;
    }
  }
}

TEST(RulesTest, TextsAreUtf8AndBounded) {
  Shape shape = Counter("hits");
  shape.help = "caf\u00e9\nof two lines";
  EXPECT_TRUE(CheckShape(shape).ok());
  shape.help = "\xff";
  EXPECT_EQ(ReasonOf(CheckShape(shape)), "BAD_TEXT");
  shape.help = std::string(kMaxHelp + 1, 'x');
  EXPECT_EQ(ReasonOf(CheckShape(shape)), "TEXT_OVER_LIMIT");
  shape.help.clear();
  shape.unit = "per cent";
  EXPECT_EQ(ReasonOf(CheckShape(shape)), "BAD_TEXT");
}

TEST(RulesTest, Utf8IsWhatTheStandardSays) {
  for (const char* good :
       {"", "a", "\u00e9", "\u20ac", "\U0001f600", "\u0080", "\xf4\x8f\xbf\xbf"}) {
    EXPECT_TRUE(IsUtf8(good)) << good;
  }
  for (const char* bad :
       {"\x80", "\xc0\x80", "\xc1\xbf", "\xc3", "\xe0\x9f\xbf", "\xed\xa0\x80", "\xf0\x8f\xbf\xbf",
        "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xe2\x82", "a\xff"}) {
    EXPECT_FALSE(IsUtf8(bad));
  }
}

TEST(RulesTest, ValuesAreOneForEachLabel) {
  Shape shape = Counter("hits");
  shape.labels = {"method", "path"};
  EXPECT_TRUE(CheckValues(shape, Encode({"GET", ""})).ok());
  EXPECT_EQ(ReasonOf(CheckValues(shape, Encode({"GET"}))), "LABEL_VALUES_MISMATCH");
  EXPECT_EQ(ReasonOf(CheckValues(shape, Encode({"a", "b", "c"}))), "LABEL_VALUES_MISMATCH");
  EXPECT_EQ(ReasonOf(CheckValues(shape, Encode({"a", "\xff"}))), "BAD_TEXT");
  const std::string most(kMaxLabelValue, 'x');
  EXPECT_TRUE(CheckValues(shape, Encode({most, most})).ok());
  EXPECT_EQ(ReasonOf(CheckValues(shape, Encode({most + "x", ""}))), "TEXT_OVER_LIMIT");
  shape.labels.emplace_back("third");
  EXPECT_EQ(ReasonOf(CheckValues(shape, Encode({most, most, "x"}))), "TEXT_OVER_LIMIT");
  // A length that leads beyond the end.
  EXPECT_EQ(ReasonOf(CheckValues(shape, std::string("\x7f\x00\x61", 3))), "LABEL_VALUES_MISMATCH");
}

TEST(RulesTest, ANamespaceIsAPathOrAName) {
  for (const char* good : {"shop", "/var/lib/shop", "caf\u00e9 9"}) {
    EXPECT_TRUE(CheckNamespace(good).ok()) << good;
    const auto back = UnescapeNamespace(EscapeNamespace(good));
    ASSERT_TRUE(back.ok()) << good;
    EXPECT_EQ(*back, good);
  }
  EXPECT_EQ(EscapeNamespace("/var/a b"), "%2fvar%2fa%20b");
  EXPECT_TRUE(CheckNamespace(std::string(kMaxNamespaceLength, 'x')).ok());
  for (const std::string& bad :
       {std::string(), std::string(kMaxNamespaceLength + 1, 'x'), std::string("a\nb"),
        std::string("\xff"), std::string("a\0b", 3)}) {
    EXPECT_EQ(ReasonOf(CheckNamespace(bad)), "BAD_NAMESPACE");
  }
  for (const char* bad : {"%", "%2", "%zz", "%00", "a%ff"}) {
    EXPECT_FALSE(UnescapeNamespace(bad).ok()) << bad;
  }
}

}  // namespace
}  // namespace percpud::metrics

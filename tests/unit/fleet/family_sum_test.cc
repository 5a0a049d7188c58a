// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/fleet/family_sum.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"

namespace percpud::fleet {
namespace {

namespace wire = percpud::v1;
using ::testing::HasSubstr;
using Pages = std::vector<wire::ReadFamilyResponse>;

wire::ReadFamilyResponse Page(wire::FamilyType type, wire::CellKind cells) {
  wire::ReadFamilyResponse out;
  out.mutable_shape()->set_name("hits");
  out.mutable_shape()->set_type(type);
  out.mutable_shape()->set_cells(cells);
  return out;
}

wire::ReadFamilyResponse Counter() {
  return Page(wire::FAMILY_TYPE_COUNTER, wire::CELL_KIND_INTEGER);
}

void AddCount(wire::ReadFamilyResponse& page, const std::string& label, std::uint64_t count) {
  if (!label.empty() && page.shape().label_names().empty()) {
    page.mutable_shape()->add_label_names("path");
  }
  wire::Series& series = *page.add_series();
  if (!label.empty()) series.add_label_values(label);
  series.add_cells()->set_count(count);
}

void AddWriter(wire::Series& series, double value, std::int64_t at, bool live = true) {
  wire::SeriesWriter& writer = *series.add_writers();
  writer.set_value(value);
  writer.set_live(live);
  if (at != 0) writer.mutable_set_time()->set_seconds(at);
}

v1::SumFamilyResponse Written(const FamilySum& sum) {
  v1::SumFamilyResponse out;
  sum.WriteTo(out);
  return out;
}

TEST(FamilySumTest, SeriesAreAddedUpByTheirLabels) {
  FamilySum sum(/*by_host=*/true);
  EXPECT_TRUE(sum.is_empty());
  wire::ReadFamilyResponse first = Counter();
  AddCount(first, "a", 1);
  wire::ReadFamilyResponse second = Counter();
  AddCount(second, "b", 2);
  ASSERT_TRUE(sum.Add("h1", {first, second}).ok());
  wire::ReadFamilyResponse other = Counter();
  AddCount(other, "b", 40);
  AddCount(other, "c", 3);
  ASSERT_TRUE(sum.Add("h2", {other}).ok());
  // It has no such family.
  ASSERT_TRUE(sum.Add("h3", {}).ok());
  const v1::SumFamilyResponse out = Written(sum);
  ASSERT_EQ(out.series_size(), 3);
  EXPECT_EQ(out.series(0).cells(0).count(), 1U);
  EXPECT_EQ(out.series(1).label_values(0), "b");
  EXPECT_EQ(out.series(1).cells(0).count(), 42U);
  ASSERT_EQ(out.series(1).by_host_size(), 2);
  EXPECT_EQ(out.series(1).by_host(1).host(), "h2");
  EXPECT_EQ(out.series(1).by_host(1).cells(0).count(), 40U);
  EXPECT_EQ(out.shape().name(), "hits");
}

TEST(FamilySumTest, AHistogramIsAddedUpBucketByBucket) {
  FamilySum sum(/*by_host=*/false);
  for (const std::uint64_t count : {1, 2}) {
    wire::ReadFamilyResponse page = Page(wire::FAMILY_TYPE_HISTOGRAM, wire::CELL_KIND_HISTOGRAM);
    page.mutable_shape()->add_bounds(0.5);
    wire::Series& series = *page.add_series();
    for (int i = 0; i < 3; ++i) {
      wire::CellSum& cell = *series.add_cells();
      cell.set_count(i == 0 ? 0 : count * 10 + i);
      cell.set_sum(0.25 * i);
    }
    ASSERT_TRUE(sum.Add(absl::StrCat("h", count), {page}).ok());
  }
  const v1::SumFamilyResponse out = Written(sum);
  ASSERT_EQ(out.series(0).cells_size(), 3);
  EXPECT_EQ(out.series(0).cells(1).count(), 32U);
  EXPECT_EQ(out.series(0).cells(2).count(), 34U);
  EXPECT_EQ(out.series(0).cells(2).sum(), 1);
  EXPECT_EQ(out.series(0).by_host_size(), 0);
}

TEST(FamilySumTest, GaugesOfWritersAreFoldedOverHosts) {
  struct Row {
    wire::GaugeFold fold;
    bool live_only;
    double expected;
  };
  const Row rows[] = {{wire::GAUGE_FOLD_MIN, false, -1},       {wire::GAUGE_FOLD_MAX, false, 9},
                      {wire::GAUGE_FOLD_SUM, false, 16},       {wire::GAUGE_FOLD_ALL, false, 16},
                      {wire::GAUGE_FOLD_SUM, true, 17},        {wire::GAUGE_FOLD_MIN, true, 3},
                      {wire::GAUGE_FOLD_MOST_RECENT, false, 5}};
  for (const Row& row : rows) {
    SCOPED_TRACE(absl::StrCat(row.fold, row.live_only));
    FamilySum sum(/*by_host=*/true);
    wire::ReadFamilyResponse first = Page(wire::FAMILY_TYPE_GAUGE, wire::CELL_KIND_WRITER);
    first.mutable_shape()->set_fold(row.fold);
    first.mutable_shape()->set_live_only(row.live_only);
    wire::ReadFamilyResponse rest = first;
    // One series whose writers go over two pages.
    AddWriter(*first.add_series(), 3, 100);
    AddWriter(*first.mutable_series(0), 1000, 0);
    AddWriter(*rest.add_series(), -1, 50, /*live=*/false);
    wire::ReadFamilyResponse other = rest;
    other.clear_series();
    AddWriter(*other.add_series(), 9, 100);
    AddWriter(*other.mutable_series(0), 5, 200);
    ASSERT_TRUE(sum.Add("h1", {first, rest}).ok());
    ASSERT_TRUE(sum.Add("h2", {other}).ok());
    const v1::SumFamilyResponse out = Written(sum);
    ASSERT_EQ(out.series_size(), 1);
    ASSERT_EQ(out.series(0).cells_size(), 1);
    EXPECT_EQ(out.series(0).cells(0).sum(), row.expected);
    EXPECT_EQ(out.series(0).by_host_size(), 2);
  }
}

TEST(FamilySumTest, AnotherShapeIsRefusedWithBothHosts) {
  FamilySum sum(/*by_host=*/false);
  wire::ReadFamilyResponse page = Counter();
  AddCount(page, "", 1);
  ASSERT_TRUE(sum.Add("h1", {page}).ok());
  wire::ReadFamilyResponse other = page;
  other.mutable_shape()->set_type(wire::FAMILY_TYPE_GAUGE);
  const absl::Status refused = sum.Add("h2", {other});
  EXPECT_TRUE(absl::IsFailedPrecondition(refused)) << refused;
  EXPECT_THAT(refused.message(), HasSubstr("h2 than on h1: type"));
  EXPECT_EQ(Written(sum).series(0).cells(0).count(), 1U);
  // Help is for people.
  other = page;
  other.mutable_shape()->set_help("another");
  EXPECT_TRUE(sum.Add("h2", {other}).ok());
}

TEST(FamilySumTest, DifferencesAreNamed) {
  const wire::FamilyShape a = Counter().shape();
  wire::FamilyShape b = a;
  EXPECT_EQ(DifferenceOf(a, b), "");
  b.set_unit("seconds");
  EXPECT_EQ(DifferenceOf(a, b), "unit");
  b.set_live_only(true);
  EXPECT_EQ(DifferenceOf(a, b), "fold");
  b.add_bounds(1);
  EXPECT_EQ(DifferenceOf(a, b), "bounds");
  b.add_label_names("x");
  EXPECT_EQ(DifferenceOf(a, b), "label_names");
  b.set_cells(wire::CELL_KIND_DOUBLE);
  EXPECT_EQ(DifferenceOf(a, b), "cells");
}

TEST(FamilySumTest, TooManySeriesAreRefused) {
  FamilySum sum(/*by_host=*/false);
  wire::ReadFamilyResponse page = Counter();
  for (std::size_t i = 0; i < FamilySum::kMostSeries; ++i) AddCount(page, absl::StrCat(i), 1);
  ASSERT_TRUE(sum.Add("h1", {page}).ok());
  ASSERT_TRUE(sum.Add("h2", {page}).ok());
  AddCount(page, "more", 1);
  const absl::Status refused = sum.Add("h3", {page});
  EXPECT_TRUE(absl::IsResourceExhausted(refused)) << refused;
  EXPECT_THAT(refused.message(), HasSubstr("10000"));
  EXPECT_EQ(Written(sum).series(0).cells(0).count(), 2U);
}

TEST(FamilySumTest, WhatIsNoSuchFamilyIsRefusedAndLeavesNothing) {
  const auto refused = [](const wire::ReadFamilyResponse& bad) {
    FamilySum sum(/*by_host=*/false);
    absl::Status status = sum.Add("h1", {bad});
    EXPECT_TRUE(sum.is_empty());
    // The next host says what the family is.
    wire::ReadFamilyResponse good = Counter();
    AddCount(good, "", 1);
    EXPECT_TRUE(sum.Add("h2", {good}).ok());
    return status;
  };
  wire::ReadFamilyResponse page = Counter();
  page.add_series();
  EXPECT_TRUE(absl::IsDataLoss(refused(page))) << "no cell";
  AddCount(page, "", 1);
  page.mutable_series(1)->add_cells();
  page.mutable_series()->DeleteSubrange(0, 1);
  EXPECT_TRUE(absl::IsDataLoss(refused(page))) << "two cells";
  page = Counter();
  AddCount(page, "a", 1);
  page.mutable_series(0)->add_label_values("b");
  const absl::Status labels = refused(page);
  EXPECT_TRUE(absl::IsDataLoss(labels)) << labels;
  EXPECT_THAT(labels.message(), HasSubstr("has 2 label values"));
  page = Page(wire::FAMILY_TYPE_HISTOGRAM, wire::CELL_KIND_HISTOGRAM);
  page.mutable_shape()->mutable_bounds()->Resize(100'000, 1);
  page.add_series()->add_cells();
  EXPECT_TRUE(absl::IsDataLoss(refused(page))) << "more bounds than there may be";
}

TEST(FamilySumTest, AHostWhosePagesDifferIsRefused) {
  FamilySum sum(/*by_host=*/false);
  wire::ReadFamilyResponse first = Counter();
  AddCount(first, "", 1);
  wire::ReadFamilyResponse second = first;
  second.mutable_shape()->set_unit("bytes");
  const absl::Status refused = sum.Add("h1", {first, second});
  EXPECT_TRUE(absl::IsFailedPrecondition(refused)) << refused;
  EXPECT_TRUE(sum.is_empty());
  EXPECT_TRUE(sum.Add("h2", {second}).ok());
}

TEST(FamilySumTest, CellsOfAllHostsHaveALimit) {
  wire::ReadFamilyResponse page = Page(wire::FAMILY_TYPE_HISTOGRAM, wire::CELL_KIND_HISTOGRAM);
  page.mutable_shape()->add_label_names("path");
  constexpr int kCells = 100;
  page.mutable_shape()->mutable_bounds()->Resize(kCells - 2, 1);
  for (int i = 0; i < 1000; ++i) {
    wire::Series& series = *page.add_series();
    series.add_label_values(absl::StrCat(i));
    for (int cell = 0; cell < kCells; ++cell) series.add_cells()->set_count(1);
  }
  FamilySum by_host(/*by_host=*/true);
  ASSERT_TRUE(by_host.Add("h1", {page}).ok());
  const absl::Status refused = by_host.Add("h2", {page});
  EXPECT_TRUE(absl::IsResourceExhausted(refused)) << refused;
  EXPECT_THAT(refused.message(), HasSubstr("by_host: "));
  EXPECT_EQ(Written(by_host).series(0).by_host_size(), 1);
  FamilySum sum(/*by_host=*/false);
  for (int i = 0; i < 5; ++i) EXPECT_TRUE(sum.Add(absl::StrCat("h", i), {page}).ok());
}

}  // namespace
}  // namespace percpud::fleet

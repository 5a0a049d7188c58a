// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/cells/histogram.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <random>
#include <vector>

#include "server/cells/bucket.h"

namespace percpud::cells {
namespace {

using ::testing::ElementsAre;

TEST(HistogramTest, CountsAddUpAndTheFirstCellHasASumOnly) {
  const std::vector<CountSum> cells = {{.count = 99, .sum = 0.5},
                                       {.count = 2, .sum = 1},
                                       {.count = 0, .sum = 0},
                                       {.count = 3, .sum = 30}};
  std::vector<std::uint64_t> buckets(3);
  const CountSum total = Accumulate(cells, buckets);
  EXPECT_THAT(buckets, ElementsAre(2, 2, 5));
  EXPECT_EQ(total.count, 5U);
  EXPECT_EQ(total.sum, 31.5);
}

TEST(HistogramTest, ShowsWhatWasObserved) {
  const std::vector<double> bounds = {0.25, 0.5, 1, 2, 4};
  std::vector<CountSum> cells(HistogramCells(bounds.size()));
  std::vector<std::uint64_t> expected(bounds.size() + 1);
  std::mt19937_64 random(3);
  double sum = 0;
  for (int i = 0; i < 10'000; ++i) {
    // Quarters: exact in any order.
    const double value = static_cast<double>(random() % 24) / 4;
    CountSum& cell = cells[CellOfBucket(BucketOf(bounds, value))];
    cell = Plus(cell, {.count = 1, .sum = value});
    sum += value;
    for (std::size_t bucket = 0; bucket <= bounds.size(); ++bucket) {
      if (bucket == bounds.size() || value <= bounds[bucket]) ++expected[bucket];
    }
  }
  std::vector<std::uint64_t> buckets(bounds.size() + 1);
  const CountSum total = Accumulate(cells, buckets);
  EXPECT_EQ(buckets, expected);
  EXPECT_EQ(total.count, buckets.back());
  EXPECT_EQ(total.sum, sum);
}

}  // namespace
}  // namespace percpud::cells

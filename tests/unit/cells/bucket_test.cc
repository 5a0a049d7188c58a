// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/cells/bucket.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <random>
#include <vector>

#include "server/cells/layout.h"

namespace percpud::cells {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

// The definition, word by word: the first bound that is not below the value.
std::size_t FirstNotBelow(const std::vector<double>& bounds, double value) {
  std::size_t bucket = 0;
  while (bucket < bounds.size() && !(value <= bounds[bucket])) ++bucket;
  return bucket;
}

TEST(BucketTest, AValueOnABoundBelongsToTheBucketItCloses) {
  const std::vector<double> bounds = {0.5, 1, 2.5};
  EXPECT_EQ(BucketOf(bounds, 0.5), 0U);
  EXPECT_EQ(BucketOf(bounds, std::nextafter(0.5, 1)), 1U);
  EXPECT_EQ(BucketOf(bounds, 2.5), 2U);
  EXPECT_EQ(BucketOf(bounds, std::nextafter(2.5, 3)), 3U);
}

TEST(BucketTest, EndsAndOddValues) {
  const std::vector<double> bounds = {-1, 0, 1};
  EXPECT_EQ(BucketOf(bounds, -kInfinity), 0U);
  EXPECT_EQ(BucketOf(bounds, kInfinity), 3U);
  EXPECT_EQ(BucketOf(bounds, kNan), 3U);
  EXPECT_EQ(BucketOf(bounds, -0.0), 1U);
  EXPECT_EQ(BucketOf({}, 7), 0U);
}

TEST(BucketTest, AgreesWithASearchInOrder) {
  std::mt19937_64 random(1);
  std::uniform_real_distribution<double> any(-100, 100);
  for (std::size_t size = 0; size < kMostBuckets; ++size) {
    std::vector<double> bounds(size);
    for (double& bound : bounds) bound = any(random);
    std::sort(bounds.begin(), bounds.end());
    ASSERT_TRUE(AreBounds(bounds));
    for (const double bound : bounds) {
      ASSERT_EQ(BucketOf(bounds, bound), FirstNotBelow(bounds, bound));
    }
    for (int i = 0; i < 50; ++i) {
      const double value = any(random);
      ASSERT_EQ(BucketOf(bounds, value), FirstNotBelow(bounds, value)) << size << " " << value;
    }
  }
}

TEST(BucketTest, BoundsRiseAndAreFinite) {
  EXPECT_TRUE(AreBounds({}));
  EXPECT_TRUE(AreBounds(std::vector<double>{-1, 0, 1e300}));
  EXPECT_FALSE(AreBounds(std::vector<double>{1, 1}));
  EXPECT_FALSE(AreBounds(std::vector<double>{2, 1}));
  EXPECT_FALSE(AreBounds(std::vector<double>{1, kInfinity}));
  EXPECT_FALSE(AreBounds(std::vector<double>{-kInfinity, 1}));
  EXPECT_FALSE(AreBounds(std::vector<double>{kNan}));
  EXPECT_FALSE(AreBounds(std::vector<double>{1, kNan}));
}

TEST(SeriesLayoutTest, AHistogramHasACellForEachBucketAndOneMore) {
  EXPECT_EQ(SeriesBytes(CellKind::kInteger), 8U);
  EXPECT_EQ(SeriesBytes(CellKind::kDouble), 8U);
  EXPECT_EQ(SeriesBytes(CellKind::kSummary), 16U);
  // 14 bounds and +Inf, as Prometheus's clients have by default.
  EXPECT_EQ(SeriesBytes(CellKind::kHistogram, 14), 256U);
  EXPECT_EQ(SeriesBytes(CellKind::kHistogram, kMostBuckets - 1), 4096U);
  EXPECT_EQ(CellOfBucket(0), 1U);
  EXPECT_EQ(SeriesAlignment(CellKind::kHistogram), 16U);
  EXPECT_EQ(SeriesAlignment(CellKind::kSummary), 16U);
  EXPECT_EQ(SeriesAlignment(CellKind::kDouble), 8U);
}

}  // namespace
}  // namespace percpud::cells

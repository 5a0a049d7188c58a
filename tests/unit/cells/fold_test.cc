// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/cells/fold.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <numeric>
#include <random>
#include <vector>

namespace percpud::cells {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

constexpr GaugeMode Mode(GaugeFold fold, bool live_only = false) {
  return {.fold = fold, .live_only = live_only};
}

TEST(FoldTest, ACellThatNobodySetTakesNoPart) {
  for (const GaugeFold fold :
       {GaugeFold::kMin, GaugeFold::kMax, GaugeFold::kSum, GaugeFold::kMostRecent}) {
    const WriterCell cell{.value = -3, .timestamp = 5};
    EXPECT_EQ(Combine(fold, kUnset, cell).value, -3);
    EXPECT_EQ(Combine(fold, cell, kUnset).value, -3);
    EXPECT_FALSE(IsSet(FoldWriters(Mode(fold), kUnset, {})));
    // Zero is a value like any other.
    EXPECT_TRUE(IsSet(Combine(fold, kUnset, {.value = 0, .timestamp = 1})));
  }
}

TEST(FoldTest, NotANumberGivesWayToAnyNumber) {
  const WriterCell number{.value = 4, .timestamp = 1};
  const WriterCell none{.value = kNan, .timestamp = 2};
  for (const GaugeFold fold : {GaugeFold::kMin, GaugeFold::kMax}) {
    EXPECT_EQ(Combine(fold, number, none).value, 4);
    EXPECT_EQ(Combine(fold, none, number).value, 4);
    EXPECT_TRUE(std::isnan(Combine(fold, none, none).value));
  }
}

TEST(FoldTest, OfTwoSetAtOnceTheFirstStays) {
  const WriterCell a{.value = 1, .timestamp = 7};
  const WriterCell b{.value = 2, .timestamp = 7};
  EXPECT_EQ(Combine(GaugeFold::kMostRecent, a, b).value, 1);
  EXPECT_EQ(Combine(GaugeFold::kMostRecent, b, a).value, 2);
}

// Writers come, set and die in any order: what is shown is what a list of them says.
TEST(FoldTest, AgreesWithAListOfAllWriters) {
  std::mt19937_64 random(4);
  for (int round = 0; round < 2'000; ++round) {
    for (const GaugeFold fold :
         {GaugeFold::kMin, GaugeFold::kMax, GaugeFold::kSum, GaugeFold::kMostRecent}) {
      for (const bool live_only : {false, true}) {
        const GaugeMode mode = Mode(fold, live_only);
        std::vector<WriterCell> live;
        std::vector<WriterCell> counted;
        WriterCell dead = kUnset;
        const std::size_t writers = random() % 8;
        for (std::size_t i = 0; i < writers; ++i) {
          // Small whole numbers: exact in any order. No two are set at one time.
          const WriterCell cell{.value = static_cast<double>(random() % 100) - 50,
                                .timestamp = static_cast<double>((random() % 1000) * 8 + i + 1)};
          const bool dies = random() % 2 == 0;
          if (dies) dead = FoldDead(mode, dead, cell);
          if (!dies) live.push_back(cell);
          if (!dies || !live_only) counted.push_back(cell);
        }
        const WriterCell shown = FoldWriters(mode, dead, live);
        ASSERT_EQ(IsSet(shown), !counted.empty());
        if (counted.empty()) continue;
        const auto by_value = [](const WriterCell& a, const WriterCell& b) {
          return a.value < b.value;
        };
        const auto by_time = [](const WriterCell& a, const WriterCell& b) {
          return a.timestamp < b.timestamp;
        };
        const auto [least, most] = std::minmax_element(counted.begin(), counted.end(), by_value);
        const auto last = std::max_element(counted.begin(), counted.end(), by_time);
        const double sum = std::accumulate(
            counted.begin(), counted.end(), 0.0,
            [](double so_far, const WriterCell& cell) { return so_far + cell.value; });
        const double expected = fold == GaugeFold::kMin   ? least->value
                                : fold == GaugeFold::kMax ? most->value
                                : fold == GaugeFold::kSum ? sum
                                                          : last->value;
        ASSERT_EQ(shown.value, expected);
        ASSERT_EQ(shown.timestamp, last->timestamp);
      }
    }
  }
}

}  // namespace
}  // namespace percpud::cells

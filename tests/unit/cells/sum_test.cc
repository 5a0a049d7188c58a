// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/cells/sum.h"

#include <gtest/gtest.h>

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <random>
#include <type_traits>
#include <vector>

namespace percpud::cells {
namespace {

// A few units, apart by an odd number of lines, not in the order of their CPUs.
template <typename Cell>
class Arena {
 public:
  Arena(std::size_t units, std::size_t cells) : cells_(cells) {
    const std::size_t stride = (cells * sizeof(Cell) + 63) / 64 * 64 + 64;
    memory_.resize(units * stride / sizeof(CountSum));
    for (std::size_t unit = units; unit-- > 0;) offsets_.push_back(unit * stride);
  }
  [[nodiscard]] const std::byte* unit0() const {
    return reinterpret_cast<const std::byte*>(memory_.data());
  }
  [[nodiscard]] UnitOffsets units() const { return offsets_; }
  // The copy of the nth unit by rising CPU.
  Cell& At(std::size_t nth, std::size_t cell) {
    auto* const unit = reinterpret_cast<std::byte*>(memory_.data()) + offsets_[nth];
    return reinterpret_cast<Cell*>(unit)[cell];
  }
  void FillWith(std::mt19937_64& random) {
    std::uniform_real_distribution<double> any(-1e9, 1e9);
    for (std::size_t nth = 0; nth < offsets_.size(); ++nth) {
      for (std::size_t cell = 0; cell < cells_; ++cell) {
        if constexpr (std::is_same_v<Cell, double>) {
          At(nth, cell) = any(random);
        } else if constexpr (std::is_same_v<Cell, CountSum>) {
          At(nth, cell) = {.count = random(), .sum = any(random)};
        } else {
          At(nth, cell) = random();
        }
      }
    }
  }

 private:
  std::size_t cells_;
  std::vector<CountSum> memory_;
  std::vector<std::uint64_t> offsets_;
};

template <typename Cell>
class SumTest : public ::testing::Test {};
using Cells = ::testing::Types<std::uint64_t, double, CountSum>;
TYPED_TEST_SUITE(SumTest, Cells);

template <typename Cell>
bool SameBits(const Cell& a, const Cell& b) {
  using Bytes = std::array<std::byte, sizeof(Cell)>;
  return std::bit_cast<Bytes>(a) == std::bit_cast<Bytes>(b);
}

// Whatever the block, and its last one too.
TYPED_TEST(SumTest, ARunComesToWhatItsSeriesDoBitForBit) {
  constexpr std::size_t kBlock = kBlockBytes / sizeof(TypeParam);
  std::mt19937_64 random(1);
  for (const std::size_t units : {1U, 2U, 7U}) {
    for (const std::size_t cells :
         {std::size_t{0}, std::size_t{1}, kBlock - 1, kBlock, kBlock + 1, 3 * kBlock + 17}) {
      Arena<TypeParam> arena(units, cells);
      arena.FillWith(random);
      std::vector<TypeParam> totals(cells, TypeParam{});
      SumRun<TypeParam>(arena.unit0(), arena.units(), totals);
      for (std::size_t cell = 0; cell < cells; ++cell) {
        TypeParam naive{};
        for (std::size_t nth = 0; nth < units; ++nth) naive = Plus(naive, arena.At(nth, cell));
        ASSERT_TRUE(SameBits(totals[cell], naive)) << cell;
        const auto one = SumOf<TypeParam>(arena.unit0() + cell * sizeof(TypeParam), arena.units());
        ASSERT_TRUE(SameBits(one, naive)) << cell;
      }
    }
  }
}

TYPED_TEST(SumTest, WhatWasInTheTotalsIsGone) {
  Arena<TypeParam> arena(3, 4);
  std::vector<TypeParam> totals(4, TypeParam{});
  std::memset(totals.data(), 0x55, totals.size() * sizeof(TypeParam));
  SumRun<TypeParam>(arena.unit0(), arena.units(), totals);
  for (const TypeParam& total : totals) EXPECT_TRUE(SameBits(total, TypeParam{}));
}

// A sum that is compensated, or added up in another order, would fall at times.
TEST(DoubleSumTest, CellsThatRiseNeverMakeTheSumFall) {
  constexpr std::size_t kUnits = 16;
  std::mt19937_64 random(2);
  std::uniform_real_distribution<double> step(0, 1);
  Arena<double> arena(kUnits, 1);
  double last = 0;
  for (int i = 0; i < 200'000; ++i) {
    arena.At(random() % kUnits, 0) += step(random) * (i % 1000 == 0 ? 1e15 : 1e-3);
    const double now = SumOf<double>(arena.unit0(), arena.units());
    ASSERT_GE(now, last);
    last = now;
  }
}

TEST(BaselineTest, WhatCameSince) {
  EXPECT_EQ(Since(std::uint64_t{10}, std::uint64_t{4}), 6U);
  EXPECT_EQ(Since(std::uint64_t{2}, std::numeric_limits<std::uint64_t>::max()), 3U);
  EXPECT_EQ(Since(2.5, 4.0), -1.5);
  const CountSum since = Since(CountSum{.count = 5, .sum = 2}, CountSum{.count = 3, .sum = 0.5});
  EXPECT_EQ(since.count, 2U);
  EXPECT_EQ(since.sum, 1.5);
}

TEST(BaselineTest, SumsThatCannotBeSubtracted) {
  EXPECT_TRUE(CanBeBaseline(0));
  EXPECT_TRUE(CanBeBaseline(-9007199254740991.0));
  EXPECT_FALSE(CanBeBaseline(9007199254740992.0));
  EXPECT_FALSE(CanBeBaseline(std::numeric_limits<double>::infinity()));
  EXPECT_FALSE(CanBeBaseline(std::numeric_limits<double>::quiet_NaN()));
}

}  // namespace
}  // namespace percpud::cells

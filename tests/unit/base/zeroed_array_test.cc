// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/base/zeroed_array.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <utility>

#include "tests/support/sanitizers.h"

namespace percpud {
namespace {

constexpr std::uint64_t kSmall = 1000;
// Over any threshold for mapping rather than the heap.
constexpr std::uint64_t kLarge = 10'000'000;

class ZeroedArrayTest : public ::testing::TestWithParam<std::uint64_t> {};

TEST_P(ZeroedArrayTest, ReadsZeroAfterOthersWroteThere) {
  for (int round = 0; round < 3; ++round) {
    ZeroedArray<std::uint8_t> array(GetParam());
    EXPECT_EQ(array.size(), GetParam());
    EXPECT_TRUE(std::all_of(array.begin(), array.end(), [](std::uint8_t v) { return v == 0; }));
    std::fill(array.begin(), array.end(), std::uint8_t{0xa5});
  }
}

TEST_P(ZeroedArrayTest, CopiesAreApartAndMovesTakeAll) {
  ZeroedArray<std::uint32_t> array(GetParam());
  array[GetParam() - 1] = 7;
  ZeroedArray<std::uint32_t> copy = array;
  copy[GetParam() - 1] = 8;
  EXPECT_EQ(array[GetParam() - 1], 7u);
  array = std::move(copy);
  EXPECT_EQ(array[GetParam() - 1], 8u);
  EXPECT_EQ(array.size(), GetParam());
}

INSTANTIATE_TEST_SUITE_P(Sizes, ZeroedArrayTest, ::testing::Values(1, kSmall, kLarge));

TEST(ZeroedArrayTest, MayBeEmpty) {
  const ZeroedArray<std::uint64_t> array(0);
  EXPECT_EQ(array.begin(), array.end());
}

TEST(ZeroedArrayTest, MayBeLargerThanTheMachine) {
  if (testing::kThreadSanitizer) GTEST_SKIP() << "no room beside the shadow memory";
  ZeroedArray<std::uint64_t> array(std::uint64_t{1} << 38);  // 2 TiB.
  array[array.size() - 1] = 1;
  EXPECT_EQ(array[array.size() - 1], 1u);
  EXPECT_EQ(array[array.size() / 2], 0u);
}

}  // namespace
}  // namespace percpud

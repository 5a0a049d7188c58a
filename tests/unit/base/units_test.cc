// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/base/units.h"

#include <gtest/gtest.h>

#include <concepts>
#include <cstdint>
#include <type_traits>
#include <utility>

#include "absl/container/flat_hash_set.h"

namespace percpud {
namespace {

template <typename A, typename B>
concept Adds = requires(A a, B b) {
  a + b;
};
template <typename A, typename B>
concept Compares = requires(A a, B b) {
  a < b;
};

TEST(UnitsTest, KindsDoNotMix) {
  static_assert(Adds<Bytes, Bytes> && Adds<Pages, Pages>);
  static_assert(!Adds<Bytes, Pages> && !Compares<Bytes, Granules>);
  static_assert(!Adds<PageId, PageId> && !Adds<PageId, Pages>);
  static_assert(!Compares<UnitId, CpuId>);
  static_assert(!std::is_convertible_v<std::uint64_t, Bytes>);
  static_assert(!std::is_convertible_v<Bytes, std::uint64_t>);
}

TEST(UnitsTest, ArithmeticStaysInTheUnit) {
  EXPECT_EQ(Bytes(6) + Bytes(4) - Bytes(1), Bytes(9));
  EXPECT_EQ(Bytes(64) * 3, Bytes(192));
  EXPECT_EQ(Bytes(10) / Bytes(4), 2u);
  EXPECT_EQ(Bytes(10) % Bytes(4), Bytes(2));
  EXPECT_LT(Bytes(1), Bytes::Max());
}

TEST(UnitsTest, RoundsToAStep) {
  EXPECT_EQ(RoundUp(Bytes(0), Bytes(12)), Bytes(0));
  EXPECT_EQ(RoundUp(Bytes(13), Bytes(12)), Bytes(24));
  EXPECT_EQ(RoundUp(Bytes(24), Bytes(12)), Bytes(24));
  EXPECT_EQ(RoundDown(Bytes(23), Bytes(12)), Bytes(12));
}

TEST(UnitsTest, GranulesAndPagesRoundUp) {
  EXPECT_EQ(ToGranules(Bytes(1)), Granules(1));
  EXPECT_EQ(ToGranules(Bytes(5)), Granules(2));
  EXPECT_EQ(ToBytes(Granules(0x4000'0000)), Bytes(std::uint64_t{1} << 32));
  EXPECT_EQ(ToPages(Bytes(4097), kBasePageSize), Pages(2));
  EXPECT_EQ(ToBytes(Pages(3), Bytes(2 << 20)), Bytes(6 << 20));
}

TEST(UnitsTest, AnOrderHoldsItsPages) {
  EXPECT_EQ(OrderFor(Pages(1)), Order(0));
  EXPECT_EQ(OrderFor(Pages(2)), Order(1));
  EXPECT_EQ(OrderFor(Pages(3)), Order(2));
  EXPECT_EQ(OrderFor(Pages(192)), Order(8));
  EXPECT_EQ(OrderFor(Pages(256)), Order(8));
  EXPECT_EQ(OrderFor(Pages(257)), Order(9));
  for (std::uint64_t pages = 1; pages < 5000; ++pages) {
    const Order order = OrderFor(Pages(pages));
    ASSERT_GE(BlockPages(order), Pages(pages));
    if (order != Order(0)) ASSERT_LT(BlockPages(Order(order.value() - 1)), Pages(pages));
  }
}

TEST(UnitsTest, IdentitiesHash) {
  const absl::flat_hash_set<PercpuPtr> set = {PercpuPtr(64), PercpuPtr(128), PercpuPtr(64)};
  EXPECT_EQ(set.size(), 2u);
  EXPECT_TRUE(set.contains(Advance(PercpuPtr(64), Bytes(64))));
}

TEST(UnitsTest, FormatsWithTheLargestUnitThatDivides) {
  EXPECT_EQ(Format(Bytes(0)), "0B");
  EXPECT_EQ(Format(Bytes(100)), "100B");
  EXPECT_EQ(Format(Bytes(64 << 10)), "64KiB");
  EXPECT_EQ(Format(Bytes((64 << 10) + 1)), "65537B");
  EXPECT_EQ(Format(Bytes(192 << 20)), "192MiB");
  EXPECT_EQ(Format(Bytes(1536 << 20)), "1536MiB");
  EXPECT_EQ(Format(Bytes(std::uint64_t{3} << 30)), "3GiB");
  EXPECT_EQ(Format(Bytes(std::uint64_t{1} << 46)), "64TiB");
  EXPECT_EQ(Format(PercpuPtr(0x1a40)), "0x1a40");
}

}  // namespace
}  // namespace percpud

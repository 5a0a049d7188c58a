// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/rseq/cpu_table.h"

#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <vector>

namespace percpud::rseq {
namespace {

TEST(CpuTableTest, EveryNumberThatCpuIdCanHoldHasAnEntry) {
  const std::array<std::uint64_t, 3> offsets{0, 4160, 8320};
  const CpuEntries entries(offsets);
  const CpuTable table{.entry = entries.cpu0()};
  EXPECT_TRUE(table.HasUnits());
  EXPECT_EQ(table.entry[0], 0);
  EXPECT_EQ(table.entry[2], 8320);
  for (const std::int64_t id :
       {std::int64_t{-2}, std::int64_t{-1}, std::int64_t{3}, std::int64_t{kMostCpus} - 1}) {
    EXPECT_LT(table.entry[id], 0) << id;
  }
}

TEST(CpuTableTest, ATableOfNothingHasNoUnits) {
  const CpuTable table;
  EXPECT_FALSE(table.HasUnits());
  for (std::int64_t id = -2; id < std::int64_t{kMostCpus}; ++id) ASSERT_LT(table.entry[id], 0);
}

TEST(CpuTableTest, WhatIsBeyondTheLastCpuIsLeftOut) {
  const std::vector<std::uint64_t> offsets(kMostCpus + 10, 64);
  const CpuEntries entries(offsets);
  EXPECT_EQ(entries.cpu0()[kMostCpus - 1], 64);
}

}  // namespace
}  // namespace percpud::rseq

// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/percpu/introspect/slots.h"

#include <gtest/gtest.h>

namespace percpud {
namespace {

TEST(SlotsTest, ClassesAreTheKernels) {
  EXPECT_EQ(Slots::SlotOf(Bytes(0)), 0u);
  EXPECT_EQ(Slots::SlotOf(Bytes(4)), 1u);
  EXPECT_EQ(Slots::SlotOf(Bytes(15)), 1u);
  EXPECT_EQ(Slots::SlotOf(Bytes(16)), 2u);
  EXPECT_EQ(Slots::SlotOf(Bytes(31)), 2u);
  EXPECT_EQ(Slots::SlotOf(Bytes(32)), 3u);
  EXPECT_EQ(Slots::SlotOf(Bytes(4096)), 10u);
  EXPECT_EQ(Slots::SlotOf(Bytes(8191)), 10u);
  EXPECT_EQ(Slots::SlotOf(Bytes(32768)), 13u);
  EXPECT_EQ(Slots::SlotOf(Bytes(65535)), 13u);
}

TEST(SlotsTest, TheShortestRunOfAClassIsInIt) {
  const Slots slots(Bytes(64 << 10));
  for (std::uint32_t slot = 1; slot + 1 < slots.count(); ++slot) {
    EXPECT_EQ(Slots::SlotOf(slots.MinRun(slot)), slot);
    if (slot > 1) EXPECT_EQ(Slots::SlotOf(slots.MinRun(slot) - Bytes(1)), slot - 1);
  }
  EXPECT_EQ(slots.MinRun(slots.free_slot()), Bytes(64 << 10));
}

}  // namespace
}  // namespace percpud

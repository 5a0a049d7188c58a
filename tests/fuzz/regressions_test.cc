// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// Scripts that a fuzzer found, or that show what one finds: pasted as printed,
// and given a name.

#include <gtest/gtest.h>

#include "tests/fuzz/targets.h"

namespace percpud::fuzz {
namespace {

TEST(FuzzRegressionTest, AreasAcrossAHiddenHeadAndABlock) {
  using namespace area_map;
  const auto done = Perform({.setup = {4, 300},
                             .ops = {
                                 {kTake, 1023, 10, 0},
                                 {kTakeAt, 2040, 200, 0},
                                 {kTake, 100, 7, 21},
                                 {kFree, 0, 0, 0},
                                 {kFindInClass, 900, 10, 1},
                                 {kLook, 2050, 0, 0},
                                 {kCheck, 0, 0, 0},
                             }});
  EXPECT_TRUE(done.ok()) << done.status();
  EXPECT_EQ(done.value_or(0), 9u);
}

TEST(FuzzRegressionTest, AGrowthThatFailsLeavesNothing) {
  using namespace allocator;
  const auto done = Perform({.setup = {0, 3, 0, 1, 5, 4},
                             .ops = {
                                 {kAlloc, 13000, 17, 1},
                                 {kAlloc, 13000, 17, 1},
                                 {kAllocFailing, 13000, 17, 4},
                                 {kAlloc, 13000, 17, 1},
                                 {kCheck, 0, 0, 0},
                             }});
  EXPECT_TRUE(done.ok()) << done.status();
}

}  // namespace
}  // namespace percpud::fuzz

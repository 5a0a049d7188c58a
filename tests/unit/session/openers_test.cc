// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/session/openers.h"

#include <gtest/gtest.h>

namespace percpud {
namespace {

constexpr PercpuPtr kArea{64};

TEST(OpenersTest, ASessionOpensOnce) {
  Openers openers;
  EXPECT_TRUE(openers.Add(kArea, SessionId(1)));
  EXPECT_FALSE(openers.Add(kArea, SessionId(1)));
  EXPECT_TRUE(openers.Add(kArea, SessionId(2)));
  EXPECT_EQ(openers.Count(kArea), 2U);
  EXPECT_TRUE(openers.IsOpen(kArea, SessionId(2)));
  EXPECT_FALSE(openers.Remove(kArea, SessionId(2)).has_value());
  EXPECT_FALSE(openers.IsOpen(kArea, SessionId(2)));
}

TEST(OpenersTest, TheLastOpenerFreesWhatIsInQuarantine) {
  Openers openers;
  openers.Add(kArea, SessionId(1));
  openers.Add(kArea, SessionId(2));
  openers.Quarantine({.pointer = kArea, .size = Bytes(8), .maker = {.uid = UserId(7)}});
  EXPECT_TRUE(openers.IsQuarantined(kArea));
  ASSERT_EQ(openers.ListQuarantined(PercpuPtr(0), 10).size(), 1U);
  EXPECT_FALSE(openers.Remove(kArea, SessionId(1)).has_value());
  const auto freed = openers.Remove(kArea, SessionId(2));
  ASSERT_TRUE(freed.has_value());
  EXPECT_EQ(freed->maker.uid, UserId(7));
  EXPECT_FALSE(openers.IsQuarantined(kArea));
  EXPECT_EQ(openers.Count(kArea), 0U);
}

}  // namespace
}  // namespace percpud

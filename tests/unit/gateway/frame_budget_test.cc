// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/gateway/frame_budget.h"

#include <gtest/gtest.h>
#include <nghttp2/nghttp2.h>

#include <cstdint>

#include "server/base/clock.h"
#include "server/base/limits.h"

namespace percpud::gateway {
namespace {

const BootTime kStart = BootTime();

// How many frames of a kind pass at once; a thousand at most are tried.
int PassAtOnce(FrameBudget& budget, const FrameHead& frame, BootTime now) {
  for (int i = 0; i < 10'000; ++i) {
    if (!budget.Take(frame, now)) return i;
  }
  return 10'000;
}

class EachKindTest : public ::testing::TestWithParam<FrameHead> {};

TEST_P(EachKindTest, HasABurstAndARate) {
  FrameBudget budget;
  const int burst = PassAtOnce(budget, GetParam(), kStart);
  EXPECT_GE(burst, 16);
  EXPECT_LE(burst, 2000);
  // A client that means well goes on for ever at one a second.
  for (int second = 1; second < 600; ++second) {
    EXPECT_TRUE(budget.Take(GetParam(), kStart + absl::Seconds(second))) << second;
  }
}

TEST_P(EachKindTest, DoesNotCountForTheOthers) {
  FrameBudget budget;
  PassAtOnce(budget, GetParam(), kStart);
  EXPECT_TRUE(budget.Take({.type = NGHTTP2_HEADERS, .flags = 0, .length = 100}, kStart));
  EXPECT_TRUE(budget.Take({.type = NGHTTP2_DATA, .flags = 0, .length = 1}, kStart));
}

INSTANTIATE_TEST_SUITE_P(
    Kinds, EachKindTest,
    ::testing::Values(FrameHead{.type = NGHTTP2_DATA, .flags = 0, .length = 0},
                      FrameHead{.type = NGHTTP2_PRIORITY, .flags = 0, .length = 5},
                      FrameHead{.type = NGHTTP2_RST_STREAM, .flags = 0, .length = 4},
                      FrameHead{.type = NGHTTP2_SETTINGS, .flags = 0, .length = 6},
                      FrameHead{.type = NGHTTP2_PING, .flags = 0, .length = 8},
                      FrameHead{.type = NGHTTP2_WINDOW_UPDATE, .flags = 0, .length = 4},
                      FrameHead{.type = NGHTTP2_PUSH_PROMISE, .flags = 0, .length = 8},
                      FrameHead{.type = 0x77, .flags = 0, .length = 8}),
    [](const auto& test) { return "Type" + std::to_string(test.param.type); });

TEST(FrameBudgetTest, DataThatSaysSomethingIsNotCounted) {
  FrameBudget budget;
  EXPECT_EQ(PassAtOnce(budget, {.type = NGHTTP2_DATA, .flags = 0, .length = 1}, kStart), 10'000);
  EXPECT_EQ(
      PassAtOnce(budget, {.type = NGHTTP2_DATA, .flags = NGHTTP2_FLAG_END_STREAM, .length = 0},
                 kStart),
      10'000);
}

TEST(FrameBudgetTest, DataThatWasSentEarnsWindowUpdates) {
  FrameBudget budget;
  const FrameHead update{.type = NGHTTP2_WINDOW_UPDATE, .flags = 0, .length = 4};
  PassAtOnce(budget, update, kStart);
  budget.SentData();
  EXPECT_GE(PassAtOnce(budget, update, kStart), 2);
  EXPECT_FALSE(budget.Take(update, kStart));
}

TEST(FrameBudgetTest, AHeaderBlockIsBoundedOverItsFrames) {
  FrameBudget budget;
  // A header that is a little too large for percpud is answered; this is what is unpacked.
  constexpr std::size_t kHalf = kMaxHeaders.value();
  EXPECT_TRUE(budget.Take({.type = NGHTTP2_HEADERS, .flags = 0, .length = kHalf}, kStart));
  EXPECT_TRUE(budget.Take({.type = NGHTTP2_CONTINUATION, .flags = 0, .length = kHalf}, kStart));
  EXPECT_FALSE(budget.Take({.type = NGHTTP2_CONTINUATION, .flags = 0, .length = 1}, kStart));
  // The next block is another.
  EXPECT_TRUE(budget.Take({.type = NGHTTP2_HEADERS, .flags = 0, .length = kHalf}, kStart));
  EXPECT_FALSE(budget.Take({.type = NGHTTP2_HEADERS, .flags = 0, .length = 2 * kHalf + 1}, kStart));
}

}  // namespace
}  // namespace percpud::gateway

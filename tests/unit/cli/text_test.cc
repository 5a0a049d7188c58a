// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "client/cli/text.h"

#include <gtest/gtest.h>

#include <limits>

namespace percpu::cli {
namespace {

TEST(TextTest, SizesTakeTheLargestUnitThatDividesThem) {
  EXPECT_EQ(FormatSize(0), "0B");
  EXPECT_EQ(FormatSize(1023), "1023B");
  EXPECT_EQ(FormatSize(1024), "1KiB");
  EXPECT_EQ(FormatSize(1025), "1025B");
  EXPECT_EQ(FormatSize(192 << 20), "192MiB");
  EXPECT_EQ(FormatSize(std::uint64_t{3} << 40), "3TiB");
  EXPECT_EQ(FormatSize(std::numeric_limits<std::uint64_t>::max()), "18446744073709551615B");
}

TEST(TextTest, RunsOfIdsAreRanges) {
  EXPECT_EQ(FormatIds({}), "-");
  EXPECT_EQ(FormatIds({7}), "7");
  EXPECT_EQ(FormatIds({0, 1, 2, 3, 8}), "0-3,8");
  EXPECT_EQ(FormatIds({0, 2, 4, 5}), "0,2,4-5");
}

TEST(TextTest, IdsKeepTheirOrder) { EXPECT_EQ(FormatIds({9, 3, 4, 1}), "9,3-4,1"); }

TEST(TextTest, EveryTypeHasItsForm) {
  EXPECT_EQ(ToText(Absent{}), "-");
  EXPECT_EQ(ToText(true), "yes");
  EXPECT_EQ(ToText(false), "no");
  EXPECT_EQ(ToText("hits"), "hits");
  EXPECT_EQ(ToText(Count{65536}), "65536");
  EXPECT_EQ(ToText(Signed{-3}), "-3");
  EXPECT_EQ(ToText(Real{12.345}), "12.35");
  EXPECT_EQ(ToText(Span{0.99}), "0s");
  EXPECT_EQ(ToText(Span{59.99}), "59s");
  EXPECT_EQ(ToText(Span{3723.5}), "1h2m3s");
  EXPECT_EQ(ToText(Size{65536}), "64KiB");
  EXPECT_EQ(ToText(Offset{0x1a40}), "0x1a40");
  EXPECT_EQ(ToText(Offset{0}), "0x0");
  EXPECT_EQ(ToText(Share{0.375}), "37.5%");
  EXPECT_EQ(ToText(Ids{{0, 1}}), "0-1");
}

TEST(TextTest, OnlyNumbersLineUpAtTheRight) {
  EXPECT_TRUE(IsNumber(Count{1}));
  EXPECT_TRUE(IsNumber(Share{1}));
  EXPECT_TRUE(IsNumber(Absent{}));
  EXPECT_FALSE(IsNumber("1"));
  EXPECT_FALSE(IsNumber(true));
  EXPECT_FALSE(IsNumber(Ids{{1}}));
}

TEST(TextTest, ATagCannotSteerTheTerminal) {
  EXPECT_EQ(ToText("a\x1b[2Jb\n"), "a\\x1b[2Jb\\x0a");
  EXPECT_EQ(ToText("\x7f"), "\\x7f");
  EXPECT_EQ(ToText("größe"), "größe");
}

TEST(TextTest, WidthCountsCodePoints) {
  EXPECT_EQ(Width(""), 0);
  EXPECT_EQ(Width("abc"), 3);
  EXPECT_EQ(Width("größe"), 5);
}

}  // namespace
}  // namespace percpu::cli

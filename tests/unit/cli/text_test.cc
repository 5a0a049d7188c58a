// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "client/cli/text.h"

#include <gtest/gtest.h>

#include <cmath>
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
  EXPECT_EQ(ToText(Span{3723.5}), "1h2m");
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

TEST(FormatSpanTest, ShowsTheTwoLargestUnits) {
  EXPECT_EQ(FormatSpan(60), "1m");
  EXPECT_EQ(FormatSpan(3601), "1h");
  EXPECT_EQ(FormatSpan(86400 + 7200 + 60), "1d2h");
  EXPECT_EQ(FormatSpan(std::nan("")), "0s");
  EXPECT_EQ(FormatSpan(-1e300), "0s");
  EXPECT_EQ(FormatSpan(1e300), FormatSpan(1e12));
  EXPECT_EQ(FormatSpan(400.0 * 86400), "400d");
}

TEST(PrintableTest, EscapesWhatSteersATerminal) {
  EXPECT_EQ(Printable("a\x1b[2J\x7f"), "a\\x1b[2J\\x7f");
  // C1: CSI and OSC as UTF-8, and as bare bytes.
  EXPECT_EQ(Printable("\xc2\x9b"
                      "2J\xc2\x9d"),
            "\\u009b2J\\u009d");
  EXPECT_EQ(Printable("\x9b"
                      "2J"),
            "\\x9b2J");
  // Right-to-left override, isolate, zero-width space, byte order mark, a tag.
  EXPECT_EQ(Printable("\xe2\x80\xae\xe2\x81\xa6\xe2\x80\x8b\xef\xbb\xbf\xf3\xa0\x81\x81"),
            "\\u202e\\u2066\\u200b\\ufeff\\ue0041");
  EXPECT_EQ(Printable("\xe2\x80\xa8"), "\\u2028");
}

TEST(PrintableTest, KeepsWhatCanBeRead) {
  EXPECT_EQ(Printable("z\xc3\xa9 \xe2\x82\xac \xf0\x9f\x90\x98"),
            "z\xc3\xa9 \xe2\x82\xac \xf0\x9f\x90\x98");
}

TEST(PrintableTest, EscapesBytesThatAreNoUtf8) {
  // Cut short, longer than need be, half a pair, beyond the last, a lone follower.
  EXPECT_EQ(Printable("\xe2\x82"), "\\xe2\\x82");
  EXPECT_EQ(Printable("\xc0\xaf"), "\\xc0\\xaf");
  EXPECT_EQ(Printable("\xe0\x80\x8a"), "\\xe0\\x80\\x8a");
  EXPECT_EQ(Printable("\xed\xa0\x80"), "\\xed\\xa0\\x80");
  EXPECT_EQ(Printable("\xf4\x90\x80\x80"), "\\xf4\\x90\\x80\\x80");
  EXPECT_EQ(Printable("\x80z"), "\\x80z");
}

TEST(ElideTest, CutsToAWidthAndMarksIt) {
  EXPECT_EQ(Elide("requests", 8, "~"), "requests");
  EXPECT_EQ(Elide("requests", 4, "~"), "req~");
  EXPECT_EQ(Elide("\xc3\xa9\xc3\xa9\xc3\xa9", 2, "\xe2\x80\xa6"), "\xc3\xa9\xe2\x80\xa6");
  EXPECT_EQ(Elide("ab", 1, "~"), "~");
}

}  // namespace
}  // namespace percpu::cli

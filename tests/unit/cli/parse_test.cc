// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "client/cli/parse.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <string>

namespace percpu::cli {
namespace {

using ::testing::HasSubstr;

constexpr std::uint64_t kMax = std::numeric_limits<std::uint64_t>::max();

TEST(ParsePointerTest, TakesHexadecimalAndDecimal) {
  EXPECT_EQ(ParsePointer("0x1a40").value(), 0x1a40);
  EXPECT_EQ(ParsePointer("0X1A40").value(), 0x1a40);
  EXPECT_EQ(ParsePointer("6720").value(), 6720);
  EXPECT_EQ(ParsePointer("0").value(), 0);
  EXPECT_EQ(ParsePointer("0xffffffffffffffff").value(), kMax);
}

TEST(ParsePointerTest, RefusesTheRest) {
  for (const char* text : {"", "0x", "0x0x10", "1a40", "-1", "+1", " 1", "1 ", "0x1 ", "0x-1",
                           "0x10000000000000000", "18446744073709551616", "64KiB"}) {
    const auto value = ParsePointer(text);
    EXPECT_EQ(value.status().code(), absl::StatusCode::kInvalidArgument) << text;
    EXPECT_THAT(std::string(value.status().message()), HasSubstr("0x1a40")) << text;
  }
}

TEST(ParseSizeTest, TakesBinarySuffixes) {
  EXPECT_EQ(ParseSize("0").value(), 0);
  EXPECT_EQ(ParseSize("4096").value(), 4096);
  EXPECT_EQ(ParseSize("100B").value(), 100);
  EXPECT_EQ(ParseSize("64KiB").value(), 64 << 10);
  EXPECT_EQ(ParseSize("64K").value(), 64 << 10);
  EXPECT_EQ(ParseSize("1M").value(), 1 << 20);
  EXPECT_EQ(ParseSize("2GiB").value(), std::uint64_t{2} << 30);
  EXPECT_EQ(ParseSize("3T").value(), std::uint64_t{3} << 40);
}

TEST(ParseSizeTest, RefusesTheRest) {
  for (const char* text : {"", "K", "KiB", "12x", "1.5M", "-1", "+1", " 1", "1 K", "1KB", "0x10",
                           "18446744073709551616", "17179869184G"}) {
    EXPECT_EQ(ParseSize(text).status().code(), absl::StatusCode::kInvalidArgument) << text;
  }
}

TEST(ParseTimeTest, TakesUnitsAndPlainSeconds) {
  EXPECT_EQ(ParseTime("500ms").value(), absl::Milliseconds(500));
  EXPECT_EQ(ParseTime("5s").value(), absl::Seconds(5));
  EXPECT_EQ(ParseTime("5").value(), absl::Seconds(5));
  EXPECT_EQ(ParseTime("1m30s").value(), absl::Seconds(90));
}

TEST(ParseTimeTest, RefusesTheRest) {
  for (const char* text : {"", "s", "0", "-5s", "0.5ms", "25h", "inf", "5 s", "5sec"}) {
    EXPECT_EQ(ParseTime(text).status().code(), absl::StatusCode::kInvalidArgument) << text;
  }
}

TEST(ValidatorTest, RewritesWhatItAccepts) {
  std::string size = "64KiB";
  EXPECT_EQ(AsSize()(size), "");
  EXPECT_EQ(size, "65536");
  std::string pointer = "0x10";
  EXPECT_EQ(AsPointer()(pointer), "");
  EXPECT_EQ(pointer, "16");
  std::string time = "5us5ms";
  EXPECT_EQ(AsNanoseconds()(time), "");
  EXPECT_EQ(time, "5005000");
}

TEST(ValidatorTest, LeavesWhatItRefuses) {
  std::string size = "12x";
  EXPECT_THAT(AsSize()(size), HasSubstr("\"12x\" is not a size"));
  EXPECT_EQ(size, "12x");
}

TEST(ValidatorTest, HexBytesComeInPairs) {
  std::string bytes = "0x00fF";
  EXPECT_EQ(AsHexBytes()(bytes), "");
  EXPECT_EQ(bytes, "00fF");
  for (std::string text : {"", "0", "0g", "0x", "hello"}) EXPECT_NE(AsHexBytes()(text), "") << text;
}

TEST(ValidatorTest, NumbersThatDoNotFitAreRefused) {
  for (std::string text :
       {"", "-1", "+1", " 1", "1.0", "0x10", "11", "first", "99999999999999999999"}) {
    EXPECT_NE(AsCount(0, 10)(text), "") << text;
  }
  std::string zeros = "010";
  EXPECT_EQ(AsCount(0, 10)(zeros), "");
  EXPECT_EQ(zeros, "10");
  std::string most = "18446744073709551615";
  EXPECT_EQ(AsCount(1, std::numeric_limits<std::uint64_t>::max())(most), "");
  std::string first = "first";
  EXPECT_EQ(AsCount(1, 3)(first), "\"first\" is not a number from 1 to 3");
}

TEST(ValidatorTest, SignedNumbersThatDoNotFitAreRefused) {
  for (std::string text : {"9223372036854775807", "-9223372036854775808", "0"}) {
    EXPECT_EQ(AsSigned()(text), "") << text;
  }
  for (std::string text : {"9223372036854775808", "-9223372036854775809", "--1", "1e3"}) {
    EXPECT_NE(AsSigned()(text), "") << text;
  }
}

TEST(ValidatorTest, AnAlignmentIsAPowerOfTwo) {
  std::string page = "4K";
  EXPECT_EQ(AsAlignment()(page), "");
  EXPECT_EQ(page, "4096");
  for (std::string text : {"0", "3", "12", "8G", "x"}) EXPECT_NE(AsAlignment()(text), "") << text;
}

TEST(ParseIntegerTest, HoldsSignedAndUnsignedNumbersOf64Bits) {
  EXPECT_EQ(ParseInteger("18446744073709551615")->bits, ~std::uint64_t{0});
  EXPECT_EQ(ParseInteger("-1")->bits, ~std::uint64_t{0});
  EXPECT_TRUE(ParseInteger("-1")->negative);
  EXPECT_FALSE(ParseInteger("-0")->negative);
  for (const char* text : {"18446744073709551616", "-9223372036854775809", "", "-", "1 "}) {
    EXPECT_FALSE(ParseInteger(text).ok()) << text;
  }
}

TEST(ValidatorTest, OneOfNamesTheChoice) {
  EXPECT_EQ(OneOf({"32", "64"})("64"), "");
  EXPECT_EQ(OneOf({"32", "64"})("16"), "\"16\" is not one of 32, 64");
}

}  // namespace
}  // namespace percpu::cli

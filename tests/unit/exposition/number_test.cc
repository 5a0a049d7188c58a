// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "client/exposition/number.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <bit>
#include <charconv>
#include <clocale>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <limits>
#include <random>
#include <string>
#include <string_view>

#include "client/exposition/decimal.h"

namespace percpud::exposition {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

std::string Bound(double value) {
  Text out;
  AppendBound(out, value);
  return std::string(out.view());
}
std::string Value(double value) {
  Text out;
  AppendValue(out, value);
  return std::string(out.view());
}
std::string Seconds(std::uint64_t nanoseconds) {
  Text out;
  AppendSeconds(out, nanoseconds);
  return std::string(out.view());
}

// The same by the standard library, without the zeros at the end.
Decimal StandardDecimal(double value) {
  char text[64];
  const auto end = std::to_chars(text, text + sizeof(text), value, std::chars_format::scientific);
  const std::string_view all(text, static_cast<std::size_t>(end.ptr - text));
  const std::size_t e = all.find('e');
  std::string digits(all.substr(0, 1));
  if (e > 2) digits += all.substr(2, e - 2);
  const int power = std::atoi(std::string(all.substr(e + 1)).c_str());
  while (digits.size() > 1 && digits.back() == '0') digits.pop_back();
  return {std::strtoull(digits.c_str(), nullptr, 10), power - static_cast<int>(digits.size()) + 1};
}

void ExpectShortest(double value) {
  const Decimal ours = ShortestDecimal(value);
  const Decimal standard = StandardDecimal(value);
  EXPECT_EQ(ours.digits, standard.digits) << std::hexfloat << value;
  EXPECT_EQ(ours.exponent, standard.exponent) << std::hexfloat << value;
}

TEST(ShortestDecimalTest, AllPowersOfTwoAndTheirNeighbours) {
  for (int exponent = -1074; exponent <= 1023; ++exponent) {
    const double power = std::ldexp(1.0, exponent);
    ExpectShortest(power);
    ExpectShortest(std::nextafter(power, kInfinity));
    if (exponent > -1074) ExpectShortest(std::nextafter(power, 0.0));
  }
  ExpectShortest(std::numeric_limits<double>::max());
}

TEST(ShortestDecimalTest, AllPowersOfTenAndTheirNeighbours) {
  for (int exponent = -323; exponent <= 308; ++exponent) {
    const double power = std::strtod(("1e" + std::to_string(exponent)).c_str(), nullptr);
    ExpectShortest(power);
    ExpectShortest(std::nextafter(power, kInfinity));
    ExpectShortest(std::nextafter(power, 0.0));
  }
}

TEST(ShortestDecimalTest, AnyBits) {
  std::mt19937_64 random(17);
  for (int i = 0; i < 1'000'000; ++i) {
    const auto value = std::bit_cast<double>(random() >> 1);
    if (std::isfinite(value) && value > 0) ExpectShortest(value);
  }
}

// What sums of durations and sizes look like.
TEST(ShortestDecimalTest, FewDigits) {
  std::mt19937_64 random(18);
  for (int i = 0; i < 300'000; ++i) {
    const double scale = std::pow(10.0, static_cast<double>(random() % 20) - 12.0);
    ExpectShortest(static_cast<double>(1 + random() % 1'000'000) * scale);
  }
}

TEST(AppendValueTest, WholeNumbersHaveNoPoint) {
  EXPECT_EQ(Value(0.0), "0");
  EXPECT_EQ(Value(-0.0), "0");
  EXPECT_EQ(Value(1.0), "1");
  EXPECT_EQ(Value(-17.0), "-17");
  EXPECT_EQ(Value(1234567.0), "1234567");
  EXPECT_EQ(Value(9007199254740991.0), "9007199254740991");
  EXPECT_EQ(Value(9007199254740992.0), "9.007199254740992e+15");
}

TEST(AppendValueTest, OthersAreTheShortest) {
  EXPECT_EQ(Value(0.1), "0.1");
  EXPECT_EQ(Value(0.1 + 0.2), "0.30000000000000004");
  EXPECT_EQ(Value(-2.5), "-2.5");
  EXPECT_EQ(Value(1e300), "1e+300");
  EXPECT_EQ(Value(5e-324), "5e-324");
}

TEST(AppendValueTest, WhatIsNoNumberHasANameOfItsOwn) {
  EXPECT_EQ(Value(kInfinity), "+Inf");
  EXPECT_EQ(Value(-kInfinity), "-Inf");
  EXPECT_EQ(Value(kNan), "NaN");
}

TEST(AppendValueTest, NoLocaleHasASay) {
  for (const char* name : {"de_DE.UTF-8", "fr_FR.UTF-8", "C.UTF-8"}) {
    std::setlocale(LC_ALL, name);
    EXPECT_EQ(Value(0.5), "0.5");
  }
  std::setlocale(LC_ALL, "C");
}

// OpenMetrics lists them, as Prometheus's Go and Python clients write them.
TEST(AppendBoundTest, IsCanonical) {
  EXPECT_EQ(Bound(0.0), "0.0");
  EXPECT_EQ(Bound(1.0), "1.0");
  EXPECT_EQ(Bound(10.0), "10.0");
  EXPECT_EQ(Bound(0.005), "0.005");
  EXPECT_EQ(Bound(0.0001), "0.0001");
  EXPECT_EQ(Bound(0.00001), "1e-05");
  EXPECT_EQ(Bound(0.000015), "1.5e-05");
  EXPECT_EQ(Bound(1e-10), "1e-10");
  EXPECT_EQ(Bound(100000.0), "100000.0");
  EXPECT_EQ(Bound(123456.5), "123456.5");
  EXPECT_EQ(Bound(1000000.0), "1e+06");
  EXPECT_EQ(Bound(1234567.0), "1.234567e+06");
  EXPECT_EQ(Bound(1e10), "1e+10");
  EXPECT_EQ(Bound(-0.25), "-0.25");
  EXPECT_EQ(Bound(-1e6), "-1e+06");
  EXPECT_EQ(Bound(kInfinity), "+Inf");
}

TEST(AppendSecondsTest, KeepsEveryNanosecond) {
  EXPECT_EQ(Seconds(0), "0.0");
  EXPECT_EQ(Seconds(1'000'000'000), "1.0");
  EXPECT_EQ(Seconds(1'700'000'000'250'000'000), "1700000000.25");
  EXPECT_EQ(Seconds(1), "0.000000001");
  EXPECT_EQ(Seconds(UINT64_MAX), "18446744073.709551615");
}

TEST(AppendIntegerTest, UpToTheLargest) {
  Text out;
  AppendInteger(out, 0);
  out.Append(' ');
  AppendInteger(out, UINT64_MAX);
  EXPECT_EQ(out.view(), "0 18446744073709551615");
}

}  // namespace
}  // namespace percpud::exposition

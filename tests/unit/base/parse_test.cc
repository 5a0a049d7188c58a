// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/base/parse.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <optional>
#include <string>

namespace percpud {
namespace {

TEST(ParseSizeTest, TakesPlainNumbersAndBinaryUnits) {
  EXPECT_EQ(ParseSize("0"), Bytes(0));
  EXPECT_EQ(ParseSize("4096"), Bytes(4096));
  EXPECT_EQ(ParseSize("100B"), Bytes(100));
  EXPECT_EQ(ParseSize("64KiB"), Bytes(64 << 10));
  EXPECT_EQ(ParseSize("256MiB"), Bytes(256 << 20));
  EXPECT_EQ(ParseSize("3GiB"), Bytes(std::uint64_t{3} << 30));
  EXPECT_EQ(ParseSize("2TiB"), Bytes(std::uint64_t{2} << 40));
  EXPECT_EQ(ParseSize("64K"), Bytes(64 << 10));
  EXPECT_EQ(ParseSize("1M"), Bytes(1 << 20));
  EXPECT_EQ(ParseSize("1G"), Bytes(1 << 30));
  EXPECT_EQ(ParseSize("3T"), Bytes(std::uint64_t{3} << 40));
}

TEST(ParseSizeTest, TakesWhatFormatWrites) {
  for (const Bytes size : {Bytes(1), Bytes(4096), Bytes(5000), Bytes(3 << 20), Bytes::Max()}) {
    EXPECT_EQ(ParseSize(Format(size)), size);
  }
}

TEST(ParseSizeTest, RefusesEverythingElse) {
  for (const char* text : {"", " ", "KiB", "B", "-1", "+1", " 1", "1 ", "1 KiB", "1k", "K", "1KB",
                           "1kib", "0x10", "1.5MiB", "1MiBB", "1KiBMiB", "1e3", "1_000"}) {
    EXPECT_EQ(ParseSize(text), std::nullopt) << '"' << text << '"';
  }
}

TEST(ParseSizeTest, RefusesWhatDoesNotFit) {
  EXPECT_EQ(ParseSize("18446744073709551615"), Bytes::Max());
  EXPECT_EQ(ParseSize("18446744073709551616"), std::nullopt);
  EXPECT_EQ(ParseSize("16777215TiB"), Bytes(std::uint64_t{16777215} << 40));
  EXPECT_EQ(ParseSize("16777216TiB"), std::nullopt);
  EXPECT_EQ(ParseSize(std::string(1000, '9')), std::nullopt);
}

TEST(ParseModeTest, TakesOctalPermissionBits) {
  EXPECT_EQ(ParseMode("0660"), 0660U);
  EXPECT_EQ(ParseMode("660"), 0660U);
  EXPECT_EQ(ParseMode("0"), 0U);
  EXPECT_EQ(ParseMode("0777"), 0777U);
}

TEST(ParseModeTest, RefusesEverythingElse) {
  for (const char* text : {"", "0o660", "u+rw", "668", "1777", "00660", "-660", " 660", "0x1b0"}) {
    EXPECT_EQ(ParseMode(text), std::nullopt) << '"' << text << '"';
  }
}

}  // namespace
}  // namespace percpud

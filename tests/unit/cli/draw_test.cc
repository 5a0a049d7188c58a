// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "client/cli/draw.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace percpu::cli {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

Map MapOf(std::string occupancy) {
  Map map{.begin_offset = 0x1000, .cell_bytes = 64, .occupancy = std::move(occupancy)};
  map.end_offset = map.begin_offset + map.cell_bytes * map.occupancy.size();
  return map;
}

TEST(DrawMapTest, PipedItIsPlainAscii) {
  EXPECT_EQ(DrawMap(MapOf(std::string("\x00\x01\x54\x55\xa9\xaa\xfe\xff", 8)), {}),
            "0x1000 |.--++**#|\n"
            "        one cell 64B, one row 4KiB, end at 0x1200\n"
            "        . free   - under 1/3   + under 2/3   * nearly taken   # taken\n");
}

TEST(DrawMapTest, OnATerminalItHasBlocks) {
  const std::string drawing =
      DrawMap(MapOf(std::string("\x00\x01\x80\xfe\xff", 5)), {.unicode = true, .colour = false});
  EXPECT_THAT(drawing, StartsWith("0x1000 │·░▒▓█│\n"));
  EXPECT_THAT(drawing, HasSubstr("█ taken"));
  EXPECT_THAT(drawing, Not(HasSubstr("\x1b")));
}

TEST(DrawMapTest, ColourChangesOnlyWhereTheCellsDo) {
  const std::string drawing =
      DrawMap(MapOf(std::string("\xff\xff\x00\x00", 4)), {.unicode = false, .colour = true});
  EXPECT_THAT(drawing, StartsWith("0x1000 |\x1b[0;34m##\x1b[0;2m..\x1b[0m|\n"));
}

TEST(DrawMapTest, OneTakenByteIsNotFreeAndOneFreeByteIsNotTaken) {
  EXPECT_THAT(DrawMap(MapOf("\x01"), {}), StartsWith("0x1000 |-|"));
  EXPECT_THAT(DrawMap(MapOf("\xfe"), {}), StartsWith("0x1000 |*|"));
}

TEST(DrawMapTest, RowsStartAtTheirOffset) {
  const std::string drawing = DrawMap(MapOf(std::string(130, '\xff')), {});
  EXPECT_THAT(drawing, HasSubstr("\n0x2000 |"));
  EXPECT_THAT(drawing, HasSubstr("\n0x3000 |##|\n"));
}

TEST(DrawMapTest, OffsetsLineUp) {
  Map map = MapOf(std::string(65, '\0'));
  map.begin_offset = 0xf000;
  map.end_offset = 0xf000 + 65 * 64;
  const std::string drawing = DrawMap(map, {});
  EXPECT_THAT(drawing, StartsWith(" 0xf000 |"));
  EXPECT_THAT(drawing, HasSubstr("\n0x10000 |.|\n"));
}

TEST(DrawDumpTest, ShowsOffsetHexAndText) {
  EXPECT_EQ(DrawDump({.key = "data", .data = std::string("0123456789abcdef\x00\x1b~", 19)}),
            "00000000  30 31 32 33 34 35 36 37 38 39 61 62 63 64 65 66  |0123456789abcdef|\n"
            "00000010  00 1b 7e                                         |..~|\n");
}

TEST(DrawDumpTest, NothingIsNothing) { EXPECT_EQ(DrawDump({.key = "data", .data = ""}), ""); }

}  // namespace
}  // namespace percpu::cli

// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "client/cli/draw.h"

#include <algorithm>
#include <array>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/string_view.h"
#include "client/cli/text.h"

namespace percpu::cli {
namespace {

constexpr std::size_t kCellsPerRow = 64;
constexpr std::size_t kBytesPerRow = 16;

// How full a cell is, in steps that can be told apart on a screen.
struct Shade {
  absl::string_view ascii;
  absl::string_view unicode;
  // Sets the terminal's colour, whatever it was before.
  absl::string_view colour;
  absl::string_view meaning;
};
constexpr std::array kShades = {
    Shade{".", "·", "\x1b[0;2m", "free"}, Shade{"-", "░", "\x1b[0;33m", "under 1/3"},
    Shade{"+", "▒", "\x1b[0;33m", "under 2/3"}, Shade{"*", "▓", "\x1b[0;33m", "nearly taken"},
    Shade{"#", "█", "\x1b[0;34m", "taken"}};
constexpr absl::string_view kPlain = "\x1b[0m";

const Shade& ShadeOf(char cell) {
  const unsigned share = static_cast<unsigned char>(cell);
  if (share == 0) return kShades[0];
  if (share == 255) return kShades[4];
  return kShades[1 + share / 85];
}

absl::string_view Glyph(const Shade& shade, Style style) {
  return style.unicode ? shade.unicode : shade.ascii;
}

// Colour changes only between cells of different colours.
std::string DrawCells(absl::string_view cells, Style style) {
  std::string out;
  absl::string_view colour;
  for (const char cell : cells) {
    const Shade& shade = ShadeOf(cell);
    if (style.colour && shade.colour != colour) {
      absl::StrAppend(&out, shade.colour);
      colour = shade.colour;
    }
    absl::StrAppend(&out, Glyph(shade, style));
  }
  if (style.colour) absl::StrAppend(&out, kPlain);
  return out;
}

std::string Legend(Style style) {
  std::string out;
  for (const Shade& shade : kShades) {
    absl::StrAppend(&out, out.empty() ? "" : "   ",
                    style.colour ? absl::StrCat(shade.colour, Glyph(shade, style), kPlain)
                                 : std::string(Glyph(shade, style)),
                    " ", shade.meaning);
  }
  return out;
}

}  // namespace

std::string DrawMap(const Map& map, Style style) {
  const absl::string_view bar = style.unicode ? "│" : "|";
  assert(map.begin_offset <= map.end_offset);
  const std::size_t margin = absl::StrCat(absl::Hex(map.end_offset)).size() + 2;
  std::string out;
  for (std::size_t first = 0; first < map.occupancy.size(); first += kCellsPerRow) {
    const absl::string_view cells = absl::string_view(map.occupancy).substr(first, kCellsPerRow);
    absl::StrAppendFormat(&out, "%*s %s%s%s\n", static_cast<int>(margin),
                          ToText(Offset{map.begin_offset + first * map.cell_bytes}), bar,
                          DrawCells(cells, style), bar);
  }
  const std::string indent(margin + 2, ' ');
  absl::StrAppend(&out, indent, "one cell ", FormatSize(map.cell_bytes), ", one row ",
                  FormatSize(map.cell_bytes * kCellsPerRow), ", end at ",
                  ToText(Offset{map.end_offset}), "\n");
  absl::StrAppend(&out, indent, Legend(style), "\n");
  return out;
}

std::string DrawDump(const Dump& dump) {
  std::string out;
  for (std::size_t first = 0; first < dump.data.size(); first += kBytesPerRow) {
    const absl::string_view row = absl::string_view(dump.data).substr(first, kBytesPerRow);
    std::string hex;
    std::string text;
    for (const char c : row) {
      const auto byte = static_cast<unsigned char>(c);
      absl::StrAppend(&hex, " ", absl::Hex(byte, absl::kZeroPad2));
      text.push_back(absl::ascii_isprint(byte) ? c : '.');
    }
    absl::StrAppendFormat(&out, "%08x %-48s  |%s|\n", first, hex, text);
  }
  return out;
}

}  // namespace percpu::cli

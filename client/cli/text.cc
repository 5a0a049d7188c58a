// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "client/cli/text.h"

#include <algorithm>
#include <array>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "client/exposition/number.h"
#include "client/exposition/text.h"

namespace percpu::cli {
namespace {

struct TextOf {
  std::string operator()(Absent /*value*/) const { return "-"; }
  std::string operator()(bool value) const { return value ? "yes" : "no"; }
  std::string operator()(const std::string& value) const { return Printable(value); }
  std::string operator()(Count count) const { return absl::StrCat(count.value); }
  std::string operator()(Signed number) const { return absl::StrCat(number.value); }
  std::string operator()(Real real) const { return absl::StrFormat("%.2f", real.value); }
  std::string operator()(Number number) const {
    percpud::exposition::Text text;
    percpud::exposition::AppendValue(text, number.value);
    return std::string(text.view());
  }
  std::string operator()(Size size) const { return FormatSize(size.bytes); }
  std::string operator()(Offset offset) const {
    return absl::StrCat("0x", absl::Hex(offset.value));
  }
  std::string operator()(Share share) const { return absl::StrFormat("%.1f%%", share.value * 100); }
  std::string operator()(Span span) const { return FormatSpan(span.seconds); }
  std::string operator()(const Ids& ids) const { return FormatIds(ids.values); }
};

// The first character of a text. A byte that begins no valid UTF-8 is not valid,
// and stands alone.
struct CodePoint {
  std::uint32_t value = 0;
  std::size_t bytes = 1;
  bool valid = false;
};

// REQUIRES: text is not empty.
CodePoint FirstOf(absl::string_view text) {
  assert(!text.empty());
  const auto first = static_cast<unsigned char>(text.front());
  if (first < 0x80) return {.value = first, .bytes = 1, .valid = true};
  const std::size_t bytes = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4 || text.size() < bytes) return {};
  std::uint32_t value = first & (0x7fU >> bytes);
  for (std::size_t i = 1; i < bytes; ++i) {
    const auto next = static_cast<unsigned char>(text[i]);
    if ((next & 0xc0U) != 0x80) return {};
    value = value << 6 | (next & 0x3fU);
  }
  // Longer than it need be, half of a pair, or beyond the last one.
  static constexpr std::array<std::uint32_t, 5> kLeast = {0, 0, 0x80, 0x800, 0x10000};
  if (value < kLeast[bytes] || (value >= 0xd800 && value < 0xe000) || value > 0x10ffff) return {};
  return {.value = value, .bytes = bytes, .valid = true};
}

struct Range {
  std::uint32_t first;
  std::uint32_t last;
};

// C1 controls, Unicode's format characters (category Cf: bidirectional controls,
// joiners, tags), line and paragraph separators.
constexpr std::array kInvisible = {
    Range{0x80, 0x9f},       Range{0xad, 0xad},       Range{0x600, 0x605},
    Range{0x61c, 0x61c},     Range{0x6dd, 0x6dd},     Range{0x70f, 0x70f},
    Range{0x890, 0x891},     Range{0x8e2, 0x8e2},     Range{0x180e, 0x180e},
    Range{0x200b, 0x200f},   Range{0x2028, 0x202e},   Range{0x2060, 0x206f},
    Range{0xfeff, 0xfeff},   Range{0xfff9, 0xfffb},   Range{0x110bd, 0x110bd},
    Range{0x110cd, 0x110cd}, Range{0x13430, 0x1343f}, Range{0x1bca0, 0x1bca3},
    Range{0x1d173, 0x1d17a}, Range{0xe0000, 0xe007f},
};

bool IsInvisible(std::uint32_t value) {
  return std::any_of(kInvisible.begin(), kInvisible.end(), [value](const Range& range) {
    return value >= range.first && value <= range.last;
  });
}

}  // namespace

std::string ToText(const Value& value) { return std::visit(TextOf{}, value); }

bool IsNumber(const Value& value) {
  return !std::holds_alternative<std::string>(value) && !std::holds_alternative<bool>(value) &&
         !std::holds_alternative<Ids>(value);
}

std::string FormatSize(std::uint64_t bytes) {
  struct Scale {
    int shift;
    const char* suffix;
  };
  static constexpr std::array kScales = {Scale{40, "TiB"}, Scale{30, "GiB"}, Scale{20, "MiB"},
                                         Scale{10, "KiB"}};
  for (const Scale& scale : kScales) {
    const std::uint64_t whole = bytes >> scale.shift;
    if (whole > 0 && whole << scale.shift == bytes) return absl::StrCat(whole, scale.suffix);
  }
  return absl::StrCat(bytes, "B");
}

std::string FormatSpan(double seconds) {
  struct Scale {
    std::uint64_t seconds;
    const char* suffix;
  };
  static constexpr std::array kScales = {Scale{86400, "d"}, Scale{3600, "h"}, Scale{60, "m"},
                                         Scale{1, "s"}};
  // A peer may say anything, that its view is of the beginning of time, or not a number.
  constexpr double kMost = 1e12;
  std::uint64_t left = seconds >= 1 ? static_cast<std::uint64_t>(std::min(seconds, kMost)) : 0;
  if (left == 0) return "0s";
  std::string out;
  const auto* scale = kScales.begin();
  while (left < scale->seconds) ++scale;
  for (const auto* const end = std::min(scale + 2, kScales.end()); scale != end; ++scale) {
    const std::uint64_t whole = left / scale->seconds;
    if (whole > 0) absl::StrAppend(&out, whole, scale->suffix);
    left %= scale->seconds;
  }
  return out;
}

std::string FormatIds(const std::vector<std::uint32_t>& ids) {
  if (ids.empty()) return "-";
  std::string out;
  for (auto first = ids.begin(); first != ids.end();) {
    auto last = first;
    while (last + 1 != ids.end() && *(last + 1) == *last + 1) ++last;
    absl::StrAppend(&out, out.empty() ? "" : ",", *first);
    if (last != first) absl::StrAppend(&out, "-", *last);
    first = last + 1;
  }
  return out;
}

std::string Printable(absl::string_view text) {
  std::string out;
  while (!text.empty()) {
    const CodePoint point = FirstOf(text);
    if (!point.valid || point.value < 0x20 || point.value == 0x7f) {
      absl::StrAppend(&out, "\\x",
                      absl::Hex(static_cast<unsigned char>(text.front()), absl::kZeroPad2));
    } else if (IsInvisible(point.value)) {
      absl::StrAppend(&out, "\\u", absl::Hex(point.value, absl::kZeroPad4));
    } else {
      absl::StrAppend(&out, text.substr(0, point.bytes));
    }
    text.remove_prefix(point.bytes);
  }
  return out;
}

std::string Elide(absl::string_view text, std::size_t width, absl::string_view mark) {
  assert(width > 0 && Width(mark) == 1);
  if (Width(text) <= width) return std::string(text);
  std::string out;
  for (std::size_t taken = 1; taken < width; ++taken) {
    const CodePoint point = FirstOf(text);
    absl::StrAppend(&out, text.substr(0, point.bytes));
    text.remove_prefix(point.bytes);
  }
  return absl::StrCat(out, mark);
}

std::size_t Width(absl::string_view text) {
  // All bytes but those that continue a code point.
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xc0U) != 0x80U;
  }));
}

}  // namespace percpu::cli

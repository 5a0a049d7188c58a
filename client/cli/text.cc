// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "client/cli/text.h"

#include <algorithm>
#include <array>
#include <string>
#include <variant>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/time.h"

namespace percpu::cli {
namespace {

struct TextOf {
  std::string operator()(Absent /*value*/) const { return "-"; }
  std::string operator()(bool value) const { return value ? "yes" : "no"; }
  std::string operator()(const std::string& value) const { return Printable(value); }
  std::string operator()(Count count) const { return absl::StrCat(count.value); }
  std::string operator()(Signed number) const { return absl::StrCat(number.value); }
  std::string operator()(Real real) const { return absl::StrFormat("%.2f", real.value); }
  std::string operator()(Size size) const { return FormatSize(size.bytes); }
  std::string operator()(Offset offset) const {
    return absl::StrCat("0x", absl::Hex(offset.value));
  }
  std::string operator()(Share share) const { return absl::StrFormat("%.1f%%", share.value * 100); }
  std::string operator()(Span span) const { return FormatSpan(span.seconds); }
  std::string operator()(const Ids& ids) const { return FormatIds(ids.values); }
};

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
  if (seconds < 1) return "0s";
  return absl::FormatDuration(absl::Trunc(absl::Seconds(seconds), absl::Seconds(1)));
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
  for (const char c : text) {
    if (absl::ascii_iscntrl(static_cast<unsigned char>(c))) {
      absl::StrAppend(&out, "\\x", absl::Hex(static_cast<unsigned char>(c), absl::kZeroPad2));
    } else {
      out.push_back(c);
    }
  }
  return out;
}

std::size_t Width(absl::string_view text) {
  // All bytes but those that continue a code point.
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xc0U) != 0x80U;
  }));
}

}  // namespace percpu::cli

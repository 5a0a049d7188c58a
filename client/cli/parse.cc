// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "client/cli/parse.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cassert>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "server/base/parse.h"

namespace percpu::cli {
namespace {

// Nothing but digits: the library's own parsers pass over spaces and signs.
bool IsDecimal(absl::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), absl::ascii_isdigit);
}
bool IsHexadecimal(absl::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), absl::ascii_isxdigit);
}

absl::Status NotA(absl::string_view text, absl::string_view what) {
  return absl::InvalidArgumentError(absl::StrCat("\"", text, "\" is not ", what));
}

// A validator that replaces what `parse` accepts by the number it stands for.
template <typename Parse>
CLI::Validator As(Parse parse) {
  return {[parse](std::string& text) {
            const absl::StatusOr<std::uint64_t> value = parse(text);
            if (value.ok()) text = absl::StrCat(*value);
            return std::string(value.status().message());
          },
          ""};
}

}  // namespace

absl::StatusOr<std::uint64_t> ParsePointer(absl::string_view text) {
  absl::string_view digits = text;
  const bool is_hex = absl::ConsumePrefix(&digits, "0x") || absl::ConsumePrefix(&digits, "0X");
  std::uint64_t value = 0;
  const bool parsed = is_hex ? IsHexadecimal(digits) && absl::SimpleHexAtoi(digits, &value)
                             : IsDecimal(digits) && absl::SimpleAtoi(digits, &value);
  if (!parsed) return NotA(text, "a percpu pointer such as 0x1a40 or 6720");
  return value;
}

absl::StatusOr<std::uint64_t> ParseSize(absl::string_view text) {
  const auto size = percpud::ParseSize(text);
  if (!size) return NotA(text, "a size such as 4096, 64KiB or 1M");
  return size->value();
}

absl::StatusOr<absl::Duration> ParseTime(absl::string_view text) {
  absl::Duration duration;
  const std::string with_unit = IsDecimal(text) ? absl::StrCat(text, "s") : std::string(text);
  // Also refuses what lasts for ever: no deadline could be made of it.
  if (!absl::ParseDuration(with_unit, &duration) || duration < absl::Milliseconds(1) ||
      duration > absl::Hours(24)) {
    return NotA(text, "a time from 1ms to 24h such as 500ms, 5s or 5");
  }
  return duration;
}

absl::StatusOr<Integer64> ParseInteger(absl::string_view text) {
  absl::string_view digits = text;
  const bool negative = absl::ConsumePrefix(&digits, "-");
  const std::uint64_t most =
      negative ? std::uint64_t{1} << 63 : std::numeric_limits<std::uint64_t>::max();
  std::uint64_t magnitude = 0;
  if (!IsDecimal(digits) || !absl::SimpleAtoi(digits, &magnitude) || magnitude > most) {
    return NotA(text, "an integer of 64 bits");
  }
  return Integer64{.bits = negative ? 0 - magnitude : magnitude,
                   .negative = negative && magnitude != 0};
}

absl::StatusOr<double> ParseNumber(absl::string_view text) {
  absl::string_view digits = text;
  absl::ConsumePrefix(&digits, "-");
  const std::size_t point = digits.find('.');
  const bool is_whole = point == absl::string_view::npos;
  double value = 0;
  if (is_whole) {
    if (absl::Status status = ParseInteger(text).status(); !status.ok()) return status;
  } else if (!IsDecimal(digits.substr(0, point)) || !IsDecimal(digits.substr(point + 1))) {
    return NotA(text, "a number such as 0.25");
  }
  if (!absl::SimpleAtod(text, &value)) return NotA(text, "a number such as 0.25");
  return value;
}

CLI::Validator AsPointer() { return As(ParsePointer); }

CLI::Validator AsSize() { return As(ParseSize); }

CLI::Validator AsNanoseconds() {
  return As([](absl::string_view text) -> absl::StatusOr<std::uint64_t> {
    const absl::StatusOr<absl::Duration> duration = ParseTime(text);
    if (!duration.ok()) return duration.status();
    return static_cast<std::uint64_t>(absl::ToInt64Nanoseconds(*duration));
  });
}

CLI::Validator AsAlignment() {
  return As([](absl::string_view text) -> absl::StatusOr<std::uint64_t> {
    const absl::StatusOr<std::uint64_t> size = ParseSize(text);
    if (!size.ok()) return size;
    if (!std::has_single_bit(*size) || *size > std::numeric_limits<std::uint32_t>::max()) {
      return NotA(text, "a power of two such as 8, 64 or 4K");
    }
    return *size;
  });
}

CLI::Validator AsCount(std::uint64_t least, std::uint64_t most) {
  assert(least <= most);
  return As([least, most](absl::string_view text) -> absl::StatusOr<std::uint64_t> {
    std::uint64_t value = 0;
    if (!IsDecimal(text) || !absl::SimpleAtoi(text, &value) || value < least || value > most) {
      return NotA(text, most == std::numeric_limits<std::uint64_t>::max()
                            ? absl::StrCat("a number from ", least, " up")
                            : absl::StrCat("a number from ", least, " to ", most));
    }
    return value;
  });
}

CLI::Validator AsSigned() {
  return {[](std::string& text) -> std::string {
            const absl::StatusOr<Integer64> value = ParseInteger(text);
            if (!value.ok() || (!value->negative && value->bits >> 63 != 0)) {
              return std::string(NotA(text, "an integer of 64 bits with a sign").message());
            }
            text = absl::StrCat(static_cast<std::int64_t>(value->bits));
            return "";
          },
          ""};
}

CLI::Validator IsInteger() {
  return {
      [](const std::string& text) { return std::string(ParseInteger(text).status().message()); },
      ""};
}

CLI::Validator AsHexBytes() {
  return {[](std::string& text) -> std::string {
            absl::string_view digits = text;
            absl::ConsumePrefix(&digits, "0x");
            if (!IsHexadecimal(digits) || digits.size() % 2 != 0) {
              return absl::StrCat("\"", text,
                                  "\" is not pairs of hexadecimal digits (--text writes text)");
            }
            text = std::string(digits);
            return "";
          },
          ""};
}

CLI::Validator OneOf(std::vector<std::string> words) {
  return {[words = std::move(words)](const std::string& text) {
            if (std::find(words.begin(), words.end(), text) != words.end()) return std::string();
            return absl::StrCat("\"", text, "\" is not one of ", absl::StrJoin(words, ", "));
          },
          ""};
}

}  // namespace percpu::cli

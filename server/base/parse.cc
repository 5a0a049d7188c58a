// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/base/parse.h"

#include <array>
#include <charconv>
#include <limits>
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"

namespace percpud {

std::optional<std::uint32_t> ParseDecimal(absl::string_view text) {
  std::uint32_t value = 0;
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc() || stop != end) return std::nullopt;
  return value;
}

std::optional<Bytes> ParseSize(absl::string_view text) {
  static constexpr std::array<std::pair<absl::string_view, int>, 9> kSuffixes = {{{"KiB", 10},
                                                                                  {"MiB", 20},
                                                                                  {"GiB", 30},
                                                                                  {"TiB", 40},
                                                                                  {"K", 10},
                                                                                  {"M", 20},
                                                                                  {"G", 30},
                                                                                  {"T", 40},
                                                                                  {"B", 0}}};
  int shift = 0;
  for (const auto& [suffix, suffix_shift] : kSuffixes) {
    if (absl::ConsumeSuffix(&text, suffix)) {
      shift = suffix_shift;
      break;
    }
  }
  std::uint64_t value = 0;
  if (text.empty() || !absl::ascii_isdigit(text.front()) || !absl::ascii_isdigit(text.back()) ||
      !absl::SimpleAtoi(text, &value) ||
      value > std::numeric_limits<std::uint64_t>::max() >> shift) {
    return std::nullopt;
  }
  return Bytes(value << shift);
}

std::optional<unsigned> ParseMode(absl::string_view text) {
  if (text.empty() || text.size() > 4) return std::nullopt;
  unsigned mode = 0;
  for (const char c : text) {
    if (c < '0' || c > '7') return std::nullopt;
    mode = mode * 8 + static_cast<unsigned>(c - '0');
  }
  if (mode > 0777) return std::nullopt;
  return mode;
}

std::optional<std::vector<CpuRange>> ParseCpuList(absl::string_view list) {
  std::vector<CpuRange> ranges;
  for (const absl::string_view part : absl::StrSplit(list, ',')) {
    const std::vector<absl::string_view> ends = absl::StrSplit(part, absl::MaxSplits('-', 1));
    const std::optional<std::uint32_t> first = ParseDecimal(ends.front());
    const std::optional<std::uint32_t> last = ParseDecimal(ends.back());
    if (!first || !last || *last < *first) return std::nullopt;
    ranges.push_back({.first = *first, .last = *last});
  }
  return ranges;
}

}  // namespace percpud

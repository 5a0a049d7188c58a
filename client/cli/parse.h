// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_CLIENT_CLI_PARSE_H_
#define PERCPUD_CLIENT_CLI_PARSE_H_

#include <CLI/CLI.hpp>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

// How the command line writes numbers, pointers, sizes and times. All errors are
// INVALID_ARGUMENT and complete "NAME: ".
//
// The parser's own conversions clamp what does not fit and read 010 as eight. So
// every option that takes a number has one of the validators below, which accept
// exactly what the option can hold.
namespace percpu::cli {

// "0x1a40" or "6720".
absl::StatusOr<std::uint64_t> ParsePointer(absl::string_view text);
// Takes what server/base/parse.h takes.
absl::StatusOr<std::uint64_t> ParseSize(absl::string_view text);
// "500ms", "5s", "1m30s", or "5" for seconds. From 1 ms to 24 h.
absl::StatusOr<absl::Duration> ParseTime(absl::string_view text);

// An integer of 64 bits, signed or unsigned: what a variable may be set to.
struct Integer64 {
  // Two's complement.
  std::uint64_t bits = 0;
  bool negative = false;
};
// Decimal, from -2^63 to 2^64-1.
absl::StatusOr<Integer64> ParseInteger(absl::string_view text);

// Decimal, with a point or without: "0.25", "-3". One without a point is an integer of 64
// bits, as above.
absl::StatusOr<double> ParseNumber(absl::string_view text);

// The same as validators of the parser: what they accept, they rewrite as the
// plain number that it can convert; a duration becomes nanoseconds.
CLI::Validator AsPointer();
CLI::Validator AsSize();
CLI::Validator AsNanoseconds();
// A power of two, as a size.
CLI::Validator AsAlignment();
// Decimal digits, from `least` to `most`. REQUIRES: least <= most.
CLI::Validator AsCount(std::uint64_t least, std::uint64_t most);
// Decimal, from -2^63 to 2^63-1.
CLI::Validator AsSigned();
// Decimal, from -2^63 to 2^64-1, left as it is.
CLI::Validator IsInteger();
// Pairs of hexadecimal digits, after 0x or not; without it when accepted.
CLI::Validator AsHexBytes();
// Accepts one of a few words as it is.
CLI::Validator OneOf(std::vector<std::string> words);

}  // namespace percpu::cli

#endif  // PERCPUD_CLIENT_CLI_PARSE_H_

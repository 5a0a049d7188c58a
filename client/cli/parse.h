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

// How the command line writes pointers, sizes and durations. All errors are
// INVALID_ARGUMENT and complete "NAME: ".
namespace percpu::cli {

// "0x1a40" or "6720".
absl::StatusOr<std::uint64_t> ParsePointer(absl::string_view text);
// As server/base/parse.h has it.
absl::StatusOr<std::uint64_t> ParseSize(absl::string_view text);
// "500ms", "5s", "1m30s", or "5" for seconds. Positive.
absl::StatusOr<absl::Duration> ParseTime(absl::string_view text);

// The same as validators of the parser: what they accept, they rewrite as the
// plain number that it can convert; a duration becomes nanoseconds.
CLI::Validator AsPointer();
CLI::Validator AsSize();
CLI::Validator AsNanoseconds();
// Pairs of hexadecimal digits, as they are.
CLI::Validator IsHexBytes();
// Accepts one of a few words as it is.
CLI::Validator OneOf(std::vector<std::string> words);

}  // namespace percpu::cli

#endif  // PERCPUD_CLIENT_CLI_PARSE_H_

// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_CLIENT_CLI_TEXT_H_
#define PERCPUD_CLIENT_CLI_TEXT_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "client/cli/report.h"

// How single values look in a table.
namespace percpu::cli {

std::string ToText(const Value& value);
// Numbers line up at the right, the rest at the left.
bool IsNumber(const Value& value);

// "64KiB", "100B": the largest binary unit that divides the value.
std::string FormatSize(std::uint64_t bytes);
// "1h2m", "3s": the two largest units of the whole seconds that have passed.
std::string FormatSpan(double seconds);
// "0-3,8": runs of consecutive ids, in the order given.
std::string FormatIds(const std::vector<std::uint32_t>& ids);
// Text as a terminal can show it: a peer's tag must not steer the reader's. Control
// characters and bytes that are not UTF-8 become "\x1b"; C1 controls, and characters
// that are invisible or turn the direction of the text, become "\u202e".
std::string Printable(absl::string_view text);
// Columns that UTF-8 text takes on a terminal, a column per code point.
std::size_t Width(absl::string_view text);
// Printable text cut to `width` columns, the last of which is `mark` if any of it
// is left out. REQUIRES: width > 0, and a mark of one column.
std::string Elide(absl::string_view text, std::size_t width, absl::string_view mark);

}  // namespace percpu::cli

#endif  // PERCPUD_CLIENT_CLI_TEXT_H_

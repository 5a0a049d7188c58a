// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/fleet/words.h"

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"

namespace percpud::fleet {

std::string Words(absl::string_view text) {
  std::string out;
  for (const char sign : text) {
    if (out.size() >= kMostWords) return out + "...";
    const auto byte = static_cast<unsigned char>(sign);
    if (absl::ascii_isprint(byte)) {
      out += sign;
    } else {
      absl::StrAppend(&out, "\\x", absl::Hex(byte, absl::kZeroPad2));
    }
  }
  return out;
}

}  // namespace percpud::fleet

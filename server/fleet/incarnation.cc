// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/fleet/incarnation.h"

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/random/random.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "server/base/status_macros.h"
#include "server/fleet/atomic_file.h"

namespace percpud::fleet {

absl::StatusOr<std::string> KeepIncarnation(const std::string& path, const std::string& boot_id) {
  constexpr unsigned kMode = 0644;
  if (const auto text = ReadWhole(path); text.ok()) {
    const std::vector<std::string> words = absl::StrSplit(absl::StripAsciiWhitespace(*text), ' ');
    if (words.size() == 2 && !words[0].empty() && words[1] == boot_id) return words[0];
  }
  absl::BitGen random;
  std::string made = absl::StrFormat("%016x", absl::Uniform<std::uint64_t>(random));
  RETURN_IF_ERROR(WriteAtomically(path, absl::StrCat(made, " ", boot_id, "\n"), kMode));
  return made;
}

}  // namespace percpud::fleet

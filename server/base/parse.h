// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_SERVER_BASE_PARSE_H_
#define PERCPUD_SERVER_BASE_PARSE_H_

#include <cstdint>
#include <optional>
#include <vector>

#include "absl/strings/string_view.h"
#include "server/base/units.h"

namespace percpud {

// A size as flags, files and commands write it: "4096", "100B", "64KiB" or "64K", and so
// with M, G and T; all units are powers of two. A digit comes first, and there is no
// space and no sign. nullopt for anything else and for what does not fit 64 bits.
std::optional<Bytes> ParseSize(absl::string_view text);

// Decimal digits and nothing else; nullopt for what does not fit 32 bits.
std::optional<std::uint32_t> ParseDecimal(absl::string_view text);

// Octal permission bits, "0660" or "660"; nullopt beyond 0777.
std::optional<unsigned> ParseMode(absl::string_view text);

// A range of CPUs, both ends included. The type is wide, so that a loop over it ends.
struct CpuRange {
  std::uint64_t first = 0;
  std::uint64_t last = 0;
};

// "0-3,8", as the kernel writes CPU lists; nullopt for anything else.
std::optional<std::vector<CpuRange>> ParseCpuList(absl::string_view list);

}  // namespace percpud

#endif  // PERCPUD_SERVER_BASE_PARSE_H_

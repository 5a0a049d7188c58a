// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_SERVER_FLEET_WORDS_H_
#define PERCPUD_SERVER_FLEET_WORDS_H_

#include <cstddef>
#include <string>

#include "absl/strings/string_view.h"

namespace percpud::fleet {

inline constexpr std::size_t kMostWords = 500;

// What somebody else says, for the log and for answers: in printable ASCII, everything else
// as \xNN, and kMostWords bytes of it.
std::string Words(absl::string_view text);

}  // namespace percpud::fleet

#endif  // PERCPUD_SERVER_FLEET_WORDS_H_

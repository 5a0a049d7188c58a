// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// Calls that are tried on a thread that must not sleep, and made again, where they have
// to sleep, on one that may.

#ifndef PERCPUD_SERVER_BASE_PACE_H_
#define PERCPUD_SERVER_BASE_PACE_H_

#include <cstdint>
#include <optional>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace percpud {

// Whether the thread that makes a call may sleep in it.
enum class Pace : std::uint8_t { kMustNotSleep, kMaySleep };

// How a call went. kWouldSleep says that it would have had to sleep: it changed nothing,
// and is to be made again at Pace::kMaySleep, which never returns this.
using Outcome = std::optional<absl::Status>;
// The same for a call that returns a value.
template <typename Value>
using OutcomeOr = std::optional<absl::StatusOr<Value>>;
inline constexpr std::nullopt_t kWouldSleep = std::nullopt;

}  // namespace percpud

#endif  // PERCPUD_SERVER_BASE_PACE_H_

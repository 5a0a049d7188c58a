// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_CLIENT_SDK_PERCPU_INTERNAL_DOOR_ADMISSION_H_
#define PERCPUD_CLIENT_SDK_PERCPU_INTERNAL_DOOR_ADMISSION_H_

#include <array>
#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "proto/percpud/abi/v1/handoff.h"
#include "server/base/unique_fd.h"

namespace percpu {

using percpud::UniqueFd;
using percpud::abi::v1::MapMode;

// What the side door gave: the session lives as long as `door` is open.
struct Admission {
  UniqueFd door;
  std::uint64_t session = 0;
  std::string token;
  MapMode granted = MapMode::kNone;
  // None with MapMode::kNone.
  UniqueFd arena;
  UniqueFd layout;
};

// Asks at the side door of the daemon that serves "unix:PATH". Blocks, up to
// `deadline`. `resume` is the token of a session of this process that a daemon
// before had, or empty for a new one. Errors: UNAVAILABLE if nobody is there,
// the daemon's refusal (NOT_FOUND: the session has ended), DATA_LOSS for an
// answer that is none.
absl::StatusOr<Admission> Knock(const std::string& address, MapMode wanted, std::uint32_t abilities,
                                absl::Time deadline, const std::string& resume = {});

}  // namespace percpu

#endif  // PERCPUD_CLIENT_SDK_PERCPU_INTERNAL_DOOR_ADMISSION_H_

// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_CLIENT_SDK_PERCPU_INTERNAL_DOOR_ADMISSION_H_
#define PERCPUD_CLIENT_SDK_PERCPU_INTERNAL_DOOR_ADMISSION_H_

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "percpu/internal/deadline.h"
#include "proto/percpud/abi/v1/handoff.h"
#include "server/base/unique_fd.h"

namespace percpu {

using percpud::UniqueFd;
using percpud::abi::v1::MapMode;

// The daemon's answer at the side door. The session lives as long as `door` is open.
struct Admission {
  UniqueFd door;
  // `door` is also the local fast lane (LaneClient).
  bool has_lane = false;
  std::uint64_t session = 0;
  std::string token;
  MapMode granted = MapMode::kNone;
  // Absent with MapMode::kNone.
  UniqueFd arena;
  // Absent only for a resumed session whose client had no descriptor left for it.
  UniqueFd layout;
};

// A client's first words at the door.
struct Hello {
  MapMode wanted = MapMode::kReadWrite;
  // kCanRseq, kCanAtomic.
  std::uint32_t abilities = 0;
  // The token of a session that this process had with a daemon before; empty for a
  // new one.
  std::string resume;
};

// The limits of waiting at the door.
struct Patience {
  Deadline deadline = Deadline::Never();
  // A descriptor that ends the waiting when it becomes readable, or -1.
  int stop = -1;
};

// Asks for admission at the side door whose socket is at `path`. Blocks within `patience`,
// also while the backlog is full. Errors: UNAVAILABLE if no daemon is there;
// DEADLINE_EXCEEDED; CANCELLED after `stop`; the daemon's refusal (NOT_FOUND: the session
// has ended); RESOURCE_EXHAUSTED if this process has no descriptor left; DATA_LOSS for an
// answer that this client does not know.
absl::StatusOr<Admission> Knock(const std::string& path, const Hello& hello,
                                const Patience& patience);

}  // namespace percpu

#endif  // PERCPUD_CLIENT_SDK_PERCPU_INTERNAL_DOOR_ADMISSION_H_

// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_SERVER_SESSION_SESSION_LIMITS_H_
#define PERCPUD_SERVER_SESSION_SESSION_LIMITS_H_

#include <cstdint>
#include <limits>

#include "absl/time/time.h"
#include "server/base/units.h"
#include "server/session/access/quota.h"

namespace percpud {

// What one maker may hold in variables.
struct VariableQuota {
  std::uint64_t count = std::numeric_limits<std::uint64_t>::max();
  // Bytes of one unit.
  Bytes bytes = Bytes::Max();
};

// What sessions may have; may change while there are some. Plain data.
struct SessionLimits {
  // For one session, and for what one identity makes without a session.
  Quota per_session;
  // For all that one identity has: a user's sessions, or a remote host's.
  Quota per_user;
  std::uint32_t sessions_per_user = 1024;
  std::uint32_t sessions = 4096;
  // Remote sessions of one user of this host, or of one other host.
  std::uint32_t remote_sessions_per_opener = 256;
  VariableQuota variables_per_user;
  // After a restart: how long a local session waits for its process to come
  // back to the door.
  absl::Duration resume_window = absl::Seconds(30);
};

}  // namespace percpud

#endif  // PERCPUD_SERVER_SESSION_SESSION_LIMITS_H_

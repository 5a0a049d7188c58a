// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_SERVER_SESSION_SESSION_LIMITS_H_
#define PERCPUD_SERVER_SESSION_SESSION_LIMITS_H_

#include <cstdint>

#include "absl/time/time.h"
#include "server/session/access/quota.h"
#include "server/session/variables.h"

namespace percpud {

// What sessions may have; may change while there are some. Plain data.
struct SessionLimits {
  Quota per_session;
  // Of all sessions of one user together; remote ones have none.
  Quota per_user;
  std::uint32_t sessions_per_user = 1024;
  std::uint32_t sessions = 4096;
  // Opened by RPC, by one user of this host or one other host.
  std::uint32_t remote_sessions_per_opener = 256;
  VariableQuota variables_per_user;
  // After a restart: how long a local session waits for its process to come
  // back to the door.
  absl::Duration resume_window = absl::Seconds(30);
};

}  // namespace percpud

#endif  // PERCPUD_SERVER_SESSION_SESSION_LIMITS_H_

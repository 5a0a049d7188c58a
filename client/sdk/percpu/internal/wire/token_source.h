// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_CLIENT_SDK_PERCPU_INTERNAL_WIRE_TOKEN_SOURCE_H_
#define PERCPUD_CLIENT_SDK_PERCPU_INTERNAL_WIRE_TOKEN_SOURCE_H_

#include <memory>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "percpu/connection.h"
#include "percpu/internal/door/lane_client.h"

namespace percpu {

// On whose behalf a connection's calls are made. Thread safe.
class TokenSource {
 public:
  virtual ~TokenSource() = default;
  // Returns the session's token in the process that asks: a forked child is
  // admitted anew. Errors: the side door's, or why the session is lost.
  virtual absl::StatusOr<std::string> Token(absl::Time deadline) = 0;
  // Returns the session's lane at the side door; null if it has none, as remote sessions
  // do. Errors: as Token's.
  virtual absl::StatusOr<std::shared_ptr<LaneClient>> Lane(absl::Time /*deadline*/) {
    return nullptr;
  }
};

// As MakeGrpcConnection. `tokens` outlives the connection.
std::shared_ptr<Connection> MakeSessionConnection(std::string_view address,
                                                  const CallOptions& options, TokenSource& tokens);

}  // namespace percpu

#endif  // PERCPUD_CLIENT_SDK_PERCPU_INTERNAL_WIRE_TOKEN_SOURCE_H_

// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_CLIENT_SDK_PERCPU_INTERNAL_WIRE_TOKEN_SOURCE_H_
#define PERCPUD_CLIENT_SDK_PERCPU_INTERNAL_WIRE_TOKEN_SOURCE_H_

#include <memory>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "percpu/connection.h"
#include "percpu/internal/deadline.h"
#include "percpu/internal/door/lane_client.h"

namespace percpu {

// The session in whose name a connection's calls are made. Thread safe.
class TokenSource {
 public:
  virtual ~TokenSource() = default;
  // Returns the session's token in the process that asks: a forked child is admitted
  // anew. Waits for a daemon that is away. Errors: the side door's; UNAVAILABLE if no
  // daemon came in time; why the session is lost.
  virtual absl::StatusOr<std::string> Token(const Deadline& deadline) = 0;
  // Returns the session's lane at the side door. Null if it has none; remote sessions
  // have none. Waits, and fails, as Token does.
  virtual absl::StatusOr<std::shared_ptr<LaneClient>> Lane(const Deadline& /*deadline*/) {
    return nullptr;
  }
};

// Makes a connection as MakeGrpcConnection does, whose calls are made in the name of the
// session of `tokens`. `tokens` outlives the connection.
std::shared_ptr<Connection> MakeSessionConnection(std::string_view address,
                                                  const CallOptions& options, TokenSource& tokens);

}  // namespace percpu

#endif  // PERCPUD_CLIENT_SDK_PERCPU_INTERNAL_WIRE_TOKEN_SOURCE_H_

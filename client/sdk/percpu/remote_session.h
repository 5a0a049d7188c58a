// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_CLIENT_SDK_PERCPU_REMOTE_SESSION_H_
#define PERCPUD_CLIENT_SDK_PERCPU_REMOTE_SESSION_H_

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "percpu/client.h"
#include "percpu/options.h"
#include "percpu/types.h"

namespace percpu {

struct RemoteSessionOptions {
  CallOptions calls;
  // The client's name for itself. Introspection shows it.
  std::string command;
  // The daemon ends the session if it hears nothing of the client for this time: 1 s to
  // 1 h.
  absl::Duration ttl = absl::Seconds(30);
};

// A session of a process that maps nothing, opened by RPC: on another host, or where
// there is no side door. A thread renews it on the session's stream three times per ttl.
// A call waits for a daemon that is away, until its deadline.
//
//   auto session = percpu::RemoteSession::Open("db7:7700", {.command = "loader"});
//   auto hits = (*session)->client().Allocate({.size_bytes = 8});
//
// Ownership: areas allocated through client() are the session's. They are freed when it
// ends: with this object, or a ttl after the daemon last heard of it.
// fork: the session stays the parent's. The child's copy renews nothing and ends nothing.
// It may only be destroyed.
// Thread safety: all methods from any thread.
class RemoteSession {
 public:
  // Errors: INVALID_ARGUMENT for the address or the ttl; the daemon's refusal (quota,
  // policy); UNAVAILABLE; RESOURCE_EXHAUSTED if the process may have no further thread.
  static absl::StatusOr<std::unique_ptr<RemoteSession>> Open(
      std::string_view address, const RemoteSessionOptions& options = {});
  // Ends the session. Waits for the daemon's answer, until a call's deadline.
  ~RemoteSession();
  RemoteSession(const RemoteSession&) = delete;
  RemoteSession& operator=(const RemoteSession&) = delete;

  // Calls in the session's name.
  [[nodiscard]] Client& client();
  // Returns the session's number.
  [[nodiscard]] SessionId id() const;
  // Returns how the last renewal went. UNAUTHENTICATED: the session has ended, and what
  // it owned is gone. UNAVAILABLE, DEADLINE_EXCEEDED: the session ends unless a later
  // renewal gets through.
  [[nodiscard]] absl::Status renewal() const;

 private:
  class KeepAlive;
  RemoteSession(Client client, SessionId id, std::unique_ptr<KeepAlive> keep_alive);

  const std::uint64_t generation_;
  const SessionId id_;
  Client client_;
  std::unique_ptr<KeepAlive> keep_alive_;
};

}  // namespace percpu

#endif  // PERCPUD_CLIENT_SDK_PERCPU_REMOTE_SESSION_H_

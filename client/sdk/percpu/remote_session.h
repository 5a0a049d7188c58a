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
  // What the client calls itself; introspection shows it.
  std::string command;
  // How long the daemon keeps the session of a client it hears nothing of:
  // 1 s to 1 h.
  absl::Duration ttl = absl::Seconds(30);
};

// A session opened by RPC, of a process that maps nothing: on another host, or
// where there is no side door. A thread renews it on the session's stream three
// times per ttl.
//
//   auto session = percpu::RemoteSession::Open("db7:7700", {.command = "loader"});
//   auto hits = (*session)->client().Allocate({.size_bytes = 8});
//
// Ownership: areas allocated through client() are the session's. They are freed
// when it ends: with this object, or a ttl after the daemon last heard of it.
// fork: the session stays the parent's. The child's copy renews nothing and ends
// nothing; it may only be destroyed.
// Thread safety: all methods from any thread.
class RemoteSession {
 public:
  // Errors: INVALID_ARGUMENT for the address or the ttl; the daemon's refusal
  // (quota, policy); UNAVAILABLE.
  static absl::StatusOr<std::unique_ptr<RemoteSession>> Open(
      std::string_view address, const RemoteSessionOptions& options = {});
  // Ends the session; waits for the daemon's word, up to a call's deadline.
  ~RemoteSession();
  RemoteSession(const RemoteSession&) = delete;
  RemoteSession& operator=(const RemoteSession&) = delete;

  // Calls in the session's name.
  [[nodiscard]] Client& client();
  // As the daemon numbers it.
  [[nodiscard]] SessionId id() const;
  // How the last renewal went. UNAUTHENTICATED: the session has ended, and what
  // it owned is gone. UNAVAILABLE, DEADLINE_EXCEEDED: it ends unless a later one
  // gets through.
  [[nodiscard]] absl::Status renewal() const;

 private:
  class KeepAlive;
  RemoteSession(Client client, SessionId id, absl::Duration interval);

  const std::uint64_t generation_;
  const SessionId id_;
  Client client_;
  std::unique_ptr<KeepAlive> keep_alive_;
};

}  // namespace percpu

#endif  // PERCPUD_CLIENT_SDK_PERCPU_REMOTE_SESSION_H_

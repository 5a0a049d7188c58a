// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_SERVER_SESSION_ACCESS_CALLER_H_
#define PERCPUD_SERVER_SESSION_ACCESS_CALLER_H_

#include <cstdint>
#include <string>

#include "server/base/identity.h"

namespace percpud {

// Who is at the other end of a Unix socket, in the kernel's word (SO_PEERCRED),
// as of its connect().
struct Peer {
  ProcessId pid;
  UserId uid;
  UserGroupId gid;

  friend bool operator==(const Peer&, const Peer&) = default;
};

// What a caller may do at all; each includes those before it.
enum class Role : std::uint8_t {
  // Known by nothing: a TCP connection, as a rule.
  kAnonymous,
  // Looks, and changes nothing.
  kViewer,
  // Allocates, and works on what is its own or nobody's.
  kClient,
  // Whatever there is.
  kOperator,
};

// On whose behalf a request is served. Plain data.
struct Caller {
  Role role = Role::kAnonymous;
  SessionId session = kNoSession;
  // kNobody if the kernel did not say.
  UserId uid = kNobody;
  // What the client calls this request, if it may come again.
  RequestId request = kNoRequest;
};

}  // namespace percpud

#endif  // PERCPUD_SERVER_SESSION_ACCESS_CALLER_H_

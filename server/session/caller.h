// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_SERVER_SESSION_CALLER_H_
#define PERCPUD_SERVER_SESSION_CALLER_H_

#include <array>
#include <cstdint>
#include <string>

#include "server/base/units.h"

namespace percpud {

using SessionId = Id<struct SessionIdTag, std::uint64_t>;
// Whoever calls without a session, and what belongs to none.
inline constexpr SessionId kNoSession{0};

using ProcessId = Id<struct ProcessIdTag, std::uint32_t>;
using UserId = Id<struct UserIdTag, std::uint32_t>;
using UserGroupId = Id<struct UserGroupIdTag, std::uint32_t>;

// The kernel's own "no such user".
inline constexpr UserId kNobody{0xffffffff};

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

// 128 random bits: whoever shows them speaks for the session.
using Token = std::array<std::uint8_t, 16>;

// On whose behalf a request is served. Plain data.
struct Caller {
  Role role = Role::kAnonymous;
  SessionId session = kNoSession;
  // kNobody if the kernel did not say.
  UserId uid = kNobody;
};

}  // namespace percpud

#endif  // PERCPUD_SERVER_SESSION_CALLER_H_

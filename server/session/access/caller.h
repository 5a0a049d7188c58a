// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_SERVER_SESSION_ACCESS_CALLER_H_
#define PERCPUD_SERVER_SESSION_ACCESS_CALLER_H_

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "server/base/identity.h"

namespace percpud {

// Who is at the other end of a Unix socket, in the kernel's word (SO_PEERCRED),
// as of its connect().
struct Peer {
  // 0 if the process cannot be seen from the daemon's PID namespace.
  ProcessId pid;
  // kNobody if the user has no number in the daemon's user namespace.
  UserId uid;
  UserGroupId gid;
  // The other groups that the process is a member of.
  std::vector<UserGroupId> groups = {};

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

// Who answers for what a caller causes: a user of this host, or else the host
// at the other end of a TCP connection. Quotas are counted by identity, and what
// is made without a session belongs to its maker's. Plain data.
struct Identity {
  UserId uid = kNobody;
  // Empty for a user, and where nothing is known.
  std::string host;

  // A host is counted, but vouched for by nothing: only users own things.
  [[nodiscard]] bool IsUser() const { return uid != kNobody; }
  // Whether what `other` made is this one's as well.
  [[nodiscard]] bool Owns(const Identity& other) const { return IsUser() && uid == other.uid; }

  friend bool operator==(const Identity&, const Identity&) = default;
  template <typename H>
  friend H AbslHashValue(H h, const Identity& identity) {
    return H::combine(std::move(h), identity.uid, identity.host);
  }
};

// "uid 1000", "10.0.0.7" or "callers without a uid": a quota's holder in errors.
std::string Name(const Identity& identity);

// On whose behalf a request is served. Plain data.
struct Caller {
  Role role = Role::kAnonymous;
  SessionId session = kNoSession;
  // kNobody if the kernel did not say.
  UserId uid = kNobody;
  // What the client calls this request, if it may come again.
  RequestId request = kNoRequest;
  // The other end of a TCP connection; empty for any other.
  std::string host = {};

  [[nodiscard]] Identity identity() const { return {.uid = uid, .host = host}; }
};

}  // namespace percpud

#endif  // PERCPUD_SERVER_SESSION_ACCESS_CALLER_H_

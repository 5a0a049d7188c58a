// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// Who may do what: two tables, both data. AccessRules says which role a peer
// has; kRpcPolicy, which role an RPC asks for and whether what it names has to
// be the caller's own.

#ifndef PERCPUD_SERVER_SESSION_ACCESS_POLICY_H_
#define PERCPUD_SERVER_SESSION_ACCESS_POLICY_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "server/session/access/caller.h"

namespace percpud {

// Users and groups; empty means nobody.
struct Principals {
  bool everybody = false;
  std::vector<UserId> users;
  std::vector<UserGroupId> groups;

  // Whether the user, or one of the groups, is among them.
  [[nodiscard]] bool Names(const Peer& peer) const;
};

// Which role a peer has: the highest that names its user or one of its groups; else the
// highest that everybody has.
struct AccessRules {
  // The daemon's own user and root, besides those named.
  Principals operators;
  // The socket's mode is the gate; behind it, everybody is a client.
  Principals clients{.everybody = true, .users = {}, .groups = {}};
  Principals viewers;
  // The role of connections whose peer the kernel cannot vouch for.
  Role remote = Role::kAnonymous;

  [[nodiscard]] Role RoleOf(const std::optional<Peer>& peer) const;
};

// Every RPC there is, the unary and the streamed form of one being the same.
enum class Rpc : std::uint8_t {
  kPing,
  kAlloc,
  kFree,
  kRead,
  kWrite,
  kAdd,
  kSum,
  kIntrospect,
  kAttach,
  kOpenSession,
  kHandOver,
  kPublish,
  kOpenVariable,
  kRemoveVariable,
  kLease,
  kReturnLease,
  kOpenSeries,
  kListFamilies,
  kReadSeries,
  kWatchSeries,
  kRemoveSeries,
  kResetNamespace,
  kCloseWriter,
  kEndSession,
  kCheck,
  kHealthCheck,
  kHealthWatch,
  kReflection,
  kChannelz,
};
inline constexpr std::size_t kRpcs = static_cast<std::size_t>(Rpc::kChannelz) + 1;

// Who has to own the thing that an RPC names.
enum class Ownership : std::uint8_t {
  kAnybodys,
  // The caller's own, or nobody's.
  kNotAnothers,
  // The caller's own; an operator's power suffices too.
  kOwn,
};

struct RpcPolicy {
  Rpc rpc;
  absl::string_view name;
  Role least;
  Ownership ownership;
};

// One row per RPC, in the order of the enum.
std::span<const RpcPolicy> RpcPolicies();
const RpcPolicy& PolicyOf(Rpc rpc);

// Errors: PermissionDenied, naming the RPC, the role it needs and the caller's.
absl::Status CheckRole(Rpc rpc, const Caller& caller);
// Who owns a thing, as its user sees it.
enum class Owner : std::uint8_t { kNobody, kCaller, kAnother };
// Whether `caller` may use what `owner` owns.
bool MayUse(Rpc rpc, const Caller& caller, Owner owner);

absl::string_view Name(Role role);

}  // namespace percpud

#endif  // PERCPUD_SERVER_SESSION_ACCESS_POLICY_H_

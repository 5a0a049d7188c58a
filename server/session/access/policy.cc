// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/session/access/policy.h"

#include <unistd.h>

#include <algorithm>
#include <array>

#include "server/base/errors.h"

namespace percpud {
namespace {

constexpr std::array kRpcPolicies{
    RpcPolicy{Rpc::kPing, "Ping", Role::kAnonymous, Ownership::kAnybodys},
    RpcPolicy{Rpc::kAlloc, "Alloc", Role::kClient, Ownership::kAnybodys},
    RpcPolicy{Rpc::kFree, "Free", Role::kClient, Ownership::kOwn},
    RpcPolicy{Rpc::kRead, "Read", Role::kViewer, Ownership::kAnybodys},
    RpcPolicy{Rpc::kWrite, "Write", Role::kClient, Ownership::kNotAnothers},
    RpcPolicy{Rpc::kAdd, "Add", Role::kClient, Ownership::kNotAnothers},
    RpcPolicy{Rpc::kSum, "Sum", Role::kViewer, Ownership::kAnybodys},
    RpcPolicy{Rpc::kIntrospect, "Introspection", Role::kViewer, Ownership::kAnybodys},
    RpcPolicy{Rpc::kAttach, "Attach", Role::kClient, Ownership::kAnybodys},
    RpcPolicy{Rpc::kOpenSession, "OpenSession", Role::kClient, Ownership::kAnybodys},
    RpcPolicy{Rpc::kHandOver, "HandOver", Role::kClient, Ownership::kOwn},
    RpcPolicy{Rpc::kPublish, "Publish", Role::kClient, Ownership::kOwn},
    RpcPolicy{Rpc::kOpenVariable, "OpenVariable", Role::kClient, Ownership::kAnybodys},
    RpcPolicy{Rpc::kRemoveVariable, "RemoveVariable", Role::kClient, Ownership::kAnybodys},
    RpcPolicy{Rpc::kLease, "LeaseChunk", Role::kClient, Ownership::kAnybodys},
    RpcPolicy{Rpc::kReturnLease, "ReturnLease", Role::kClient, Ownership::kOwn},
    RpcPolicy{Rpc::kOpenSeries, "OpenSeries", Role::kClient, Ownership::kAnybodys},
    RpcPolicy{Rpc::kListFamilies, "ListFamilies", Role::kViewer, Ownership::kAnybodys},
    RpcPolicy{Rpc::kReadSeries, "ReadSeries", Role::kViewer, Ownership::kAnybodys},
    RpcPolicy{Rpc::kWatchSeries, "WatchSeries", Role::kViewer, Ownership::kAnybodys},
    RpcPolicy{Rpc::kRemoveSeries, "RemoveSeries", Role::kClient, Ownership::kAnybodys},
    RpcPolicy{Rpc::kResetNamespace, "ResetNamespace", Role::kClient, Ownership::kAnybodys},
    RpcPolicy{Rpc::kCloseWriter, "CloseWriter", Role::kClient, Ownership::kOwn},
    RpcPolicy{Rpc::kEndSession, "EndSession", Role::kClient, Ownership::kOwn},
    RpcPolicy{Rpc::kCheck, "Check", Role::kOperator, Ownership::kAnybodys},
    RpcPolicy{Rpc::kHealthCheck, "Health.Check", Role::kAnonymous, Ownership::kAnybodys},
    RpcPolicy{Rpc::kHealthWatch, "Health.Watch", Role::kViewer, Ownership::kAnybodys},
    RpcPolicy{Rpc::kReflection, "ServerReflection", Role::kViewer, Ownership::kAnybodys},
    RpcPolicy{Rpc::kChannelz, "Channelz", Role::kViewer, Ownership::kAnybodys},
};

constexpr bool InEnumOrder() {
  for (std::size_t i = 0; i < kRpcPolicies.size(); ++i) {
    if (static_cast<std::size_t>(kRpcPolicies[i].rpc) != i) return false;
  }
  return true;
}
static_assert(InEnumOrder() && kRpcPolicies.size() == kRpcs);

}  // namespace

bool Principals::Names(const Peer& peer) const {
  const auto is_named = [this](UserGroupId group) {
    return std::find(groups.begin(), groups.end(), group) != groups.end();
  };
  return std::find(users.begin(), users.end(), peer.uid) != users.end() || is_named(peer.gid) ||
         std::any_of(peer.groups.begin(), peer.groups.end(), is_named);
}

Role AccessRules::RoleOf(const std::optional<Peer>& peer) const {
  if (!peer) return remote;
  const bool own = peer->uid == UserId(0) || peer->uid == UserId(geteuid());
  if (own || operators.everybody || operators.Names(*peer)) return Role::kOperator;
  if (clients.Names(*peer)) return Role::kClient;
  // One who is to look is named so, though everybody may count.
  if (viewers.Names(*peer)) return Role::kViewer;
  if (clients.everybody) return Role::kClient;
  return viewers.everybody ? Role::kViewer : Role::kAnonymous;
}

std::span<const RpcPolicy> RpcPolicies() { return kRpcPolicies; }

const RpcPolicy& PolicyOf(Rpc rpc) { return kRpcPolicies[static_cast<std::size_t>(rpc)]; }

absl::Status CheckRole(Rpc rpc, const Caller& caller) {
  const RpcPolicy& policy = PolicyOf(rpc);
  if (caller.role >= policy.least) return absl::OkStatus();
  return errors::RoleTooLow(policy.name, Name(policy.least), Name(caller.role));
}

bool MayUse(Rpc rpc, const Caller& caller, Owner owner) {
  if (caller.role == Role::kOperator) return true;
  switch (PolicyOf(rpc).ownership) {
    case Ownership::kAnybodys:
      return true;
    case Ownership::kNotAnothers:
      return owner != Owner::kAnother;
    case Ownership::kOwn:
      return owner == Owner::kCaller;
  }
  return false;
}

absl::string_view Name(Role role) {
  switch (role) {
    case Role::kAnonymous:
      return "anonymous";
    case Role::kViewer:
      return "viewer";
    case Role::kClient:
      return "client";
    case Role::kOperator:
      return "operator";
  }
  return "?";
}

}  // namespace percpud

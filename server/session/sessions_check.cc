// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// What always holds of the books, walked, while requests come and go.

#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "server/percpu/introspect/inspector.h"
#include "server/session/sessions.h"

namespace percpud {

// Something the books say the allocator has granted.
struct Sessions::Claim {
  PercpuPtr pointer;
  // Of an area; of a leased chunk, that of a unit.
  Bytes size;
  bool is_lease = false;
};

absl::StatusOr<std::uint64_t> Sessions::CheckInvariants() const {
  const absl::StatusOr<std::vector<Claim>> claims = CheckBooks();
  if (!claims.ok()) return claims.status();
  std::uint64_t areas = 0;
  for (const Claim& claim : *claims) {
    areas += std::uint64_t{!claim.is_lease};
    if (!IsLost(claim)) continue;
    return absl::InternalError(
        absl::StrCat("sessions: the allocator has no ", claim.is_lease ? "lease" : "area", " of ",
                     claim.size.value(), " bytes at ", claim.pointer.value()));
  }
  return areas;
}

// What is freed leaves the books first and the allocator then, and what is granted comes
// the other way: nothing in the books is ever unknown to the allocator. But the copy of
// them ages, and between two looks an area can go and come again: not time after time.
bool Sessions::IsLost(const Claim& claim) const {
  constexpr int kLooks = 4;
  for (int i = 0; i < kLooks; ++i) {
    if (IsGranted(claim) || !IsClaimed(claim)) return false;
  }
  return !IsGranted(claim);
}

absl::StatusOr<std::vector<Sessions::Claim>> Sessions::CheckBooks() const {
  RankedLock lock(&mu_);
  for (const auto& [id, session] : sessions_) {
    if (absl::Status status = CheckSession(id, session); !status.ok()) return status;
  }
  if (absl::Status status = CheckTotals(); !status.ok()) return status;
  return Claims();
}

absl::Status Sessions::CheckSession(SessionId id, const Session& session) const {
  const auto token = tokens_.find(session.token);
  if (token == tokens_.end() || token->second != id) {
    return absl::InternalError(absl::StrCat("sessions: session ", id.value(), "'s token is not"));
  }
  Usage held{.bytes = Bytes(0), .areas = session.areas.size()};
  for (const PercpuPtr area : session.areas) {
    const auto owned = owned_.find(area);
    if (owned == owned_.end() || owned->second.session != id) {
      return absl::InternalError(absl::StrCat("sessions: session ", id.value(), " holds area ",
                                              area.value(), ", which is not its own"));
    }
    held.bytes += owned->second.size;
  }
  for (const auto& [chunk, lease] : leases_) {
    if (lease.holder == id) held += UsageOfLease();
  }
  // Requests under way are charged before they are entered.
  const Usage& use = session.account.use();
  if (use.bytes < held.bytes || use.areas < held.areas || use.leases < held.leases) {
    return absl::InternalError(absl::StrCat("sessions: session ", id.value(), " is charged ",
                                            use.bytes.value(), " bytes, ", use.areas, " areas, ",
                                            use.leases, " leases and holds ", held.bytes.value(),
                                            ", ", held.areas, ", ", held.leases));
  }
  return absl::OkStatus();
}

absl::Status Sessions::CheckTotals() const {
  std::uint64_t areas = 0;
  absl::flat_hash_map<UserId, User> users;
  for (const auto& [id, session] : sessions_) {
    areas += session.areas.size();
    if (!session.spec.peer) continue;
    User& user = users[session.spec.peer->uid];
    ++user.sessions;
    user.account.Restore(session.account.use());
  }
  if (areas != owned_.size() || tokens_.size() != sessions_.size() ||
      users.size() != users_.size()) {
    return absl::InternalError(absl::StrCat(
        "sessions: ", sessions_.size(), " sessions of ", users.size(), " users hold ", areas,
        " areas; counted ", tokens_.size(), ", ", users_.size(), ", ", owned_.size()));
  }
  for (const auto& [uid, user] : users_) {
    const User& sum = users[uid];
    if (user.sessions != sum.sessions || user.account.use() != sum.account.use()) {
      return absl::InternalError(
          absl::StrCat("sessions: uid ", uid.value(), "'s account is not its sessions' sum"));
    }
  }
  for (const auto& [chunk, lease] : leases_) {
    if (lease.holder != kNoSession && !sessions_.contains(lease.holder)) {
      return absl::InternalError(
          absl::StrCat("sessions: chunk ", chunk.value(), "'s holder has ended"));
    }
  }
  return absl::OkStatus();
}

std::vector<Sessions::Claim> Sessions::Claims() const {
  std::vector<Claim> claims;
  claims.reserve(owned_.size());
  for (const auto& [pointer, owned] : owned_) {
    claims.push_back({.pointer = pointer, .size = owned.size});
  }
  for (const Variable& variable : variables_.List("", SIZE_MAX)) {
    claims.push_back({.pointer = variable.pointer, .size = variable.size});
  }
  for (const auto& [chunk, lease] : leases_) {
    claims.push_back(
        {.pointer = lease.chunk.base, .size = lease.chunk.unit_size, .is_lease = true});
  }
  return claims;
}

bool Sessions::IsGranted(const Claim& claim) const {
  const absl::StatusOr<Resolution> found = Inspector(allocator_).Resolve(claim.pointer);
  if (!found.ok()) return false;
  if (claim.is_lease) return found->owner == Resolution::Owner::kLease;
  return found->owner == Resolution::Owner::kArea && found->area.pointer == claim.pointer &&
         found->area.size == claim.size;
}

bool Sessions::IsClaimed(const Claim& claim) const {
  RankedLock lock(&mu_);
  if (claim.is_lease) {
    for (const auto& [chunk, lease] : leases_) {
      if (lease.chunk.base == claim.pointer) return true;
    }
    return false;
  }
  const auto owned = owned_.find(claim.pointer);
  if (owned != owned_.end()) return owned->second.size == claim.size;
  const Variable* variable = variables_.At(claim.pointer);
  return variable != nullptr && variable->size == claim.size;
}

}  // namespace percpud

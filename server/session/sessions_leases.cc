// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// Who has which chunk to itself.

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "server/base/errors.h"
#include "server/session/sessions.h"

namespace percpud {

// A lease takes a whole unit, however little of it is in use.
Usage Sessions::UsageOfLease() const {
  return {.bytes = allocator_.info().unit_size, .areas = 0, .leases = 1};
}

absl::StatusOr<std::optional<Sessions::GrantedLease>> Sessions::TakeUp(const Caller& caller,
                                                                       const std::string& name) {
  for (auto& [chunk, lease] : leases_) {
    if (name.empty() || lease.name != name) continue;
    if (lease.maker != caller.uid) return errors::NotMaker(name, lease.maker.value());
    if (lease.holder != kNoSession) return errors::LeaseHeld(name, lease.holder.value());
    const auto session = sessions_.find(caller.session);
    if (session == sessions_.end()) return errors::SessionEnded(caller.session.value());
    absl::Status status = ChargeLocked(caller.session, session->second, UsageOfLease());
    if (!status.ok()) return status;
    lease.holder = caller.session;
    return GrantedLease{.chunk = lease.chunk, .existed = true};
  }
  return std::nullopt;
}

absl::StatusOr<Sessions::GrantedLease> Sessions::Lease(const Caller& caller,
                                                       const std::string& name) {
  if (caller.session == kNoSession) return errors::NeedsSession("LeaseChunk");
  if (!name.empty()) {
    if (absl::Status status = CheckVariableName(name); !status.ok()) return status;
  }
  {
    RankedLock lock(&mu_);
    absl::StatusOr<std::optional<GrantedLease>> kept = TakeUp(caller, name);
    if (!kept.ok()) return kept.status();
    if (*kept) return **kept;
  }
  if (absl::Status status = Charge(caller.session, UsageOfLease()); !status.ok()) return status;
  absl::StatusOr<LeasedChunk> chunk = allocator_.LeaseChunk();
  if (!chunk.ok()) {
    Refund(caller.session, UsageOfLease());
    return chunk.status();
  }
  absl::StatusOr<std::optional<GrantedLease>> raced = std::nullopt;
  {
    RankedLock lock(&mu_);
    const bool alive = sessions_.contains(caller.session);
    // Another session may have made the name meanwhile.
    raced = alive ? TakeUp(caller, name) : errors::SessionEnded(caller.session.value());
    if (raced.ok() && !*raced) {
      leases_.emplace(
          chunk->id,
          LeaseRecord{
              .chunk = *chunk, .name = name, .holder = caller.session, .maker = caller.uid});
      return GrantedLease{.chunk = *chunk};
    }
  }
  Refund(caller.session, UsageOfLease());
  allocator_.ReturnLease(chunk->id).IgnoreError();
  if (!raced.ok()) return raced.status();
  return **raced;
}

absl::Status Sessions::ReturnLease(const Caller& caller, ChunkId chunk) {
  {
    RankedLock lock(&mu_);
    const auto lease = leases_.find(chunk);
    if (lease == leases_.end()) return errors::LeaseNotFound(chunk);
    const SessionId holder = lease->second.holder;
    if (!MayUse(Rpc::kReturnLease, caller, holder)) {
      return errors::NotLeaseholder(chunk, holder.value());
    }
    if (const auto session = sessions_.find(holder); session != sessions_.end()) {
      RefundLocked(session->second, UsageOfLease());
    }
    leases_.erase(lease);
  }
  return allocator_.ReturnLease(chunk);
}

std::vector<ChunkId> Sessions::Release(SessionId id) {
  std::vector<ChunkId> returned;
  for (auto lease = leases_.begin(); lease != leases_.end();) {
    if (lease->second.holder != id) {
      ++lease;
    } else if (!lease->second.name.empty()) {
      lease->second.holder = kNoSession;
      ++lease;
    } else {
      returned.push_back(lease->first);
      lease = leases_.erase(lease);
    }
  }
  return returned;
}

std::vector<Sessions::LeaseRecord> Sessions::ListLeases() const {
  std::vector<LeaseRecord> out;
  RankedLock lock(&mu_);
  for (const auto& [chunk, lease] : leases_) out.push_back(lease);
  return out;
}

}  // namespace percpud

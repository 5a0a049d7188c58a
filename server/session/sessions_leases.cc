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
                                                                       const std::string& name,
                                                                       Ticket& ticket) {
  for (auto& [chunk, lease] : leases_) {
    if (name.empty() || lease.name != name) continue;
    if (lease.maker != caller.uid) return errors::NotMaker(name, lease.maker.value());
    if (lease.holder != kNoSession) return errors::LeaseHeld(name, lease.holder.value());
    const auto session = sessions_.find(caller.session);
    if (session == sessions_.end()) return errors::SessionEnded(caller.session.value());
    absl::Status status = ChargeLocked(caller.session, session->second, UsageOfLease());
    if (!status.ok()) return status;
    lease.holder = caller.session;
    catalog::Changes changes;
    if (options_.catalog != nullptr) changes.Put(RecordOf(lease));
    KeepAnswer(caller, {chunk.value(), 1}, changes);
    ticket = Enter(std::move(changes));
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
  const Request request(*this, caller);
  if (!request.status().ok()) return request.status();
  if (request.answer()) return RepeatLease(*request.answer());
  Ticket ticket = Ticket::kNothing;
  absl::StatusOr<std::optional<GrantedLease>> kept = std::nullopt;
  {
    RankedLock lock(&mu_);
    kept = TakeUp(caller, name, ticket);
  }
  if (!kept.ok()) return kept.status();
  if (*kept) return Committed(caller, **kept, ticket);
  return LeaseFresh(caller, name);
}

absl::StatusOr<Sessions::GrantedLease> Sessions::LeaseFresh(const Caller& caller,
                                                            const std::string& name) {
  if (absl::Status status = Charge(caller.session, UsageOfLease()); !status.ok()) return status;
  absl::StatusOr<LeasedChunk> chunk = allocator_.LeaseChunk();
  if (!chunk.ok()) {
    Refund(caller.session, UsageOfLease());
    return chunk.status();
  }
  Ticket ticket = Ticket::kNothing;
  bool is_mine = false;
  absl::StatusOr<std::optional<GrantedLease>> raced = std::nullopt;
  {
    RankedLock lock(&mu_);
    const bool alive = sessions_.contains(caller.session);
    // Another session may have made the name meanwhile.
    raced = alive ? TakeUp(caller, name, ticket) : errors::SessionEnded(caller.session.value());
    if (raced.ok() && !*raced) {
      is_mine = true;
      const LeaseRecord lease{
          .chunk = *chunk, .name = name, .holder = caller.session, .maker = caller.uid};
      leases_.emplace(chunk->id, lease);
      catalog::Changes changes;
      if (options_.catalog != nullptr) changes.Put(RecordOf(lease));
      KeepAnswer(caller, {chunk->id.value(), 0}, changes);
      ticket = Enter(std::move(changes));
    }
  }
  if (is_mine) return Committed(caller, {.chunk = *chunk}, ticket);
  Refund(caller.session, UsageOfLease());
  allocator_.ReturnLease(chunk->id).IgnoreError();
  if (!raced.ok()) return raced.status();
  return Committed(caller, **raced, ticket);
}

// A lease in the books, once it is in the catalog; otherwise undone.
absl::StatusOr<Sessions::GrantedLease> Sessions::Committed(const Caller& caller,
                                                           const GrantedLease& granted,
                                                           Ticket ticket) {
  const absl::Status status = Await(ticket);
  if (status.ok()) return granted;
  bool to_return = false;
  {
    RankedLock lock(&mu_);
    ForgetAnswer(caller);
    const auto lease = leases_.find(granted.chunk.id);
    if (lease != leases_.end() && lease->second.holder == caller.session) {
      const auto session = sessions_.find(caller.session);
      if (session != sessions_.end()) RefundLocked(session->second, UsageOfLease());
      lease->second.holder = kNoSession;
      to_return = !granted.existed;
      if (to_return) leases_.erase(lease);
    }
  }
  if (to_return) allocator_.ReturnLease(granted.chunk.id).IgnoreError();
  return status;
}

absl::StatusOr<Sessions::GrantedLease> Sessions::RepeatLease(const Answers::Words& words) const {
  if (words.size() != 2) return errors::RequestDiffers();
  RankedLock lock(&mu_);
  const auto lease = leases_.find(ChunkId(words[0]));
  if (lease == leases_.end()) return errors::LeaseNotFound(ChunkId(words[0]));
  return GrantedLease{.chunk = lease->second.chunk, .existed = words[1] != 0};
}

absl::Status Sessions::ReturnLease(const Caller& caller, ChunkId chunk) {
  const Request request(*this, caller);
  if (!request.status().ok() || request.answer()) return request.status();
  LeaseRecord returned;
  Ticket ticket = Ticket::kNothing;
  {
    RankedLock lock(&mu_);
    const auto lease = leases_.find(chunk);
    if (lease == leases_.end()) return errors::LeaseNotFound(chunk);
    returned = lease->second;
    if (!MayUse(Rpc::kReturnLease, caller, returned.holder)) {
      return errors::NotLeaseholder(chunk, returned.holder.value());
    }
    if (const auto session = sessions_.find(returned.holder); session != sessions_.end()) {
      RefundLocked(session->second, UsageOfLease());
    }
    leases_.erase(lease);
    catalog::Changes changes;
    if (options_.catalog != nullptr) changes.DeleteLease(chunk);
    KeepAnswer(caller, {}, changes);
    ticket = Enter(std::move(changes));
  }
  if (absl::Status status = Await(ticket); !status.ok()) {
    RankedLock lock(&mu_);
    ForgetAnswer(caller);
    const auto holder = sessions_.find(returned.holder);
    if (holder != sessions_.end()) RestoreUse(holder->second, UsageOfLease());
    leases_.emplace(chunk, returned);
    return status;
  }
  return allocator_.ReturnLease(chunk);
}

std::vector<ChunkId> Sessions::Release(SessionId id, catalog::Changes& changes) {
  std::vector<ChunkId> returned;
  for (auto lease = leases_.begin(); lease != leases_.end();) {
    if (lease->second.holder != id) {
      ++lease;
    } else if (!lease->second.name.empty()) {
      lease->second.holder = kNoSession;
      if (options_.catalog != nullptr) changes.Put(RecordOf(lease->second));
      ++lease;
    } else {
      returned.push_back(lease->first);
      if (options_.catalog != nullptr) changes.DeleteLease(lease->first);
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

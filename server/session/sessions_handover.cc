// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// Areas that go from one session to another.

#include <span>
#include <utility>

#include "server/base/errors.h"
#include "server/session/sessions.h"

namespace percpud {

absl::Status Sessions::HandOver(const Caller& caller, std::span<const PercpuPtr> pointers,
                                SessionId to) {
  if (pointers.empty()) return errors::BatchIsEmpty("pointers");
  const Request request(*this, caller);
  if (!request.status().ok() || request.answer()) return request.status();
  Withdrawn moved;
  Ticket ticket = Ticket::kNothing;
  {
    RankedLock lock(&mu_);
    const auto receiver = sessions_.find(to);
    if (receiver == sessions_.end()) return errors::SessionNotFound(to.value());
    Usage use;
    for (const PercpuPtr pointer : pointers) {
      absl::Status status = CheckMayTake(Rpc::kHandOver, caller, pointer);
      if (!status.ok()) return status;
      const auto entry = owned_.find(pointer);
      if (entry == owned_.end()) return errors::OwnedByNobody(pointer);
      use += {.bytes = entry->second.size, .areas = 1};
      moved.emplace_back(pointer, entry->second);
    }
    if (absl::Status status = ChargeLocked(to, receiver->second, use); !status.ok()) return status;
    catalog::Changes changes;
    for (const auto& [pointer, owned] : moved) {
      Move(pointer, to);
      if (options_.catalog != nullptr) changes.SetOwner(pointer, to);
    }
    KeepAnswer(caller, {}, changes);
    ticket = Enter(std::move(changes));
  }
  absl::Status status = Await(ticket);
  if (!status.ok()) HandBack(moved, to);
  return status;
}

// The receiver is charged already.
void Sessions::Move(PercpuPtr pointer, SessionId to) {
  Owned& owned = owned_.find(pointer)->second;
  Session& giver = sessions_.find(owned.session)->second;
  giver.areas.erase(pointer);
  RefundLocked(giver, {.bytes = owned.size, .areas = 1});
  sessions_.find(to)->second.areas.insert(pointer);
  owned.session = to;
}

void Sessions::HandBack(const Withdrawn& moved, SessionId from) {
  RankedLock lock(&mu_);
  for (const auto& [pointer, owned] : moved) {
    const auto entry = owned_.find(pointer);
    const auto giver = sessions_.find(owned.session);
    if (entry == owned_.end() || entry->second.session != from || giver == sessions_.end())
      continue;
    RestoreUse(giver->second, {.bytes = owned.size, .areas = 1});
    Move(pointer, owned.session);
  }
}

// What was held may be held on, whatever the quota says by now.
void Sessions::RestoreUse(Session& session, const Usage& held) {
  session.account.Restore(held);
  if (session.spec.peer) users_[session.spec.peer->uid].account.Restore(held);
}

}  // namespace percpud

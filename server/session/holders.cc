// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/session/holders.h"

#include <algorithm>
#include <cassert>

#include "absl/strings/str_cat.h"
#include "server/base/errors.h"
#include "server/base/status_macros.h"

namespace percpud {

absl::Status Holders::CheckTotal(std::size_t sessions) {
  if (sessions < limits_.sessions) return absl::OkStatus();
  ++quota_refusals_;
  return errors::TooManySessions("the daemon", limits_.sessions);
}

absl::Status Holders::CheckRoom(const Identity& identity, bool is_remote) {
  const auto entry = identities_.find(identity);
  if (entry == identities_.end()) return absl::OkStatus();
  const IdentityRow& row = entry->second;
  if (is_remote) {
    // A caller in this process has neither user nor host.
    const bool is_counted = identity != Identity{};
    if (!is_counted || row.remote_sessions < limits_.remote_sessions_per_opener) {
      return absl::OkStatus();
    }
    ++quota_refusals_;
    return errors::TooManyRemoteSessions(Name(identity), limits_.remote_sessions_per_opener);
  }
  if (row.local_sessions < limits_.sessions_per_user) return absl::OkStatus();
  ++quota_refusals_;
  return errors::TooManySessions(Name(identity), limits_.sessions_per_user);
}

absl::Status Holders::AddSession(SessionId session, const Identity& identity, bool is_remote) {
  RETURN_IF_ERROR(CheckRoom(identity, is_remote));
  RestoreSession(session, identity, is_remote);
  return absl::OkStatus();
}

void Holders::RestoreSession(SessionId session, const Identity& identity, bool is_remote) {
  assert(!holders_.contains(HolderOf(session)));
  holders_[HolderOf(session)].identity = identity;
  IdentityRow& row = identities_[identity];
  ++(is_remote ? row.remote_sessions : row.local_sessions);
}

void Holders::RemoveSession(SessionId session, bool is_remote) {
  const auto entry = holders_.find(HolderOf(session));
  assert(entry != holders_.end() && entry->second.areas.empty() && entry->second.leases.empty());
  // Requests under way are charged and will find no session.
  const Usage pending = entry->second.account.use();
  const Identity identity = std::move(entry->second.identity);
  holders_.erase(entry);
  IdentityRow& row = identities_.find(identity)->second;
  row.account.Refund(pending);
  std::uint32_t& sessions = is_remote ? row.remote_sessions : row.local_sessions;
  assert(sessions > 0);
  --sessions;
  ForgetRow(identity);
}

HolderId Holders::OwnOf(const Identity& identity) {
  IdentityRow& row = identities_[identity];
  if (row.own == kNoHolder) {
    row.own = HolderId(++last_identity_);
    holders_[row.own].identity = identity;
  }
  return row.own;
}

void Holders::RestoreIdentity(HolderId own, const Identity& identity) {
  assert(IsIdentity(own) && !holders_.contains(own));
  IdentityRow& row = identities_[identity];
  row.own = own;
  last_identity_ = std::max(last_identity_, own.value());
  Holder& holder = holders_[own];
  holder.identity = identity;
  holder.is_recorded = true;
}

void Holders::ForgetIfIdle(HolderId own) {
  assert(IsIdentity(own));
  const auto entry = holders_.find(own);
  if (entry == holders_.end() || entry->second.in_flight > 0 || !WouldBeIdle(own, {})) return;
  const Identity identity = std::move(entry->second.identity);
  holders_.erase(entry);
  identities_.find(identity)->second.own = kNoHolder;
  ForgetRow(identity);
}

bool Holders::WouldBeIdle(HolderId id, const Usage& leaving) const {
  const Holder* const holder = Find(id);
  return holder != nullptr && holder->account.use() == leaving;
}

void Holders::ForgetRow(const Identity& identity) {
  const auto entry = identities_.find(identity);
  const IdentityRow& row = entry->second;
  if (row.own != kNoHolder || row.local_sessions + row.remote_sessions > 0) return;
  assert(row.account.use() == Usage{});
  identities_.erase(entry);
}

absl::Status Holders::Charge(HolderId id, const Usage& more) {
  Holder* const holder = Find(id);
  assert(holder != nullptr);
  const std::string name = IsIdentity(id) ? Name(holder->identity) : NameOf(id);
  absl::Status status = holder->account.Charge(limits_.per_session, name, more);
  if (status.ok()) {
    IdentityRow& row = identities_.find(holder->identity)->second;
    status = row.account.Charge(limits_.per_user, Name(holder->identity), more);
    if (!status.ok()) holder->account.Refund(more);
  }
  if (!status.ok()) ++quota_refusals_;
  return status;
}

absl::Status Holders::ChargeLasting(HolderId own, const Usage& more) {
  assert(IsIdentity(own));
  Holder* const holder = Find(own);
  assert(holder != nullptr);
  IdentityRow& row = identities_.find(holder->identity)->second;
  absl::Status status = row.account.Charge(limits_.per_user, Name(holder->identity), more);
  if (status.ok()) {
    holder->account.Restore(more);
  } else {
    ++quota_refusals_;
  }
  return status;
}

bool Holders::HasRoom(const Identity& identity, const Usage& more) const {
  const auto row = identities_.find(identity);
  Account account = row == identities_.end() ? Account() : row->second.account;
  return account.Charge(limits_.per_user, Name(identity), more).ok();
}

void Holders::Refund(HolderId id, const Usage& less) {
  Holder* const holder = Find(id);
  assert(holder != nullptr);
  holder->account.Refund(less);
  identities_.find(holder->identity)->second.account.Refund(less);
}

void Holders::Restore(HolderId id, const Usage& held) {
  Holder* const holder = Find(id);
  assert(holder != nullptr);
  holder->account.Restore(held);
  identities_.find(holder->identity)->second.account.Restore(held);
}

// Refunded first: what stays with one identity takes none of its room.
absl::Status Holders::Transfer(HolderId from, HolderId to, const Usage& use) {
  Refund(from, use);
  absl::Status status = Charge(to, use);
  if (!status.ok()) Restore(from, use);
  return status;
}

void Holders::TransferBack(HolderId from, HolderId to, const Usage& use) {
  Refund(from, use);
  Restore(to, use);
}

Holder* Holders::Find(HolderId id) {
  const auto entry = holders_.find(id);
  return entry == holders_.end() ? nullptr : &entry->second;
}

const Holder* Holders::Find(HolderId id) const {
  const auto entry = holders_.find(id);
  return entry == holders_.end() ? nullptr : &entry->second;
}

bool Holders::IsCallers(HolderId id, const Caller& caller) const {
  if (id == kNoHolder) return false;
  if (!IsIdentity(id)) return SessionOf(id) == caller.session;
  const Holder* const holder = Find(id);
  return holder != nullptr && caller.identity().Owns(holder->identity);
}

std::string Holders::NameOf(HolderId id) const {
  if (!IsIdentity(id)) return absl::StrCat("session ", id.value());
  const Holder* const holder = Find(id);
  return holder == nullptr ? "nobody" : Name(holder->identity);
}

}  // namespace percpud

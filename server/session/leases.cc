// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/session/leases.h"

#include "server/base/errors.h"
#include "server/base/status_macros.h"
#include "server/session/access/policy.h"
#include "server/session/areas.h"

namespace percpud {

absl::StatusOr<GrantedLease> Leases::Lease(const Caller& caller, const std::string& name) {
  if (caller.session == kNoSession) return errors::NeedsSession("LeaseChunk");
  if (!name.empty()) {
    RETURN_IF_ERROR(CheckVariableName(name));
    if (!caller.identity().IsUser()) return errors::NeedsUser("a kept lease");
  }
  Transaction tx(books_, caller);
  RETURN_IF_ERROR(tx.status());
  if (tx.answer()) return Repeat(tx.tables(), caller, *tx.answer());
  tx.WaitUntil([&] { return tx.tables().leases.IsNameSettled(name); });
  RETURN_IF_ERROR(tx.CheckCaller());
  const LeaseRecord* const kept = tx.tables().leases.FindKept(name);
  return kept == nullptr ? LeaseFresh(tx, caller, name) : AdoptKeptLease(tx, caller, *kept);
}

absl::StatusOr<GrantedLease> Leases::AdoptKeptLease(Transaction& tx, const Caller& caller,
                                                    const LeaseRecord& lease) {
  if (!caller.identity().Owns({.uid = lease.maker, .host = {}})) {
    return errors::NotMaker(lease.name, lease.maker.value());
  }
  if (lease.holder != kNoSession) return errors::LeaseHeld(lease.name, lease.holder.value());
  Tables& tables = tx.tables();
  const HolderId maker = tables.leases.OwnerOf(lease);
  const HolderId taker = HolderOf(caller.session);
  const ChunkId chunk = lease.chunk.id;
  const Usage use = UsageOfLease(lease.chunk.unit_size);
  RETURN_IF_ERROR(tables.holders.Transfer(maker, taker, use));
  tables.leases.SetState(chunk, RowState::kChanging);
  LeaseRecord adopted = lease;
  adopted.holder = caller.session;
  adopted.granted_by = caller.request;
  tx.Put(RecordOf(adopted));
  tx.Answer({chunk.value(), 1});
  tx.Pin(maker);
  const auto move = [&](Tables& now) {
    now.leases.Move(chunk, caller.session, caller.request);
    now.leases.SetState(chunk, RowState::kSettled);
    now.holders.ForgetIfIdle(maker);
  };
  const auto undo = [&](Tables& now) {
    now.holders.TransferBack(taker, maker, use);
    now.leases.SetState(chunk, RowState::kSettled);
  };
  RETURN_IF_ERROR(tx.Commit(move, undo));
  return GrantedLease{.chunk = adopted.chunk, .existed = true};
}

absl::StatusOr<GrantedLease> Leases::LeaseFresh(Transaction& tx, const Caller& caller,
                                                const std::string& name) {
  const HolderId holder = HolderOf(caller.session);
  RETURN_IF_ERROR(tx.tables().holders.Charge(holder, use()));
  const absl::StatusOr<LeasedChunk> chunk = tx.Unlocked([&] { return allocator_.LeaseChunk(); });
  // Another session may be making the name, or have made it.
  tx.WaitUntil([&] { return tx.tables().leases.IsNameSettled(name); });
  const absl::Status alive = tx.CheckCaller();
  const LeaseRecord* const kept = alive.ok() ? tx.tables().leases.FindKept(name) : nullptr;
  if (alive.ok() && chunk.ok() && kept == nullptr) {
    return Enter(tx, {.chunk = *chunk,
                      .name = name,
                      .holder = caller.session,
                      .maker = caller.uid,
                      .granted_by = caller.request});
  }
  const auto settle_without = [&]() -> absl::StatusOr<GrantedLease> {
    // The account of a session that has ended went with it.
    RETURN_IF_ERROR(alive);
    tx.tables().holders.Refund(holder, use());
    if (kept == nullptr) return chunk.status();
    return AdoptKeptLease(tx, caller, *kept);
  };
  absl::StatusOr<GrantedLease> out = settle_without();
  if (tx.is_open()) tx.Abandon();
  if (chunk.ok()) allocator_.ReturnLease(chunk->id).IgnoreError();
  return out;
}

absl::StatusOr<GrantedLease> Leases::Enter(Transaction& tx, const LeaseRecord& lease) {
  const ChunkId chunk = lease.chunk.id;
  tx.tables().leases.Enter(lease, RowState::kEntered);
  tx.Put(RecordOf(lease));
  tx.Answer({chunk.value(), 0});
  const absl::Status status =
      tx.Commit([&](Tables& tables) { tables.leases.SetState(chunk, RowState::kSettled); },
                [&](Tables& tables) { tables.leases.Withdraw(chunk); });
  if (status.ok()) return GrantedLease{.chunk = lease.chunk};
  allocator_.ReturnLease(chunk).IgnoreError();
  return status;
}

absl::StatusOr<GrantedLease> Leases::Repeat(const Tables& tables, const Caller& caller,
                                            const Answers::Words& words) {
  if (words.size() != 2) return errors::RequestDiffers();
  const ChunkId chunk(words[0]);
  const LeaseRecord* const lease = tables.leases.Find(chunk);
  const bool is_the_same =
      lease != nullptr && lease->holder == caller.session && lease->granted_by == caller.request;
  if (!is_the_same) return errors::LeaseNotFound(chunk);
  return GrantedLease{.chunk = lease->chunk, .existed = words[1] != 0};
}

absl::Status Leases::Return(const Caller& caller, ChunkId chunk) {
  Transaction tx(books_, caller);
  RETURN_IF_ERROR(tx.status());
  if (tx.answer()) return absl::OkStatus();
  tx.WaitUntil([&] { return tx.tables().leases.IsSettled(chunk); });
  RETURN_IF_ERROR(tx.CheckCaller());
  Tables& tables = tx.tables();
  const LeaseRecord* const lease = tables.leases.Find(chunk);
  if (lease == nullptr) return errors::LeaseNotFound(chunk);
  const HolderId owner = tables.leases.OwnerOf(*lease);
  if (!MayUse(Rpc::kReturnLease, caller, OwnerFor(tables, owner, caller))) {
    return errors::NotLeaseholder(chunk, lease->holder.value());
  }
  tables.leases.SetState(chunk, RowState::kChanging);
  if (tx.keeps()) tx.changes().DeleteLease(chunk);
  tx.Answer({});
  tx.Pin(owner);
  const auto withdraw = [&](Tables& now) {
    now.leases.Withdraw(chunk);
    if (IsIdentity(owner)) now.holders.ForgetIfIdle(owner);
  };
  RETURN_IF_ERROR(
      tx.Commit(withdraw, [&](Tables& now) { now.leases.SetState(chunk, RowState::kSettled); }));
  return allocator_.ReturnLease(chunk);
}

std::vector<LeaseRecord> Leases::List(ChunkId first, std::size_t limit) const {
  return books_.Read([&](const Tables& tables) { return tables.leases.List(first, limit); });
}

std::optional<LeaseRecord> Leases::Find(ChunkId chunk) const {
  std::vector<LeaseRecord> found = List(chunk, 1);
  if (found.empty() || found.front().chunk.id != chunk) return std::nullopt;
  return std::move(found.front());
}

}  // namespace percpud

// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/session/areas.h"

#include <algorithm>
#include <cassert>
#include <functional>
#include <utility>

#include "server/base/errors.h"
#include "server/base/status_macros.h"

namespace percpud {
namespace {

OwnedArea AreaFor(const AreaSpec& spec, HolderId holder, absl::string_view tag, RowState state) {
  return {.holder = holder,
          .size = RoundUp(spec.size, kGranuleSize),
          .tag_length = static_cast<std::uint8_t>(tag.size()),
          .state = state};
}

// What these areas will weigh, as the allocator rounds them.
Usage UsageOf(std::span<const AreaSpec> specs, absl::string_view tag) {
  Usage out;
  for (const AreaSpec& spec : specs) {
    out += AreaFor(spec, kNoHolder, tag, RowState::kEntered).usage();
  }
  return out;
}

// The answer that was given before.
absl::Status Repeat(const Answers::Words& words, std::span<PercpuPtr> out) {
  if (words.size() != out.size()) return errors::RequestDiffers();
  std::transform(words.begin(), words.end(), out.begin(),
                 [](std::uint64_t word) { return PercpuPtr(word); });
  return absl::OkStatus();
}

// The pointer that is named twice; null if there is none.
PercpuPtr FindDuplicate(std::span<const PercpuPtr> pointers) {
  // Most batches are in the order in which they were granted, which rises.
  if (std::adjacent_find(pointers.begin(), pointers.end(), std::greater_equal<>()) ==
      pointers.end()) {
    return PercpuPtr(0);
  }
  std::vector<PercpuPtr> sorted(pointers.begin(), pointers.end());
  std::sort(sorted.begin(), sorted.end());
  const auto twin = std::adjacent_find(sorted.begin(), sorted.end());
  return twin == sorted.end() ? PercpuPtr(0) : *twin;
}

void SetState(Transaction& tx, std::span<const PercpuPtr> pointers, RowState state) {
  // Without a catalog nothing is ever in flight.
  if (tx.keeps()) tx.tables().areas.SetState(pointers, state);
}

// REQUIRES: each is an area.
absl::Status CheckNoOthersSession(const Tables& tables, const Caller& caller,
                                  std::span<const PercpuPtr> pointers) {
  for (const PercpuPtr pointer : pointers) {
    const SessionId session = SessionOf(tables.areas.Find(pointer)->holder);
    if (session == kNoSession || session == caller.session) continue;
    return errors::NotOwner(pointer, session.value());
  }
  return absl::OkStatus();
}

// Keeps those who own the areas from ending meanwhile.
void PinHolders(Transaction& tx, const Areas::Taken& taken) {
  for (const HolderId holder : taken.holders) tx.Pin(holder);
}

// The catalog says who an identity is as long as it owns something without a session.
void RecordIdentity(Transaction& tx, HolderId holder) {
  if (!IsIdentity(holder) || !tx.keeps()) return;
  const Holder& row = *tx.tables().holders.Find(holder);
  if (!row.is_recorded) tx.Put(RecordOf(holder, row.identity));
}

void ForgetIdentityAfter(Transaction& tx, HolderId holder, const Usage& leaving) {
  if (!IsIdentity(holder) || !tx.keeps()) return;
  if (!tx.tables().holders.WouldBeIdle(holder, leaving)) return;
  tx.changes().DeleteIdentity(RecordedOwner(holder));
  tx.tables().holders.Find(holder)->is_recorded = false;
}

}  // namespace

absl::Status RefuseUse(const Tables& tables, PercpuPtr pointer, HolderId holder) {
  if (holder == kNoHolder) return errors::OwnedByNobody(pointer);
  if (!IsIdentity(holder)) return errors::NotOwner(pointer, holder.value());
  return errors::OwnedByMaker(pointer, tables.holders.NameOf(holder));
}

Owner OwnerFor(const Tables& tables, HolderId holder, const Caller& caller) {
  if (holder == kNoHolder) return Owner::kNobody;
  return tables.holders.IsCallers(holder, caller) ? Owner::kCaller : Owner::kAnother;
}

// --- Granting ----------------------------------------------------------------

Outcome Areas::TryAllocBatch(const Caller& caller, std::span<const AreaSpec> specs,
                             const AllocOptions& options, std::span<PercpuPtr> out) {
  return Grant(caller, specs, options, out,
               [&] { return allocator_.TryAllocBatch(specs, options, out); });
}

absl::Status Areas::AllocBatch(const Caller& caller, std::span<const AreaSpec> specs,
                               const AllocOptions& options, std::span<PercpuPtr> out) {
  return *Grant(caller, specs, options, out,
                [&] { return std::optional(allocator_.AllocBatch(specs, options, out)); });
}

Outcome Areas::Grant(const Caller& caller, std::span<const AreaSpec> specs,
                     const AllocOptions& options, std::span<PercpuPtr> out, Allocate allocate) {
  assert(specs.size() == out.size());
  // Before the books are touched: sizes out of range must not be added up.
  RETURN_IF_ERROR(allocator_.Validate(specs, options));
  Transaction tx(books_, caller);
  RETURN_IF_ERROR(tx.status());
  if (tx.answer()) return Repeat(*tx.answer(), out);
  // Before anything is allocated: what is refused must not have made the daemon grow.
  const Usage use = UsageOf(specs, options.tag);
  const HolderId holder = tx.CallersHolder();
  if (absl::Status status = tx.tables().holders.Charge(holder, use); !status.ok()) {
    if (IsIdentity(holder)) tx.tables().holders.ForgetIfIdle(holder);
    return status;
  }
  Outcome allocated = tx.Unlocked(allocate);
  absl::Status alive = tx.CheckCaller();
  if (allocated && allocated->ok() && alive.ok()) {
    return Enter(tx, holder, specs, options.tag, out);
  }
  // The account of a session that has ended went with it.
  if (alive.ok()) {
    tx.tables().holders.Refund(holder, use);
    if (IsIdentity(holder)) tx.tables().holders.ForgetIfIdle(holder);
  }
  tx.Abandon();
  if (!allocated || !allocated->ok()) return allocated;
  allocator_.FreeBatch(out).IgnoreError();
  return alive;
}

absl::Status Areas::Enter(Transaction& tx, HolderId holder, std::span<const AreaSpec> specs,
                          absl::string_view tag, std::span<const PercpuPtr> pointers) {
  AreaLedger& areas = tx.tables().areas;
  const RowState state = tx.keeps() ? RowState::kEntered : RowState::kSettled;
  RecordIdentity(tx, holder);
  absl::InlinedVector<OwnedArea, 1> rows;
  Answers::Words words;
  rows.reserve(pointers.size());
  words.reserve(pointers.size());
  for (std::size_t i = 0; i < pointers.size(); ++i) {
    rows.push_back(AreaFor(specs[i], holder, tag, state));
    if (tx.keeps()) tx.Put(RecordOf(pointers[i], specs[i], holder, tag));
    words.push_back(pointers[i].value());
  }
  areas.Enter(pointers, rows);
  tx.Answer(std::move(words));
  tx.Pin(holder);
  const auto settle = [&, keeps = tx.keeps()](Tables& tables) {
    if (!keeps) return;
    tables.areas.SetState(pointers, RowState::kSettled);
    if (IsIdentity(holder)) tables.holders.Find(holder)->is_recorded = true;
  };
  const auto undo = [&](Tables& tables) {
    tables.areas.Withdraw(pointers);
    if (IsIdentity(holder)) tables.holders.ForgetIfIdle(holder);
  };
  absl::Status status = tx.Commit(settle, undo);
  if (!status.ok()) allocator_.FreeBatch(pointers).IgnoreError();
  return status;
}

// --- Taking back ---------------------------------------------------------------

absl::StatusOr<Bytes> Areas::FreeBatch(const Caller& caller, std::span<const PercpuPtr> pointers,
                                       Reach reach) {
  if (pointers.empty()) return errors::BatchIsEmpty("pointers");
  const PercpuPtr duplicate = FindDuplicate(pointers);
  Transaction tx(books_, caller);
  RETURN_IF_ERROR(tx.status());
  if (tx.answer()) return Bytes(tx.answer()->empty() ? 0 : tx.answer()->front());
  // Without a catalog nothing is ever in flight.
  if (tx.keeps()) tx.WaitUntil([&] { return tx.tables().areas.AreSettled(pointers); });
  ASSIGN_OR_RETURN(const Taken taken, Take(tx, Rpc::kFree, caller, pointers, duplicate));
  if (reach == Reach::kNoOthersSession) {
    RETURN_IF_ERROR(CheckNoOthersSession(tx.tables(), caller, pointers));
  }
  tx.Answer({taken.use.bytes.value()});
  RETURN_IF_ERROR(Withdraw(tx, pointers, taken));
  // Only now: once the allocator has an area back, somebody else may be granted it, and
  // theirs is entered behind this.
  return allocator_.FreeBatch(pointers);
}

absl::Status Areas::Withdraw(Transaction& tx, std::span<const PercpuPtr> pointers,
                             const Taken& taken) {
  SetState(tx, pointers, RowState::kChanging);
  PinHolders(tx, taken);
  if (tx.keeps()) {
    for (const PercpuPtr pointer : pointers) tx.changes().DeleteArea(pointer);
    // A batch is one holder's but for an operator's, who leaves a record more.
    ForgetIdentityAfter(tx, taken.holders.front(), taken.use);
  }
  const auto withdraw = [&](Tables& tables) {
    tables.areas.Withdraw(pointers);
    for (const HolderId holder : taken.holders) {
      if (IsIdentity(holder)) tables.holders.ForgetIfIdle(holder);
    }
  };
  return tx.Commit(withdraw,
                   [&](Tables& tables) { tables.areas.SetState(pointers, RowState::kSettled); });
}

absl::StatusOr<Areas::Taken> Areas::CheckMayTake(const Tables& tables, Rpc rpc,
                                                 const Caller& caller,
                                                 std::span<const PercpuPtr> pointers) {
  Taken taken;
  for (const PercpuPtr pointer : pointers) {
    if (const Variable* variable = tables.variables.At(pointer)) {
      return errors::AreaIsVariable(pointer, variable->name);
    }
    if (tables.openers.IsQuarantined(pointer)) return errors::AreaIsQuarantined(pointer);
    const OwnedArea* const area = tables.areas.Find(pointer);
    // An area without a holder does not exist, or is on its way in or out.
    if (area == nullptr) return errors::OwnedByNobody(pointer);
    taken.use += area->usage();
    if (!taken.holders.empty() && taken.holders.back() == area->holder) continue;
    // What an ending session has is being taken back.
    const Session* const session = tables.sessions.Find(SessionOf(area->holder));
    const bool is_ending = session != nullptr && session->state == Session::State::kEnding;
    if (is_ending || !MayUse(rpc, caller, OwnerFor(tables, area->holder, caller))) {
      return RefuseUse(tables, pointer, area->holder);
    }
    taken.holders.push_back(area->holder);
  }
  return taken;
}

absl::StatusOr<Areas::Taken> Areas::Take(Transaction& tx, Rpc rpc, const Caller& caller,
                                         std::span<const PercpuPtr> pointers,
                                         PercpuPtr duplicate) const {
  RETURN_IF_ERROR(tx.CheckCaller());
  absl::StatusOr<Taken> taken = CheckMayTake(tx.tables(), rpc, caller, pointers);
  if (taken.ok() && duplicate == PercpuPtr(0)) return taken;
  if (taken.ok()) taken = errors::DuplicateInBatch(duplicate);
  tx.Abandon();
  return Explain(pointers, taken.status());
}

absl::Status Areas::Explain(std::span<const PercpuPtr> pointers, absl::Status refusal) const {
  for (const PercpuPtr pointer : pointers) RETURN_IF_ERROR(allocator_.CheckArea(pointer));
  return refusal;
}

// In slices, so that the allocator's index lock is free in between. What is gone
// from the catalog is granted again only behind its deletion, so nobody waits.
void Areas::FreeAll(std::span<const PercpuPtr> areas) {
  constexpr std::size_t kSlice = 256;
  for (std::size_t done = 0; done < areas.size(); done += kSlice) {
    const auto slice = areas.subspan(done, std::min(kSlice, areas.size() - done));
    if (books_.journal().keeps()) {
      catalog::Changes changes;
      for (const PercpuPtr area : slice) changes.DeleteArea(area);
      books_.journal().EnterOwed(std::move(changes));
    }
    allocator_.FreeBatch(slice).IgnoreError();
  }
}

// --- Handing over ----------------------------------------------------------------

absl::Status Areas::AcceptHandOvers(const Caller& caller, SessionId giver) {
  if (caller.session == kNoSession) return errors::NeedsSession("HandOver");
  Transaction tx(books_, caller);
  RETURN_IF_ERROR(tx.status());
  if (tx.tables().sessions.FindLive(giver) == nullptr) {
    return errors::SessionNotFound(giver.value());
  }
  tx.tables().sessions.FindLive(caller.session)->accepted_givers.insert(giver);
  return absl::OkStatus();
}

absl::Status Areas::HandOver(const Caller& caller, std::span<const PercpuPtr> pointers,
                             SessionId to) {
  if (pointers.empty()) return errors::BatchIsEmpty("pointers");
  const PercpuPtr duplicate = FindDuplicate(pointers);
  Transaction tx(books_, caller);
  RETURN_IF_ERROR(tx.status());
  if (tx.answer()) return absl::OkStatus();
  tx.WaitUntil([&] { return tx.tables().areas.AreSettled(pointers); });
  RETURN_IF_ERROR(tx.CheckCaller());
  const Session* const receiver = tx.tables().sessions.FindLive(to);
  if (receiver == nullptr) return errors::SessionNotFound(to.value());
  ASSIGN_OR_RETURN(const Taken taken, Take(tx, Rpc::kHandOver, caller, pointers, duplicate));
  const bool is_accepted = caller.role == Role::kOperator ||
                           caller.identity().Owns(receiver->spec.identity()) ||
                           receiver->accepted_givers.contains(caller.session);
  if (!is_accepted) return errors::HandOverNotAccepted(to.value());
  return Move(tx, pointers, taken, HolderOf(to));
}

absl::Status Areas::Move(Transaction& tx, std::span<const PercpuPtr> pointers, const Taken& taken,
                         HolderId to) {
  struct Step {
    PercpuPtr pointer;
    HolderId from;
    Usage use;
  };
  std::vector<Step> steps;
  Holders& holders = tx.tables().holders;
  const auto charge_back = [&steps, to](Tables& tables) {
    for (const Step& step : steps) tables.holders.TransferBack(to, step.from, step.use);
  };
  for (const PercpuPtr pointer : pointers) {
    const OwnedArea& area = *tx.tables().areas.Find(pointer);
    absl::Status status = holders.Transfer(area.holder, to, area.usage());
    if (!status.ok()) {
      charge_back(tx.tables());
      return status;
    }
    steps.push_back({.pointer = pointer, .from = area.holder, .use = area.usage()});
    if (tx.keeps()) tx.changes().SetOwner(pointer, RecordedOwner(to));
  }
  ForgetIdentityAfter(tx, steps.front().from, {});
  SetState(tx, pointers, RowState::kChanging);
  PinHolders(tx, taken);
  tx.Pin(to);
  tx.Answer({});
  const auto move = [&](Tables& tables) {
    for (const Step& step : steps) {
      tables.areas.Move(step.pointer, to);
      if (IsIdentity(step.from)) tables.holders.ForgetIfIdle(step.from);
    }
    tables.areas.SetState(pointers, RowState::kSettled);
  };
  const auto undo = [&](Tables& tables) {
    charge_back(tables);
    tables.areas.SetState(pointers, RowState::kSettled);
  };
  return tx.Commit(move, undo);
}

// --- Looking at it ---------------------------------------------------------------

absl::Status Areas::CheckUse(Rpc rpc, const Caller& caller, PercpuPtr area) const {
  // An operator may, and so need not be asked who.
  if (caller.role == Role::kOperator) return absl::OkStatus();
  return books_.Read([&](const Tables& tables) -> absl::Status {
    HolderId holder = kNoHolder;
    if (const OwnedArea* const owned = tables.areas.Find(area)) {
      holder = owned->holder;
    } else if (const LeaseRecord* const lease = tables.leases.At(area)) {
      holder = tables.leases.OwnerOf(*lease);
    }
    if (MayUse(rpc, caller, OwnerFor(tables, holder, caller))) return absl::OkStatus();
    return RefuseUse(tables, area, holder);
  });
}

std::optional<AreaOwner> Areas::OwnerOf(PercpuPtr area) const {
  return books_.Read([&](const Tables& tables) -> std::optional<AreaOwner> {
    HolderId holder = kNoHolder;
    if (const OwnedArea* const owned = tables.areas.Find(area)) {
      holder = owned->holder;
    } else if (const LeaseRecord* const lease = tables.leases.At(area)) {
      holder = tables.leases.OwnerOf(*lease);
    }
    const Holder* const row = tables.holders.Find(holder);
    if (row == nullptr) return std::nullopt;
    return AreaOwner{.session = SessionOf(holder), .identity = row->identity};
  });
}

}  // namespace percpud

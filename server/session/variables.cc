// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/session/variables.h"

#include <cassert>
#include <span>
#include <utility>

#include "server/base/errors.h"
#include "server/base/status_macros.h"
#include "server/session/areas.h"

namespace percpud {
namespace {

// The largest power of two that divides it.
Bytes AlignmentOf(PercpuPtr pointer) { return Bytes(pointer.value() & (~pointer.value() + 1)); }

absl::Status CheckAlike(const Variable& variable, const VariableSpec& spec) {
  if (spec.size == Bytes(0)) return absl::OkStatus();
  const Bytes size = RoundUp(spec.size, kGranuleSize);
  if (variable.type == spec.type && variable.size == size) return absl::OkStatus();
  return errors::VariableDiffers(variable.name, Name(variable.type), variable.size, Name(spec.type),
                                 size);
}

// Notes that the caller's session opens an area, which its record goes with.
// REQUIRES: it is charged for it, and has not opened it.
void AddOpener(Transaction& tx, SessionId session, PercpuPtr area) {
  [[maybe_unused]] const bool is_new = tx.tables().openers.Add(area, session);
  assert(is_new);
  tx.tables().holders.Find(HolderOf(session))->opened.insert(area);
  tx.Put(catalog::Opened{.area = area, .session = session});
}

// Undoes AddOpener, of an area that is not in quarantine.
void DropOpener(Tables& tables, SessionId session, PercpuPtr area) {
  [[maybe_unused]] const auto freed = tables.openers.Remove(area, session);
  assert(!freed);
  tables.holders.Find(HolderOf(session))->opened.erase(area);
  tables.holders.Refund(HolderOf(session), UsageOfOpening());
}

}  // namespace

Usage UsageOfOpening() {
  constexpr Bytes kRecord{48};
  return {.bytes = Bytes(0), .areas = 0, .leases = 0, .records = kRecord};
}

std::vector<PercpuPtr> CloseAll(Tables& tables, SessionId session, catalog::Changes* changes) {
  std::vector<PercpuPtr> freed;
  Holder* const holder = tables.holders.Find(HolderOf(session));
  for (const PercpuPtr area : std::exchange(holder->opened, {})) {
    tables.holders.Refund(HolderOf(session), UsageOfOpening());
    if (changes != nullptr) changes->DeleteOpened(area, session);
    const std::optional<QuarantinedArea> free = tables.openers.Remove(area, session);
    if (!free) continue;
    tables.variables.Refund(free->maker, free->size);
    if (changes != nullptr) {
      changes->DeleteQuarantined(area);
      changes->DeleteArea(area);
    }
    freed.push_back(area);
  }
  return freed;
}

// --- Opening -----------------------------------------------------------------

absl::StatusOr<OpenedVariable> Variables::Open(const Caller& caller, const VariableSpec& spec) {
  RETURN_IF_ERROR(CheckVariableName(spec.name));
  Transaction tx(books_, caller);
  RETURN_IF_ERROR(tx.status());
  tx.WaitUntil([&] { return tx.tables().variables.IsSettled(spec.name); });
  RETURN_IF_ERROR(tx.CheckCaller());
  const Variable* const found = tx.tables().variables.Find(spec.name);
  if (found != nullptr) return OpenFound(tx, caller, spec, *found);
  if (!spec.create) return errors::VariableNotFound(spec.name);
  return Make(tx, caller, spec);
}

absl::StatusOr<OpenedVariable> Variables::OpenFound(Transaction& tx, const Caller& caller,
                                                    const VariableSpec& spec,
                                                    const Variable& found) {
  RETURN_IF_ERROR(CheckAlike(found, spec));
  OpenedVariable out{.variable = found, .created = false};
  const PercpuPtr area = found.pointer;
  const bool is_open =
      caller.session == kNoSession || tx.tables().openers.IsOpen(area, caller.session);
  if (is_open) return out;
  RETURN_IF_ERROR(tx.tables().holders.Charge(HolderOf(caller.session), UsageOfOpening()));
  AddOpener(tx, caller.session, area);
  // Nobody removes it meanwhile.
  tx.tables().variables.SetState(spec.name, RowState::kChanging);
  const auto settle = [&](Tables& tables) {
    tables.variables.SetState(spec.name, RowState::kSettled);
  };
  RETURN_IF_ERROR(tx.Commit(settle, [&](Tables& tables) {
    DropOpener(tables, caller.session, area);
    settle(tables);
  }));
  return out;
}

absl::StatusOr<OpenedVariable> Variables::Make(Transaction& tx, const Caller& caller,
                                               const VariableSpec& spec) {
  RETURN_IF_ERROR(CheckShape(spec.type, spec.size, spec.alignment));
  // Before anything is allocated for it: an area that is refused in the end must not have
  // made the daemon grow. Sizes that the allocator refuses are not rounded up here.
  if (spec.size <= allocator_.max_alloc_size()) {
    RETURN_IF_ERROR(
        tx.tables().variables.CheckRoom(caller.identity(), RoundUp(spec.size, kGranuleSize)));
  }
  const absl::StatusOr<PercpuPtr> area = tx.Unlocked([&] {
    return allocator_.Alloc({.size = spec.size, .alignment = spec.alignment}, {.tag = spec.name});
  });
  RETURN_IF_ERROR(area.status());
  // Somebody else may be making it, or have made it: theirs it is.
  tx.WaitUntil([&] { return tx.tables().variables.IsSettled(spec.name); });
  const auto settle = [&]() -> absl::StatusOr<OpenedVariable> {
    RETURN_IF_ERROR(tx.CheckCaller());
    const Variable* const raced = tx.tables().variables.Find(spec.name);
    return raced == nullptr ? Enter(tx, caller, spec, *area) : OpenFound(tx, caller, spec, *raced);
  };
  absl::StatusOr<OpenedVariable> out = settle();
  if (tx.is_open()) tx.Abandon();
  if (!out.ok() || !out->created) allocator_.Free(*area).IgnoreError();
  return out;
}

absl::StatusOr<OpenedVariable> Variables::Enter(Transaction& tx, const Caller& caller,
                                                const VariableSpec& spec, PercpuPtr area) {
  const Variable variable{.name = spec.name,
                          .type = spec.type,
                          .pointer = area,
                          .size = RoundUp(spec.size, kGranuleSize),
                          .maker = caller.identity()};
  if (caller.session != kNoSession) {
    RETURN_IF_ERROR(tx.tables().holders.Charge(HolderOf(caller.session), UsageOfOpening()));
  }
  if (absl::Status status = tx.tables().variables.Enter(variable); !status.ok()) {
    if (caller.session != kNoSession) {
      tx.tables().holders.Refund(HolderOf(caller.session), UsageOfOpening());
    }
    return status;
  }
  const AreaSpec recorded{.size = variable.size, .alignment = spec.alignment};
  if (tx.keeps()) tx.Put(RecordOf(area, recorded, kNoHolder, variable.name));
  tx.Put(RecordOf(variable));
  if (caller.session != kNoSession) AddOpener(tx, caller.session, area);
  const auto settle = [&](Tables& tables) {
    tables.variables.SetState(variable.name, RowState::kSettled);
  };
  RETURN_IF_ERROR(tx.Commit(settle, [&](Tables& tables) {
    tables.variables.Withdraw(variable.name);
    tables.variables.Refund(variable.maker, variable.size);
    if (caller.session != kNoSession) DropOpener(tables, caller.session, area);
  }));
  return OpenedVariable{.variable = variable, .created = true};
}

// --- Publishing ----------------------------------------------------------------

absl::StatusOr<Variable> Variables::Publish(const Caller& caller, PercpuPtr pointer,
                                            std::string name, VariableType type) {
  RETURN_IF_ERROR(CheckVariableName(name));
  Transaction tx(books_, caller);
  RETURN_IF_ERROR(tx.status());
  if (tx.answer()) {
    const Variable* const variable = tx.tables().variables.Find(name);
    if (variable == nullptr) return errors::VariableNotFound(name);
    return *variable;
  }
  const auto is_settled = [&] {
    return tx.tables().areas.AreSettled(std::span(&pointer, 1)) &&
           tx.tables().variables.IsSettled(name);
  };
  tx.WaitUntil(is_settled);
  RETURN_IF_ERROR(tx.CheckCaller());
  const absl::StatusOr<Areas::Taken> taken =
      Areas::CheckMayTake(tx.tables(), Rpc::kPublish, caller, std::span(&pointer, 1));
  if (!taken.ok()) {
    tx.Abandon();
    absl::Status no_area = allocator_.CheckArea(pointer);
    return no_area.ok() ? taken.status() : no_area;
  }
  return PublishArea(tx, {.name = std::move(name),
                          .type = type,
                          .pointer = pointer,
                          .size = tx.tables().areas.Find(pointer)->size,
                          .maker = caller.identity()});
}

absl::StatusOr<Variable> Variables::PublishArea(Transaction& tx, const Variable& variable) {
  const PercpuPtr pointer = variable.pointer;
  RETURN_IF_ERROR(CheckShape(variable.type, variable.size, AlignmentOf(pointer)));
  const HolderId owner = tx.tables().areas.Find(pointer)->holder;
  // The session whose processes may write there.
  const SessionId writer = SessionOf(owner);
  if (writer != kNoSession) {
    RETURN_IF_ERROR(tx.tables().holders.Charge(owner, UsageOfOpening()));
  }
  if (absl::Status status = tx.tables().variables.Enter(variable); !status.ok()) {
    if (writer != kNoSession) tx.tables().holders.Refund(owner, UsageOfOpening());
    return status;
  }
  tx.tables().areas.SetState(std::span(&pointer, 1), RowState::kChanging);
  if (tx.keeps()) tx.changes().SetOwner(pointer, kNoSession);
  tx.Put(RecordOf(variable));
  if (writer != kNoSession) AddOpener(tx, writer, pointer);
  tx.Answer({});
  tx.Pin(owner);
  const auto settle = [&](Tables& tables) {
    tables.areas.Withdraw(std::span(&pointer, 1));
    tables.variables.SetState(variable.name, RowState::kSettled);
    if (IsIdentity(owner)) tables.holders.ForgetIfIdle(owner);
  };
  const auto undo = [&](Tables& tables) {
    tables.areas.SetState(std::span(&pointer, 1), RowState::kSettled);
    tables.variables.Withdraw(variable.name);
    tables.variables.Refund(variable.maker, variable.size);
    if (writer != kNoSession) DropOpener(tables, writer, pointer);
  };
  RETURN_IF_ERROR(tx.Commit(settle, undo));
  return variable;
}

// --- Removing ------------------------------------------------------------------

absl::Status Variables::Remove(const Caller& caller, absl::string_view name, bool force) {
  Transaction tx(books_, caller);
  RETURN_IF_ERROR(tx.status());
  if (tx.answer()) return absl::OkStatus();
  tx.WaitUntil([&] { return tx.tables().variables.IsSettled(name); });
  RETURN_IF_ERROR(tx.CheckCaller());
  const Variable* const found = tx.tables().variables.Find(name);
  if (found == nullptr) return errors::VariableNotFound(name);
  if (caller.role != Role::kOperator && !caller.identity().Owns(found->maker)) {
    return errors::NotMaker(name, found->maker.uid.value());
  }
  // The caller's own session is done with it, as with an area that it frees.
  const Openers& openers = tx.tables().openers;
  const std::size_t others =
      openers.Count(found->pointer) - std::size_t{openers.IsOpen(found->pointer, caller.session)};
  if (others > 0 && !force) return errors::VariableIsOpen(name, others);
  tx.Answer({});
  return Withdraw(tx, caller, *found);
}

absl::Status Variables::Withdraw(Transaction& tx, const Caller& caller, const Variable& variable) {
  const QuarantinedArea area{
      .pointer = variable.pointer, .size = variable.size, .maker = variable.maker};
  const std::string name = variable.name;
  const bool is_own = tx.tables().openers.IsOpen(area.pointer, caller.session);
  const bool is_open = tx.tables().openers.Count(area.pointer) > std::size_t{is_own};
  tx.tables().variables.SetState(name, RowState::kChanging);
  if (tx.keeps()) {
    tx.changes().DeleteVariable(name);
    if (is_own) tx.changes().DeleteOpened(area.pointer, caller.session);
    if (!is_open) tx.changes().DeleteArea(area.pointer);
  }
  if (is_open) tx.Put(RecordOf(area));
  bool is_free = false;
  const auto withdraw = [&](Tables& tables) {
    tables.variables.Withdraw(name);
    if (is_own) DropOpener(tables, caller.session, area.pointer);
    // The last opener may have ended meanwhile.
    is_free = tables.openers.Count(area.pointer) == 0;
    if (is_free) {
      tables.variables.Refund(area.maker, area.size);
    } else {
      tables.openers.Quarantine(area);
    }
  };
  RETURN_IF_ERROR(tx.Commit(
      withdraw, [&](Tables& tables) { tables.variables.SetState(name, RowState::kSettled); }));
  if (!is_free) return absl::OkStatus();
  if (is_open && books_.journal().keeps()) {
    catalog::Changes changes;
    changes.DeleteQuarantined(area.pointer);
    changes.DeleteArea(area.pointer);
    books_.journal().EnterOwed(std::move(changes));
  }
  return allocator_.Free(area.pointer).status();
}

// --- Looking at it ---------------------------------------------------------------

std::optional<Variable> Variables::Find(absl::string_view name) const {
  return books_.Read([&](const Tables& tables) -> std::optional<Variable> {
    const Variable* const found = tables.variables.Find(name);
    return found == nullptr ? std::nullopt : std::optional(*found);
  });
}

std::vector<Variable> Variables::List(absl::string_view after, std::size_t limit,
                                      absl::string_view prefix) const {
  return books_.Read(
      [&](const Tables& tables) { return tables.variables.List(after, limit, prefix); });
}

std::string Variables::NameAt(PercpuPtr area) const {
  return books_.Read([&](const Tables& tables) {
    const Variable* const variable = tables.variables.At(area);
    return variable == nullptr ? std::string() : variable->name;
  });
}

bool Variables::IsQuarantined(PercpuPtr area) const {
  return books_.Read([&](const Tables& tables) { return tables.openers.IsQuarantined(area); });
}

std::size_t Variables::CountOpeners(PercpuPtr area) const {
  return books_.Read([&](const Tables& tables) { return tables.openers.Count(area); });
}

}  // namespace percpud

// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// The named half of what is granted: areas that outlive their makers.

#include <optional>
#include <span>
#include <string>
#include <utility>

#include "server/base/errors.h"
#include "server/session/sessions.h"

namespace percpud {
namespace {

absl::Status CheckAlike(const Variable& variable, const Sessions::VariableSpec& spec) {
  if (spec.size == Bytes(0)) return absl::OkStatus();
  const Bytes size = RoundUp(spec.size, kGranuleSize);
  if (variable.type == spec.type && variable.size == size) return absl::OkStatus();
  return errors::VariableDiffers(variable.name, Name(variable.type), variable.size, Name(spec.type),
                                 size);
}

}  // namespace

absl::StatusOr<Sessions::OpenedVariable> Sessions::OpenVariable(const Caller& caller,
                                                                const VariableSpec& spec) {
  if (absl::Status status = CheckVariableName(spec.name); !status.ok()) return status;
  const auto find = [&]() -> std::optional<Variable> {
    RankedLock lock(&mu_);
    const Variable* variable = variables_.Find(spec.name);
    return variable == nullptr ? std::nullopt : std::optional(*variable);
  };
  std::optional<Variable> found = find();
  if (!found && !spec.create) return errors::VariableNotFound(spec.name);
  if (!found) {
    if (absl::Status status = CheckVariableRoom(caller.uid, spec.size); !status.ok()) {
      return status;
    }
    absl::StatusOr<PercpuPtr> area =
        allocator_.Alloc({.size = spec.size, .alignment = spec.alignment}, {.tag = spec.name});
    if (!area.ok()) return area.status();
    Variable made{.name = spec.name,
                  .type = spec.type,
                  .pointer = *area,
                  .size = RoundUp(spec.size, kGranuleSize),
                  .maker = caller.uid};
    const absl::Status inserted = EnterVariable(made, spec.alignment);
    if (inserted.ok()) return OpenedVariable{.variable = std::move(made), .created = true};
    // Somebody else was faster: theirs it is.
    allocator_.Free(*area).IgnoreError();
    found = find();
    if (!found) return inserted;
  }
  if (absl::Status status = CheckAlike(*found, spec); !status.ok()) return status;
  return OpenedVariable{.variable = *std::move(found), .created = false};
}

// Before anything is allocated for it: an area that is refused in the end must
// not have made the daemon grow.
absl::Status Sessions::CheckVariableRoom(UserId maker, Bytes size) {
  // Sizes that the allocator refuses must not be rounded up here.
  if (size > allocator_.max_alloc_size()) return absl::OkStatus();
  RankedLock lock(&mu_);
  return variables_.CheckRoom(maker, RoundUp(size, kGranuleSize));
}

// With its area, which is nobody's; not there if it cannot be committed.
absl::Status Sessions::EnterVariable(const Variable& variable, Bytes alignment) {
  Ticket ticket = Ticket::kNothing;
  {
    RankedLock lock(&mu_);
    if (absl::Status status = variables_.Insert(variable); !status.ok()) return status;
    if (options_.catalog != nullptr) {
      catalog::Changes changes;
      changes.Put(RecordOf(variable.pointer, {.size = variable.size, .alignment = alignment},
                           kNoSession, variable.name));
      changes.Put(RecordOf(variable));
      ticket = Enter(std::move(changes));
    }
  }
  absl::Status status = Await(ticket);
  if (!status.ok()) {
    RankedLock lock(&mu_);
    variables_.Remove(variable.name);
  }
  return status;
}

absl::StatusOr<Variable> Sessions::Publish(const Caller& caller, PercpuPtr pointer,
                                           std::string name, VariableType type) {
  if (absl::Status status = CheckVariableName(name); !status.ok()) return status;
  const Request request(*this, caller);
  if (!request.status().ok()) return request.status();
  if (request.answer()) return FindVariable(name);
  Owned owned;
  Ticket ticket = Ticket::kNothing;
  absl::StatusOr<Variable> published = PublishInBooks(caller, pointer, name, type, owned, ticket);
  if (!published.ok()) {
    if (absl::IsAlreadyExists(published.status())) return published;
    return Explain(std::span(&pointer, 1), published.status());
  }
  if (absl::Status status = Await(ticket); !status.ok()) {
    {
      RankedLock lock(&mu_);
      variables_.Remove(name);
      ForgetAnswer(caller);
    }
    Reenter({{pointer, owned}});
    return status;
  }
  return published;
}

absl::StatusOr<Variable> Sessions::FindVariable(const std::string& name) const {
  RankedLock lock(&mu_);
  const Variable* variable = variables_.Find(name);
  if (variable == nullptr) return errors::VariableNotFound(name);
  return *variable;
}

absl::StatusOr<Variable> Sessions::PublishInBooks(const Caller& caller, PercpuPtr pointer,
                                                  const std::string& name, VariableType type,
                                                  Owned& owned, Ticket& ticket) {
  RankedLock lock(&mu_);
  absl::Status status = CheckMayTake(Rpc::kPublish, caller, pointer);
  if (!status.ok()) return status;
  const auto entry = owned_.find(pointer);
  if (entry == owned_.end()) return errors::OwnedByNobody(pointer);
  owned = entry->second;
  Variable variable{
      .name = name, .type = type, .pointer = pointer, .size = owned.size, .maker = caller.uid};
  status = variables_.Insert(variable);
  if (!status.ok()) return status;
  Session& session = sessions_.find(owned.session)->second;
  session.areas.erase(pointer);
  RefundLocked(session, {.bytes = variable.size, .areas = 1});
  owned_.erase(entry);
  catalog::Changes changes;
  if (options_.catalog != nullptr) {
    changes.SetOwner(pointer, kNoSession);
    changes.Put(RecordOf(variable));
  }
  KeepAnswer(caller, {}, changes);
  ticket = Enter(std::move(changes));
  return variable;
}

absl::Status Sessions::RemoveVariable(const Caller& caller, absl::string_view name) {
  const Request request(*this, caller);
  if (!request.status().ok() || request.answer()) return request.status();
  Variable removed;
  Ticket ticket = Ticket::kNothing;
  {
    RankedLock lock(&mu_);
    const Variable* variable = variables_.Find(name);
    if (variable == nullptr) return errors::VariableNotFound(name);
    const bool is_maker = caller.uid != kNobody && caller.uid == variable->maker;
    if (caller.role != Role::kOperator && !is_maker) {
      return errors::NotMaker(name, variable->maker.value());
    }
    removed = *variable;
    variables_.Remove(name);
    catalog::Changes changes;
    if (options_.catalog != nullptr) {
      changes.DeleteVariable(name);
      changes.DeleteArea(removed.pointer);
    }
    KeepAnswer(caller, {}, changes);
    ticket = Enter(std::move(changes));
  }
  if (absl::Status status = Await(ticket); !status.ok()) {
    RankedLock lock(&mu_);
    ForgetAnswer(caller);
    variables_.Insert(removed).IgnoreError();
    return status;
  }
  return allocator_.Free(removed.pointer).status();
}

std::vector<Variable> Sessions::ListVariables(absl::string_view after, std::size_t limit) const {
  RankedLock lock(&mu_);
  return variables_.List(after, limit);
}

std::string Sessions::VariableAt(PercpuPtr area) const {
  RankedLock lock(&mu_);
  const Variable* variable = variables_.At(area);
  return variable == nullptr ? std::string() : variable->name;
}

}  // namespace percpud

// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/session/calls.h"

#include <cassert>
#include <limits>
#include <utility>

#include "server/base/errors.h"
#include "server/base/status_macros.h"

namespace percpud {
namespace {

absl::Status CheckUnit(const AllocInfo& info, UnitId unit) {
  if (unit.value() >= info.units()) return errors::UnitOutOfRange(unit, info.units());
  return info.unit_to_cpu[unit.value()] ? absl::OkStatus() : errors::UnitIsGhost(unit);
}

}  // namespace

absl::Status Calls::Admit(Rpc rpc, const Caller& caller) const {
  RETURN_IF_ERROR(CheckRole(rpc, caller));
  return sessions_.CheckLive(caller);
}

absl::Status Calls::CheckBatch(absl::string_view field, std::size_t entries) const {
  if (entries <= limits_.batch) return absl::OkStatus();
  return errors::BatchOverLimit(field, entries, limits_.batch);
}

absl::Status Calls::Ping(const Caller& caller) const { return Admit(Rpc::kPing, caller); }

// --- Granting and taking back --------------------------------------------------

absl::Status Calls::Alloc(const Caller& caller, std::span<const AreaSpec> specs,
                          const AllocOptions& options, std::span<PercpuPtr> out) const {
  assert(specs.size() == out.size());
  RETURN_IF_ERROR(Admit(Rpc::kAlloc, caller));
  RETURN_IF_ERROR(CheckBatch("sizes", specs.size()));
  return sessions_.areas().AllocBatch(caller, specs, options, out);
}

std::optional<absl::Status> Calls::TryAlloc(const Caller& caller, std::span<const AreaSpec> specs,
                                            const AllocOptions& options,
                                            std::span<PercpuPtr> out) const {
  assert(specs.size() == out.size());
  RETURN_IF_ERROR(Admit(Rpc::kAlloc, caller));
  RETURN_IF_ERROR(CheckBatch("sizes", specs.size()));
  return sessions_.areas().TryAllocBatch(caller, specs, options, out);
}

absl::StatusOr<Bytes> Calls::Free(const Caller& caller, std::span<const PercpuPtr> pointers) const {
  RETURN_IF_ERROR(Admit(Rpc::kFree, caller));
  RETURN_IF_ERROR(CheckBatch("pointers", pointers.size()));
  return sessions_.areas().FreeBatch(caller, pointers);
}

// --- Adding --------------------------------------------------------------------

absl::Status Calls::CheckAdd(const AddRequest& request) const {
  if (request.unit) RETURN_IF_ERROR(CheckUnit(allocator_.info(), *request.unit));
  if (request.width != Bytes(4) && request.width != Bytes(8)) {
    return errors::UnknownEnum("width", static_cast<int>(request.width.value()));
  }
  using Narrow = std::numeric_limits<std::int32_t>;
  if (request.width == Bytes(4) &&
      (request.delta < Narrow::min() || request.delta > Narrow::max())) {
    return errors::FieldOutOfRange("delta", request.delta, Narrow::min(), Narrow::max());
  }
  if (request.pointer.value() % request.width.value() != 0) {
    return errors::PointerMisaligned(request.pointer, request.width);
  }
  return absl::OkStatus();
}

absl::StatusOr<Allocator::Pin> Calls::TouchForAdd(const Caller& caller,
                                                  const AddRequest& request) const {
  RETURN_IF_ERROR(Admit(Rpc::kAdd, caller));
  RETURN_IF_ERROR(CheckAdd(request));
  ASSIGN_OR_RETURN(Allocator::Pin pin, allocator_.Touch(request.pointer, request.width));
  RETURN_IF_ERROR(sessions_.areas().CheckUse(Rpc::kAdd, caller, pin.area()));
  return pin;
}

absl::StatusOr<Updater::Added> Calls::Add(const Caller& caller, const AddRequest& request) const {
  ASSIGN_OR_RETURN(const Allocator::Pin pin, TouchForAdd(caller, request));
  if (!request.unit) return updater_.AddHere(pin, request.width, request.delta);
  return updater_.AddAt(pin, *request.unit, request.width, request.delta);
}

std::optional<absl::StatusOr<Updater::Added>> Calls::TryAdd(const Caller& caller,
                                                            const AddRequest& request) const {
  absl::StatusOr<Allocator::Pin> pin = TouchForAdd(caller, request);
  if (!pin.ok()) return std::move(pin).status();
  if (!request.unit) return updater_.AddHere(*pin, request.width, request.delta);
  const std::optional<Updater::Added> added =
      updater_.TryAddAt(*pin, *request.unit, request.width, request.delta);
  if (!added) return std::nullopt;
  return *added;
}

// --- Variables -----------------------------------------------------------------

absl::StatusOr<OpenedVariable> Calls::OpenVariable(const Caller& caller,
                                                   const VariableSpec& spec) const {
  RETURN_IF_ERROR(Admit(Rpc::kOpenVariable, caller));
  return sessions_.variables().Open(caller, spec);
}

std::optional<absl::StatusOr<OpenedVariable>> Calls::TryOpenVariable(
    const Caller& caller, const VariableSpec& spec) const {
  VariableSpec found_only = spec;
  found_only.create = false;
  absl::StatusOr<OpenedVariable> opened = OpenVariable(caller, found_only);
  if (spec.create && absl::IsNotFound(opened.status())) return std::nullopt;
  return opened;
}

}  // namespace percpud

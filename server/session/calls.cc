// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/session/calls.h"

#include <algorithm>
#include <atomic>
#include <cassert>
#include <iterator>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "server/base/errors.h"
#include "server/base/status_macros.h"
#include "server/metrics/rules.h"
#include "server/session/access/short_of_memory.h"
#include "server/session/series/writer_cells.h"

namespace percpud {
namespace {

absl::Status CheckUnit(const AllocInfo& info, UnitId unit) {
  if (unit.value() >= info.units()) return errors::UnitOutOfRange(unit, info.units());
  return info.unit_to_cpu[unit.value()] ? absl::OkStatus() : errors::UnitIsGhost(unit);
}

absl::Status CheckAligned(PercpuPtr pointer, Bytes width) {
  return pointer.value() % width.value() == 0 ? absl::OkStatus()
                                              : errors::PointerMisaligned(pointer, width);
}

// Shared memory that other processes update: every access is atomic.
template <typename T>
std::int64_t Load(std::byte* address) {
  return std::atomic_ref<T>(*reinterpret_cast<T*>(address)).load(std::memory_order_relaxed);
}

}  // namespace

absl::Status Calls::Admit(Rpc rpc, const Caller& caller) const {
  RETURN_IF_ERROR(CheckRole(rpc, caller));
  RETURN_IF_ERROR(CheckMemory(rpc));
  return sessions_.CheckLive(caller);
}

absl::Status Calls::CheckBatch(absl::string_view field, std::size_t entries) const {
  if (entries <= limits_.batch) return absl::OkStatus();
  return errors::BatchOverLimit(field, entries, limits_.batch);
}

absl::Status Calls::Ping(const Caller& caller) const { return Admit(Rpc::kPing, caller); }

// --- Areas ---------------------------------------------------------------------

absl::Status Calls::CheckLists(std::size_t sizes, std::size_t alignments) const {
  RETURN_IF_ERROR(CheckBatch("sizes", sizes));
  if (alignments <= 1 || alignments == sizes) return absl::OkStatus();
  return errors::AlignmentCountMismatch(alignments, sizes);
}

Outcome Calls::Alloc(const Caller& caller, Pace pace, std::span<const AreaSpec> specs,
                     const AllocOptions& options, std::span<PercpuPtr> out) const {
  assert(specs.size() == out.size());
  RETURN_IF_ERROR(Admit(Rpc::kAlloc, caller));
  RETURN_IF_ERROR(CheckBatch("sizes", specs.size()));
  Areas& areas = sessions_.areas();
  return pace == Pace::kMustNotSleep ? areas.TryAllocBatch(caller, specs, options, out)
                                     : areas.AllocBatch(caller, specs, options, out);
}

absl::StatusOr<Bytes> Calls::Free(const Caller& caller, std::span<const PercpuPtr> pointers,
                                  Areas::Reach reach) const {
  RETURN_IF_ERROR(Admit(Rpc::kFree, caller));
  RETURN_IF_ERROR(CheckBatch("pointers", pointers.size()));
  return sessions_.areas().FreeBatch(caller, pointers, reach);
}

// --- Bytes ---------------------------------------------------------------------

absl::Status Calls::CheckTransfer(UnitId unit, Bytes length) const {
  RETURN_IF_ERROR(CheckUnit(allocator_.info(), unit));
  if (length <= limits_.transfer) return absl::OkStatus();
  return errors::TransferOverLimit(length, limits_.transfer);
}

absl::StatusOr<Allocator::Pin> Calls::TouchToChange(Rpc rpc, const Caller& caller,
                                                    PercpuPtr pointer, Bytes length) const {
  ASSIGN_OR_RETURN(Allocator::Pin pin, allocator_.Touch(pointer, length));
  RETURN_IF_ERROR(sessions_.areas().CheckUse(rpc, caller, pin.area()));
  return pin;
}

// What is nobody's and has no name is not read by TLS: static variables, cells of series.
absl::Status Calls::CheckMayRead(const Caller& caller, PercpuPtr area) const {
  const ExportView view = ExportsTo(caller);
  if (!view.is_bound()) return absl::OkStatus();
  const std::optional<AreaOwner> owner = sessions_.areas().OwnerOf(area);
  const bool is_own = owner && caller.session != kNoSession && owner->session == caller.session;
  if (is_own) return absl::OkStatus();
  const std::string name = sessions_.variables().NameAt(area);
  if (!name.empty() && view.ShowsVariable(name)) return absl::OkStatus();
  // What has no entry is not told by its name.
  return errors::NotExported("export.variables", absl::StrCat("what lies at ", Format(area)));
}

absl::StatusOr<Allocator::Pin> Calls::TouchToRead(const Caller& caller, PercpuPtr pointer,
                                                  Bytes length) const {
  ASSIGN_OR_RETURN(Allocator::Pin pin, allocator_.Touch(pointer, length));
  RETURN_IF_ERROR(CheckMayRead(caller, pin.area()));
  return pin;
}

absl::Status Calls::Read(const Caller& caller, PercpuPtr pointer, UnitId unit, Bytes length,
                         std::string& out) const {
  RETURN_IF_ERROR(Admit(Rpc::kRead, caller));
  RETURN_IF_ERROR(CheckTransfer(unit, length));
  ASSIGN_OR_RETURN(const Allocator::Pin pin, TouchToRead(caller, pointer, length));
  out.resize(length.value());
  return pin.Read(unit, std::as_writable_bytes(std::span(out)));
}

absl::Status Calls::Write(const Caller& caller, PercpuPtr pointer, UnitId unit,
                          absl::string_view bytes) const {
  RETURN_IF_ERROR(Admit(Rpc::kWrite, caller));
  RETURN_IF_ERROR(CheckTransfer(unit, Bytes(bytes.size())));
  ASSIGN_OR_RETURN(const Allocator::Pin pin,
                   TouchToChange(Rpc::kWrite, caller, pointer, Bytes(bytes.size())));
  return pin.Write(unit, std::as_bytes(std::span(bytes.data(), bytes.size())));
}

// --- Integers ------------------------------------------------------------------

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
  return CheckAligned(request.pointer, request.width);
}

OutcomeOr<Updater::Added> Calls::Add(const Caller& caller, Pace pace,
                                     const AddRequest& request) const {
  RETURN_IF_ERROR(Admit(Rpc::kAdd, caller));
  RETURN_IF_ERROR(CheckAdd(request));
  ASSIGN_OR_RETURN(const Allocator::Pin pin,
                   TouchToChange(Rpc::kAdd, caller, request.pointer, request.width));
  const auto told = [&](absl::StatusOr<Updater::Added> added) {
    return ToldTo(caller, pin.area(), std::move(added));
  };
  if (!request.unit) return told(updater_.AddHere(pin, request.width, request.delta));
  if (pace == Pace::kMaySleep) {
    return told(updater_.AddAt(pin, *request.unit, request.width, request.delta));
  }
  const std::optional<Updater::Added> added =
      updater_.TryAddAt(pin, *request.unit, request.width, request.delta);
  if (!added) return kWouldSleep;
  return told(*added);
}

// What was there before comes back with what was added, and a rule says whether that leaves.
absl::StatusOr<Updater::Added> Calls::ToldTo(const Caller& caller, PercpuPtr area,
                                             absl::StatusOr<Updater::Added> added) const {
  if (added.ok() && !CheckMayRead(caller, area).ok()) added->value = 0;
  return added;
}

absl::StatusOr<std::int64_t> Calls::Sum(const Caller& caller, PercpuPtr pointer,
                                        Bytes width) const {
  assert(width == Bytes(4) || width == Bytes(8));
  RETURN_IF_ERROR(Admit(Rpc::kSum, caller));
  RETURN_IF_ERROR(CheckAligned(pointer, width));
  ASSIGN_OR_RETURN(const Allocator::Pin pin, TouchToRead(caller, pointer, width));
  const AllocInfo& info = allocator_.info();
  std::uint64_t sum = 0;
  RETURN_IF_ERROR(pin.Access([&] {
    for (std::uint32_t unit = 0; unit < info.units(); ++unit) {
      if (!info.unit_to_cpu[unit]) continue;
      std::byte* const address = pin.address(UnitId(unit));
      sum += static_cast<std::uint64_t>(width == Bytes(4) ? Load<std::int32_t>(address)
                                                          : Load<std::int64_t>(address));
    }
  }));
  return static_cast<std::int64_t>(sum);
}

// --- Variables -----------------------------------------------------------------

OutcomeOr<OpenedVariable> Calls::OpenVariable(const Caller& caller, Pace pace,
                                              VariableSpec spec) const {
  RETURN_IF_ERROR(Admit(Rpc::kOpenVariable, caller));
  if (spec.alignment == Bytes(0)) spec.alignment = kDefaultAlign;
  if (pace == Pace::kMaySleep) return sessions_.variables().Open(caller, spec);
  const bool create = std::exchange(spec.create, false);
  absl::StatusOr<OpenedVariable> opened = sessions_.variables().Open(caller, spec);
  if (create && absl::IsNotFound(opened.status())) return kWouldSleep;
  return opened;
}

std::vector<Variable> Calls::ListVariables(const Caller& caller, absl::string_view after,
                                           std::size_t limit, absl::string_view prefix) const {
  std::vector<Variable> out;
  const Variables& variables = sessions_.variables();
  for (const NamePattern& shown : ExportsTo(caller).VariablesOf(prefix)) {
    if (out.size() == limit) break;
    if (shown.is_open) {
      std::vector<Variable> some = variables.List(after, limit - out.size(), shown.name);
      std::move(some.begin(), some.end(), std::back_inserter(out));
    } else if (shown.name > after) {
      if (std::optional<Variable> one = variables.Find(shown.name)) out.push_back(*std::move(one));
    }
  }
  return out;
}

absl::StatusOr<std::optional<Variable>> Calls::FindVariable(const Caller& caller,
                                                            absl::string_view name) const {
  RETURN_IF_ERROR(ExportsTo(caller).CheckVariable(name));
  return sessions_.variables().Find(name);
}

// --- Metrics -------------------------------------------------------------------

OutcomeOr<Opening> Calls::OpenSeries(const Caller& caller, Pace pace,
                                     const OpeningWanted& wanted) const {
  RETURN_IF_ERROR(Admit(Rpc::kOpenSeries, caller));
  if (pace == Pace::kMaySleep) return sessions_.metrics().Open(caller, wanted);
  return sessions_.metrics().TryOpen(caller, wanted);
}

absl::StatusOr<std::uint64_t> Calls::RemoveSeries(const Caller& caller,
                                                  absl::string_view name_space,
                                                  const RemovalWanted& wanted) const {
  RETURN_IF_ERROR(Admit(Rpc::kRemoveSeries, caller));
  return sessions_.metrics().Remove(caller, name_space, wanted);
}

absl::StatusOr<NamespaceReset> Calls::ResetNamespace(const Caller& caller,
                                                     absl::string_view name_space,
                                                     std::uint64_t if_generation) const {
  RETURN_IF_ERROR(Admit(Rpc::kResetNamespace, caller));
  return sessions_.metrics().Reset(caller, name_space, if_generation);
}

absl::StatusOr<Metrics::Page> Calls::ListFamilies(const Caller& caller,
                                                  std::optional<absl::string_view> name_space,
                                                  FamilyId from,
                                                  Metrics::OnFamily on_family) const {
  RETURN_IF_ERROR(Admit(Rpc::kListFamilies, caller));
  const ExportView view = ExportsTo(caller);
  RETURN_IF_ERROR(view.CheckFamilies(name_space, ""));
  return sessions_.metrics().ListFamilies(
      name_space, from, [&](const metrics::Namespace& of, const metrics::Family& family) {
        return !view.ShowsFamily(of.name, family.shape.name) || on_family(of, family);
      });
}

absl::StatusOr<Metrics::Page> Calls::ReadSeries(const Caller& caller,
                                                const Metrics::SeriesWanted& wanted,
                                                Metrics::OnSeries on_series,
                                                Metrics::OnWriter on_writer) const {
  RETURN_IF_ERROR(Admit(Rpc::kReadSeries, caller));
  const ExportView view = ExportsTo(caller);
  const absl::string_view name_space =
      wanted.name_space.empty() ? metrics::kDefaultNamespace : wanted.name_space;
  RETURN_IF_ERROR(view.CheckFamilies(name_space, wanted.prefix));
  bool is_shown = true;
  return sessions_.metrics().ReadSeries(
      wanted,
      [&](const metrics::Family& family, const metrics::Series& series) {
        is_shown = view.ShowsFamily(name_space, family.shape.name);
        return !is_shown || on_series(family, series);
      },
      [&](WriterId id, const metrics::SeriesWriter& writer, absl::string_view label) {
        return !is_shown || on_writer(id, writer, label);
      });
}

absl::StatusOr<std::uint64_t> Calls::CloseWriter(const Caller& caller, WriterId writer) const {
  RETURN_IF_ERROR(Admit(Rpc::kCloseWriter, caller));
  return sessions_.metrics().CloseWriter(caller, writer);
}

absl::StatusOr<metrics::ChangeLog::Slice> Calls::WatchSeries(
    const Caller& caller, std::optional<absl::string_view> name_space, std::uint64_t revision,
    std::size_t most) const {
  RETURN_IF_ERROR(Admit(Rpc::kWatchSeries, caller));
  return sessions_.metrics().Watch(caller.session, name_space, revision, most);
}

absl::Status Calls::CheckWatch(const Caller& caller,
                               std::optional<absl::string_view> name_space) const {
  const ExportView view = ExportsTo(caller);
  if (name_space || view.ShowsAllOf(name_space)) return view.CheckFamilies(name_space, "");
  return errors::NotExported("export.families", "all namespaces");
}

metrics::ChangeLog::Slice Calls::ReadChanges(const Caller& caller,
                                             std::optional<absl::string_view> name_space,
                                             std::uint64_t revision, std::size_t most) const {
  metrics::ChangeLog::Slice out = sessions_.metrics().Watch(kNoSession, name_space, revision, most);
  if (ExportsTo(caller).ShowsAllOf(name_space)) return out;
  // A number of a family tells that there is one, so they stay here with what they are of.
  std::vector<metrics::Change> namespaces;
  for (const metrics::Change& change : out.changes) {
    const metrics::Change coarse{.name_space = change.name_space, .family = {}, .series = {}};
    if (std::find(namespaces.begin(), namespaces.end(), coarse) == namespaces.end()) {
      namespaces.push_back(coarse);
    }
  }
  out.changes = std::move(namespaces);
  return out;
}

PercpuPtr Calls::PointerOf(const metrics::CellPlace& place) const {
  return PointerOfCell(allocator_.info(), place);
}

}  // namespace percpud

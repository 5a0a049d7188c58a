// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/session/series/removal.h"

#include <algorithm>
#include <cassert>
#include <memory>
#include <optional>
#include <utility>

#include "absl/container/btree_map.h"
#include "server/base/errors.h"
#include "server/base/status_macros.h"
#include "server/cells/fold.h"
#include "server/session/series/records.h"
#include "server/session/series/sums.h"
#include "server/session/series/writer_cells.h"

namespace percpud {
namespace {

using metrics::Change;
using metrics::CountSum;
using metrics::Family;
using metrics::MetricTables;
using metrics::Namespace;
using metrics::Series;

// The series as it is once `removal` is through.
catalog::Series RecordAfter(const ChosenSeries& one, Removal removal, std::uint64_t now_ns,
                            SessionId last_writer) {
  const Series& series = *one.series;
  Series after;
  after.id = series.id;
  after.cells = series.cells;
  after.created_ns = now_ns;
  after.values = series.values;
  after.overflow = series.overflow;
  after.last_writer = last_writer;
  after.retired = one.HasNoBaseline();
  after.hidden = !after.retired && removal == Removal::kRemove;
  if (!one.sums.empty() && !one.IsOfWriters() && !one.IsShared()) {
    after.baseline = std::make_unique<std::vector<CountSum>>(one.sums);
  }
  return RecordOf(one.family->id, after);
}

std::vector<Change> ChangesOf(const SeriesSlice& slice, Removal removal) {
  std::vector<Change> out;
  for (const ChosenSeries& one : slice) {
    out.push_back({.name_space = one.family->name_space,
                   .family = one.family->id,
                   .series = one.series->id,
                   .gone = one.series->retired || removal == Removal::kRemove});
  }
  return out;
}

void ForgetDead(Series& series) {
  if (series.writers == nullptr) return;
  const auto dead = series.writers->dead();
  for (const auto& [died_ns, writer] : dead) series.writers->Erase(writer);
  series.writers->Erase(metrics::kTheDead);
  if (series.writers->empty()) series.writers = nullptr;
}

}  // namespace

// --- The namespace's row -------------------------------------------------------

absl::StatusOr<Namespace*> SeriesRemoval::Hold(Transaction& tx) const {
  RETURN_IF_ERROR(tx.status());
  tx.WaitUntil([&] { return tx.tables().metrics.IsSettled(name_); });
  RETURN_IF_ERROR(tx.CheckCaller());
  Namespace* const found = tx.tables().metrics.Find(name_);
  if (found == nullptr) return errors::NamespaceNotFound(name_);
  RETURN_IF_ERROR(CheckMayWrite(tx.tables(), *found, context_.caller));
  found->state = RowState::kChanging;
  return found;
}

void SeriesRemoval::Release(Transaction& tx, Namespace& name_space) {
  name_space.state = RowState::kSettled;
  tx.Abandon();
}

// --- Removing and resetting ----------------------------------------------------

absl::StatusOr<std::uint64_t> SeriesRemoval::Remove(const RemovalWanted& wanted) {
  if (wanted.values) return RemoveOne(wanted);
  ASSIGN_OR_RETURN(const FamilyId family, FindFamily(wanted.family));
  return RemoveFamily(family, wanted.removal);
}

absl::StatusOr<FamilyId> SeriesRemoval::FindFamily(absl::string_view family) const {
  return context_.books.Read([&](const Tables& tables) -> absl::StatusOr<FamilyId> {
    const Namespace* const name_space = tables.metrics.Find(name_);
    if (name_space == nullptr) return errors::NamespaceNotFound(name_);
    const auto found = name_space->by_name.find(family);
    if (found == name_space->by_name.end()) return errors::FamilyNotFound(family);
    return found->second->id;
  });
}

absl::StatusOr<std::uint64_t> SeriesRemoval::RemoveOne(const RemovalWanted& wanted) const {
  Transaction tx(context_.books, context_.caller);
  ASSIGN_OR_RETURN(Namespace* const name_space, Hold(tx));
  const auto family = name_space->by_name.find(wanted.family);
  if (family == name_space->by_name.end()) {
    Release(tx, *name_space);
    return errors::FamilyNotFound(wanted.family);
  }
  SeriesSlice slice;
  if (Series* const series = family->second->Find(*wanted.values)) {
    slice.push_back({.family = family->second, .series = series});
  }
  SumShown(tx, slice);
  if (slice.empty()) {
    Release(tx, *name_space);
    return errors::SeriesNotFound(wanted.family);
  }
  RETURN_IF_ERROR(Commit(tx, *name_space, slice, wanted.removal));
  return 1;
}

absl::StatusOr<std::uint64_t> SeriesRemoval::RemoveFamily(FamilyId id, Removal removal) const {
  std::uint64_t removed = 0;
  SeriesId from;
  while (true) {
    Transaction tx(context_.books, context_.caller);
    ASSIGN_OR_RETURN(Namespace* const name_space, Hold(tx));
    Family* const family = tx.tables().metrics.Find(id);
    SeriesSlice slice;
    if (family != nullptr) slice = Choose(*family, from);
    if (slice.empty()) {
      Release(tx, *name_space);
      return removed;
    }
    from = SeriesId(slice.back().series->id.value() + 1);
    SumShown(tx, slice);
    if (slice.empty()) {
      Release(tx, *name_space);
      continue;
    }
    RETURN_IF_ERROR(Commit(tx, *name_space, slice, removal));
    removed += slice.size();
  }
}

SeriesSlice SeriesRemoval::Choose(Family& family, SeriesId from) {
  SeriesSlice out;
  for (auto row = family.series.lower_bound(from);
       row != family.series.end() && out.size() < kSeriesSlice; ++row) {
    if (row->second->retired) continue;
    out.push_back({.family = &family, .series = row->second.get()});
  }
  return out;
}

void SeriesRemoval::SumShown(Transaction& tx, SeriesSlice& slice) const {
  SumSlice(tx, context_.allocator, slice);
  std::erase_if(slice, IsUnseen);
}

absl::Status SeriesRemoval::Commit(Transaction& tx, Namespace& name_space, SeriesSlice& slice,
                                   Removal removal) const {
  tx.Unlocked([&] {
    UnsetCells(slice);
    return 0;
  });
  if (absl::Status status = tx.CheckCaller(); !status.ok()) {
    Release(tx, name_space);
    SetCellsAgain(slice);
    return status;
  }
  const SessionId last_writer = LastJoined(name_space);
  const std::uint64_t revision = tx.tables().metrics.log().Begin();
  PutRecords(tx, slice, removal, last_writer);
  const auto apply = [&](Tables& tables) {
    name_space.state = RowState::kSettled;
    for (ChosenSeries& one : slice) {
      one.series->created_ns = context_.now_ns;
      one.series->last_writer = last_writer;
      one.series->out_revision = revision;
      Apply(tables.metrics, one, removal);
    }
    SettleCharge(tables, name_space);
    tables.metrics.log().Publish(revision, ChangesOf(slice, removal));
  };
  absl::Status committed = tx.Commit(apply, [&](Tables& tables) {
    name_space.state = RowState::kSettled;
    tables.metrics.log().Withdraw(revision);
  });
  if (!committed.ok()) SetCellsAgain(slice);
  return committed;
}

void SeriesRemoval::PutRecords(Transaction& tx, const SeriesSlice& slice, Removal removal,
                               SessionId last_writer) const {
  if (!tx.keeps()) return;
  const MetricTables& metrics = tx.tables().metrics;
  tx.Put(catalog::LastMetric{.id = metrics.last_id(), .revision = metrics.log().last()});
  for (const ChosenSeries& one : slice) {
    tx.Put(RecordAfter(one, removal, context_.now_ns, last_writer));
    if (one.series->writers == nullptr) continue;
    for (const auto& [id, writer] : *one.series->writers) {
      if (!writer.IsLive()) tx.changes().DeleteSeriesWriter(one.series->id, id);
    }
  }
}

void SeriesRemoval::Apply(MetricTables& metrics, ChosenSeries& one, Removal removal) {
  if (one.HasNoBaseline()) return metrics.Retire(*one.family, *one.series);
  if (one.IsOfWriters()) {
    ForgetDead(*one.series);
  } else if (!one.IsShared()) {
    one.series->baseline = std::make_unique<std::vector<CountSum>>(std::move(one.sums));
  }
  metrics.SetHidden(*one.family, *one.series, removal == Removal::kRemove);
}

// Before the commit, so that what was removed never shows again after it. A daemon that is
// killed in between has reset gauges that it did not answer for.
void SeriesRemoval::UnsetCells(SeriesSlice& slice) const {
  for (ChosenSeries& one : slice) {
    if (one.IsShared()) one.taken = TakeShared(context_.allocator, one.series->cells);
    for (const ChosenSeries::Cell& cell : one.cells) {
      if (cells::IsSet(cell.value)) StoreCell(context_.allocator, cell.place, cells::kUnset);
    }
  }
}

// Nothing was committed. What writers have set meanwhile stays.
void SeriesRemoval::SetCellsAgain(const SeriesSlice& slice) const {
  for (const ChosenSeries& one : slice) {
    if (one.taken != 0) AddToShared(context_.allocator, one.series->cells, one.taken);
    for (const ChosenSeries::Cell& cell : one.cells) {
      const bool is_unset = !cells::IsSet(ReadCell(context_.allocator, cell.place));
      if (cells::IsSet(cell.value) && is_unset) {
        StoreCell(context_.allocator, cell.place, cell.value);
      }
    }
  }
}

absl::StatusOr<std::uint64_t> SeriesRemoval::Expire(FamilyId id,
                                                    const std::vector<SeriesExpiry::Idle>& idle) {
  std::uint64_t expired = 0;
  for (std::size_t first = 0; first < idle.size(); first += kSeriesSlice) {
    Transaction tx(context_.books, context_.caller);
    ASSIGN_OR_RETURN(Namespace* const name_space, Hold(tx));
    Family* const family = tx.tables().metrics.Find(id);
    SeriesSlice slice;
    std::vector<const SeriesExpiry::Idle*> wanted;
    for (std::size_t i = first;
         family != nullptr && i < std::min(first + kSeriesSlice, idle.size()); ++i) {
      const auto row = family->series.find(idle[i].series);
      if (row == family->series.end() || row->second->retired) continue;
      slice.push_back({.family = family, .series = row->second.get()});
      wanted.push_back(&idle[i]);
    }
    SumSlice(tx, context_.allocator, slice);
    SeriesSlice unmoved;
    for (std::size_t i = 0; i < slice.size(); ++i) {
      const bool is_still = AreSame(slice[i].sums, wanted[i]->sums);
      if (is_still && !IsUnseen(slice[i])) unmoved.push_back(std::move(slice[i]));
    }
    if (unmoved.empty()) {
      Release(tx, *name_space);
      continue;
    }
    RETURN_IF_ERROR(Commit(tx, *name_space, unmoved, Removal::kRemove));
    expired += unmoved.size();
  }
  return expired;
}

absl::StatusOr<NamespaceReset> SeriesRemoval::Reset(std::uint64_t if_generation) {
  std::uint64_t generation = 0;
  {
    Transaction tx(context_.books, context_.caller);
    ASSIGN_OR_RETURN(Namespace* const name_space, Hold(tx));
    generation = name_space->generation;
    Release(tx, *name_space);
  }
  if (if_generation != 0 && if_generation != generation) return NamespaceReset{generation, 0};
  NamespaceReset out;
  for (const FamilyId family : ListFamilies()) {
    ASSIGN_OR_RETURN(const std::uint64_t hidden, RemoveFamily(family, Removal::kRemove));
    out.series += hidden;
  }
  Transaction tx(context_.books, context_.caller);
  ASSIGN_OR_RETURN(Namespace* const name_space, Hold(tx));
  // One of several that reset it at a time begins the next generation.
  const std::uint64_t next = std::max(name_space->generation, generation + 1);
  catalog::Namespace record = RecordOf(*name_space);
  record.generation = next;
  MetricTables& metrics = tx.tables().metrics;
  const std::uint64_t revision = metrics.log().Begin();
  tx.Put(catalog::LastMetric{.id = metrics.last_id(), .revision = revision});
  tx.Put(record);
  const auto apply = [&](Tables& tables) {
    name_space->state = RowState::kSettled;
    name_space->generation = next;
    tables.metrics.log().Publish(revision, {{.name_space = name_space->id}});
  };
  RETURN_IF_ERROR(tx.Commit(apply, [&](Tables& tables) {
    name_space->state = RowState::kSettled;
    tables.metrics.log().Withdraw(revision);
  }));
  out.generation = next;
  return out;
}

std::vector<FamilyId> SeriesRemoval::ListFamilies() const {
  return context_.books.Read([&](const Tables& tables) {
    std::vector<FamilyId> out;
    const Namespace* const name_space = tables.metrics.Find(name_);
    if (name_space == nullptr) return out;
    for (const auto& [id, family] : name_space->families) out.push_back(id);
    return out;
  });
}

}  // namespace percpud

// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/session/series/removal.h"

#include <algorithm>
#include <cassert>
#include <memory>
#include <optional>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "server/base/errors.h"
#include "server/base/status_macros.h"
#include "server/cells/sum.h"
#include "server/session/series/records.h"
#include "server/session/series/sums.h"

namespace percpud {
namespace {

using metrics::CountSum;
using metrics::Family;
using metrics::MetricTables;
using metrics::Namespace;
using metrics::Series;

// Series of one commit.
constexpr std::size_t kSlice = 1024;

// Whether every session that may have written there has ended.
bool IsUnreachable(const Namespace& name_space, SessionId last_writer) {
  return name_space.joined.empty() || last_writer < *name_space.joined.begin();
}

bool AreBaseline(const std::vector<CountSum>& sums) {
  return std::all_of(sums.begin(), sums.end(),
                     [](const CountSum& cell) { return cells::CanBeBaseline(cell.sum); });
}

bool IsAtBaseline(const Series& series, const std::vector<CountSum>& sums) {
  for (std::size_t i = 0; i < sums.size(); ++i) {
    const CountSum base = series.baseline == nullptr ? CountSum{} : (*series.baseline)[i];
    if (sums[i].count != base.count || sums[i].sum != base.sum) return false;
  }
  return true;
}

// The series as it is once `removal` is through.
catalog::Series RecordAfter(const Family& family, const Series& series,
                            const std::vector<CountSum>& sums, Removal removal,
                            std::uint64_t now_ns, SessionId last_writer) {
  Series after;
  after.id = series.id;
  after.cells = series.cells;
  after.created_ns = now_ns;
  after.values = series.values;
  after.overflow = series.overflow;
  after.last_writer = last_writer;
  after.retired = sums.empty();
  after.hidden = !after.retired && removal == Removal::kRemove;
  if (!sums.empty()) after.baseline = std::make_unique<std::vector<CountSum>>(sums);
  return RecordOf(family.id, after);
}

}  // namespace

// --- The namespace's row -------------------------------------------------------

absl::StatusOr<Namespace*> SeriesRemoval::Hold(Transaction& tx) const {
  RETURN_IF_ERROR(tx.status());
  tx.WaitUntil([&] { return tx.tables().metrics.IsSettled(name_); });
  RETURN_IF_ERROR(tx.CheckCaller());
  Namespace* const found = tx.tables().metrics.Find(name_);
  if (found == nullptr) return errors::NamespaceNotFound(name_);
  RETURN_IF_ERROR(CheckMayWrite(*found, context_.caller));
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
  Series* const series = family->second->Find(*wanted.values);
  if (series == nullptr || series->hidden) {
    Release(tx, *name_space);
    return errors::SeriesNotFound(wanted.family);
  }
  Slice slice;
  slice.push_back({.family = family->second, .series = series, .sums = {}});
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
    Slice slice;
    if (family != nullptr) slice = Choose(*family, from);
    if (slice.empty()) {
      Release(tx, *name_space);
      return removed;
    }
    from = SeriesId(slice.back().series->id.value() + 1);
    RETURN_IF_ERROR(Commit(tx, *name_space, slice, removal));
    removed += slice.size();
  }
}

SeriesRemoval::Slice SeriesRemoval::Choose(Family& family, SeriesId from) {
  Slice out;
  if (!metrics::HasArea(family.shape.cells)) return out;
  for (auto row = family.series.lower_bound(from);
       row != family.series.end() && out.size() < kSlice; ++row) {
    const Series& series = *row->second;
    if (series.retired || series.hidden) continue;
    out.push_back({.family = &family, .series = row->second.get(), .sums = {}});
  }
  return out;
}

// Nobody else changes rows of a namespace that is held, so they stay while the lock is free.
void SeriesRemoval::Sum(Transaction& tx, Slice& slice) const {
  tx.Unlocked([&] {
    for (Chosen& one : slice) {
      // A value that is set has no baseline: what comes later is no addition to it.
      if (one.family->shape.cells == metrics::Cells::kShared) continue;
      absl::StatusOr<std::vector<CountSum>> sums =
          SumCells(context_.allocator, one.family->shape, one.series->cells);
      if (sums.ok() && AreBaseline(*sums)) one.sums = *std::move(sums);
    }
    return 0;
  });
}

absl::Status SeriesRemoval::Commit(Transaction& tx, Namespace& name_space, Slice& slice,
                                   Removal removal) const {
  Sum(tx, slice);
  return CommitSummed(tx, name_space, slice, removal);
}

absl::Status SeriesRemoval::CommitSummed(Transaction& tx, Namespace& name_space, Slice& slice,
                                         Removal removal) const {
  if (absl::Status status = tx.CheckCaller(); !status.ok()) {
    Release(tx, name_space);
    return status;
  }
  const SessionId last_writer = LastJoined(name_space);
  MetricTables& metrics = tx.tables().metrics;
  tx.Put(catalog::LastMetric{.id = metrics.last_id(), .revision = metrics.NextRevision()});
  for (const Chosen& one : slice) {
    tx.Put(RecordAfter(*one.family, *one.series, one.sums, removal, context_.now_ns, last_writer));
  }
  const auto apply = [&](Tables& tables) {
    name_space.state = RowState::kSettled;
    for (Chosen& one : slice) {
      one.series->created_ns = context_.now_ns;
      one.series->last_writer = last_writer;
      if (one.sums.empty()) {
        tables.metrics.Retire(*one.family, *one.series);
        continue;
      }
      one.series->baseline = std::make_unique<std::vector<CountSum>>(std::move(one.sums));
      tables.metrics.SetHidden(*one.family, *one.series, removal == Removal::kRemove);
    }
  };
  return tx.Commit(apply, [&](Tables&) { name_space.state = RowState::kSettled; });
}

absl::StatusOr<std::uint64_t> SeriesRemoval::Expire(FamilyId id,
                                                    const std::vector<SeriesExpiry::Idle>& idle) {
  std::uint64_t expired = 0;
  for (std::size_t first = 0; first < idle.size(); first += kSlice) {
    Transaction tx(context_.books, context_.caller);
    ASSIGN_OR_RETURN(Namespace* const name_space, Hold(tx));
    Family* const family = tx.tables().metrics.Find(id);
    Slice slice;
    std::vector<const SeriesExpiry::Idle*> wanted;
    for (std::size_t i = first; family != nullptr && i < std::min(first + kSlice, idle.size());
         ++i) {
      const auto row = family->series.find(idle[i].series);
      if (row == family->series.end() || row->second->hidden || row->second->retired) continue;
      slice.push_back({.family = family, .series = row->second.get(), .sums = {}});
      wanted.push_back(&idle[i]);
    }
    Sum(tx, slice);
    Slice unmoved;
    for (std::size_t i = 0; i < slice.size(); ++i) {
      if (AreSame(slice[i].sums, wanted[i]->sums)) unmoved.push_back(std::move(slice[i]));
    }
    if (unmoved.empty()) {
      Release(tx, *name_space);
      continue;
    }
    RETURN_IF_ERROR(CommitSummed(tx, *name_space, unmoved, Removal::kRemove));
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
  tx.Put(catalog::LastMetric{.id = metrics.last_id(), .revision = metrics.NextRevision()});
  tx.Put(record);
  const auto apply = [&](Tables&) {
    name_space->state = RowState::kSettled;
    name_space->generation = next;
  };
  RETURN_IF_ERROR(tx.Commit(apply, [&](Tables&) { name_space->state = RowState::kSettled; }));
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

// --- Collecting ----------------------------------------------------------------

std::size_t SeriesRemoval::Collect() {
  Transaction tx(context_.books, context_.caller);
  Namespace* const name_space = tx.tables().metrics.Find(name_);
  if (name_space == nullptr || name_space->state != RowState::kSettled) return 0;
  Slice slice = ChooseGone(tx.tables(), *name_space);
  if (slice.empty()) return 0;
  name_space->state = RowState::kChanging;
  Sum(tx, slice);
  return CommitGone(tx, *name_space, slice);
}

SeriesRemoval::Slice SeriesRemoval::ChooseGone(Tables& tables, Namespace& name_space) {
  Slice out;
  if (!IsUnreachable(name_space, name_space.least_writer)) return out;
  SessionId least = metrics::kNoWriter;
  for (const auto& [id, row] : tables.metrics.families()) {
    if (row.name_space != name_space.id) continue;
    Family& family = *tables.metrics.Find(id);
    for (const auto& [number, series] : family.series) {
      if (!family.replaced && !series->hidden && !series->retired) continue;
      const SessionId last =
          family.replaced ? std::max(family.last_writer, series->last_writer) : series->last_writer;
      if (!IsUnreachable(name_space, last)) {
        least = std::min(least, last);
        continue;
      }
      out.push_back({.family = &family, .series = series.get(), .sums = {}});
      if (out.size() == kSlice) return out;
    }
  }
  name_space.least_writer = least;
  return out;
}

// The blocks of which no slot is in use once these series have gone.
std::vector<SeriesRemoval::EmptiedBlock> SeriesRemoval::EmptiedBy(const Slice& gone) {
  absl::flat_hash_map<PercpuPtr, std::uint32_t> freed;
  for (const Chosen& one : gone) ++freed[metrics::BlockOf(*one.family, one.series->cells)];
  std::vector<EmptiedBlock> out;
  for (const Chosen& one : gone) {
    const PercpuPtr block = metrics::BlockOf(*one.family, one.series->cells);
    const auto count = freed.find(block);
    if (count == freed.end() || one.family->blocks.at(block).used != count->second) continue;
    out.emplace_back(one.family, block);
    freed.erase(count);
  }
  return out;
}

// The replaced families of which nothing is left.
std::vector<Family*> SeriesRemoval::LeavingWith(const Slice& gone) {
  absl::flat_hash_map<Family*, std::size_t> leaving;
  for (const Chosen& one : gone) ++leaving[one.family];
  std::vector<Family*> out;
  for (const auto& [family, count] : leaving) {
    if (family->replaced && family->series.size() == count) out.push_back(family);
  }
  return out;
}

std::size_t SeriesRemoval::CommitGone(Transaction& tx, Namespace& name_space, Slice& slice) const {
  Slice gone;
  Slice moved;
  for (Chosen& one : slice) {
    const bool stays = !one.family->replaced && !one.series->retired && !one.sums.empty() &&
                       !IsAtBaseline(*one.series, one.sums);
    (stays ? moved : gone).push_back(std::move(one));
  }
  const std::vector<EmptiedBlock> blocks = EmptiedBy(gone);
  const std::vector<Family*> leaving = LeavingWith(gone);
  MetricTables& metrics = tx.tables().metrics;
  const std::uint64_t revision = metrics.NextRevision();
  if (tx.keeps()) {
    tx.Put(catalog::LastMetric{.id = metrics.last_id(), .revision = revision});
    for (const Chosen& one : gone) tx.changes().DeleteSeries(one.series->id);
    for (const auto& [family, block] : blocks) {
      tx.changes().DeleteSeriesBlock(block);
      tx.changes().DeleteArea(block);
    }
    for (const Family* const family : leaving) tx.changes().DeleteFamily(family->id);
    for (const Chosen& one : moved) {
      catalog::Series record = RecordOf(one.family->id, *one.series);
      record.hidden = false;
      tx.Put(record);
    }
  }
  const auto apply = [&](Tables& tables) {
    name_space.state = RowState::kSettled;
    for (const Chosen& one : moved) tables.metrics.SetHidden(*one.family, *one.series, false);
    for (const Chosen& one : gone) tables.metrics.Remove(*one.family, one.series->id);
    for (const auto& [family, block] : blocks) tables.metrics.RemoveBlock(*family, block);
    for (const Family* const family : leaving) tables.metrics.RemoveFamily(family->id);
  };
  const absl::Status committed = tx.Commit(apply, [&](Tables&) {
    name_space.state = RowState::kSettled;
    // They are to be looked through again.
    name_space.least_writer = kNoSession;
  });
  if (!committed.ok()) return 0;
  for (const auto& [family, block] : blocks) context_.allocator.Free(block).IgnoreError();
  return gone.size();
}

}  // namespace percpud

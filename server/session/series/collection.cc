// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/session/series/collection.h"

#include <algorithm>
#include <cassert>
#include <cstdint>

#include "absl/container/flat_hash_map.h"
#include "server/session/series/opening_plan.h"
#include "server/session/series/records.h"

namespace percpud {
namespace {

using metrics::Change;
using metrics::Family;
using metrics::MetricTables;
using metrics::Namespace;

// Whether every session that may have written there has ended.
bool IsUnreachable(const Namespace& name_space, SessionId last_writer) {
  return name_space.joined.empty() || last_writer < *name_space.joined.begin();
}

}  // namespace

std::size_t SeriesCollection::Run() {
  Transaction tx(books_, {});
  Namespace* const name_space = tx.tables().metrics.Find(name_);
  if (name_space == nullptr || name_space->state != RowState::kSettled) return 0;
  std::vector<Family*> empty;
  SeriesSlice slice = Choose(tx.tables(), *name_space, empty);
  if (slice.empty() && empty.empty()) return 0;
  name_space->state = RowState::kChanging;
  SumSlice(tx, allocator_, slice);
  return Commit(tx, *name_space, slice, empty);
}

SeriesSlice SeriesCollection::Choose(Tables& tables, Namespace& name_space,
                                     std::vector<Family*>& empty) {
  SeriesSlice out;
  if (!IsUnreachable(name_space, name_space.least_writer)) return out;
  const std::uint64_t passed = tables.metrics.log().PassedByAll();
  SessionId least = metrics::kNoWriter;
  std::vector<FamilyId> families(name_space.replaced.begin(), name_space.replaced.end());
  for (const auto& [id, row] : name_space.families) families.push_back(id);
  for (const FamilyId id : families) {
    Family& family = *tables.metrics.Find(id);
    if (family.replaced && family.series.empty()) {
      const bool waits =
          !IsUnreachable(name_space, family.last_writer) || family.out_revision > passed;
      if (waits) {
        least = std::min(least, family.last_writer);
      } else {
        empty.push_back(&family);
      }
    }
    for (const auto& [number, series] : family.series) {
      if (!family.replaced && !series->hidden && !series->retired) continue;
      SessionId last = series->last_writer;
      std::uint64_t revision = series->out_revision;
      if (family.replaced) {
        last = std::max(family.last_writer, last);
        revision = std::max(family.out_revision, revision);
      }
      // A writer whose session has ended is folded soon.
      const bool waits =
          !IsUnreachable(name_space, last) || revision > passed || series->HasLiveWriters();
      if (waits) {
        least = std::min(least, last);
        continue;
      }
      out.push_back({.family = &family, .series = series.get()});
      if (out.size() == kSeriesSlice) return out;
    }
  }
  name_space.least_writer = least;
  return out;
}

// The blocks of which no slot is in use once these series have gone.
std::vector<SeriesCollection::EmptiedBlock> SeriesCollection::EmptiedBy(const SeriesSlice& gone) {
  absl::flat_hash_map<PercpuPtr, std::uint32_t> freed;
  for (const ChosenSeries& one : gone) {
    if (one.IsOfWriters()) continue;
    ++freed[metrics::BlockOf(*one.family, one.series->cells)];
  }
  std::vector<EmptiedBlock> out;
  for (const ChosenSeries& one : gone) {
    if (one.IsOfWriters()) continue;
    const PercpuPtr block = metrics::BlockOf(*one.family, one.series->cells);
    const auto count = freed.find(block);
    if (count == freed.end() || one.family->blocks.at(block).used != count->second) continue;
    out.emplace_back(one.family, block);
    freed.erase(count);
  }
  return out;
}

// The replaced families of which nothing is left.
std::vector<Family*> SeriesCollection::LeavingWith(const SeriesSlice& gone) {
  absl::flat_hash_map<Family*, std::size_t> leaving;
  for (const ChosenSeries& one : gone) ++leaving[one.family];
  std::vector<Family*> out;
  for (const auto& [family, count] : leaving) {
    if (family->replaced && family->series.size() == count) out.push_back(family);
  }
  return out;
}

void SeriesCollection::PutRecords(Transaction& tx, const Outcome& outcome) {
  if (!tx.keeps()) return;
  const MetricTables& metrics = tx.tables().metrics;
  tx.Put(catalog::LastMetric{.id = metrics.last_id(), .revision = metrics.log().last()});
  for (const ChosenSeries& one : outcome.gone) {
    tx.changes().DeleteSeries(one.series->id);
    if (one.series->writers == nullptr) continue;
    for (const auto& [writer, left] : *one.series->writers) {
      tx.changes().DeleteSeriesWriter(one.series->id, writer);
    }
  }
  for (const auto& [family, block] : outcome.blocks) {
    tx.changes().DeleteSeriesBlock(block);
    tx.changes().DeleteArea(block);
  }
  for (const Family* const family : outcome.leaving) tx.changes().DeleteFamily(family->id);
  for (const ChosenSeries& one : outcome.moved) {
    catalog::Series record = RecordOf(one.family->id, *one.series);
    record.hidden = false;
    tx.Put(record);
  }
}

std::vector<Change> SeriesCollection::ChangesOf(const Outcome& outcome) {
  std::vector<Change> out;
  const auto tell = [&out](const ChosenSeries& one, bool gone) {
    out.push_back({.name_space = one.family->name_space,
                   .family = one.family->id,
                   .series = one.series->id,
                   .gone = gone});
  };
  for (const ChosenSeries& one : outcome.gone) tell(one, true);
  for (const ChosenSeries& one : outcome.moved) tell(one, false);
  return out;
}

void SeriesCollection::Apply(Tables& tables, Namespace& name_space, const Outcome& outcome) {
  name_space.state = RowState::kSettled;
  MetricTables& metrics = tables.metrics;
  for (const ChosenSeries& one : outcome.moved) {
    metrics.SetHidden(*one.family, *one.series, false);
  }
  for (const ChosenSeries& one : outcome.gone) metrics.Remove(*one.family, one.series->id);
  const HolderId owner =
      outcome.blocks.empty() ? kNoHolder : tables.holders.OwnOf(OwnerOf(name_space));
  for (const auto& [family, block] : outcome.blocks) {
    const auto slots = static_cast<std::uint32_t>(family->blocks.at(block).taken.size());
    tables.holders.Refund(owner, UsageOfBlock(family->shape, slots));
    metrics.RemoveBlock(*family, block);
  }
  for (const Family* const family : outcome.leaving) metrics.RemoveFamily(family->id);
  SettleCharge(tables, name_space);
}

std::size_t SeriesCollection::Commit(Transaction& tx, Namespace& name_space, SeriesSlice& slice,
                                     const std::vector<Family*>& empty) const {
  Outcome outcome;
  for (ChosenSeries& one : slice) {
    const bool stays =
        !one.family->replaced && !one.series->retired && !one.sums.empty() && !IsAtBaseline(one);
    (stays ? outcome.moved : outcome.gone).push_back(std::move(one));
  }
  outcome.blocks = EmptiedBy(outcome.gone);
  outcome.leaving = LeavingWith(outcome.gone);
  outcome.leaving.insert(outcome.leaving.end(), empty.begin(), empty.end());
  const std::uint64_t revision = tx.tables().metrics.log().Begin();
  PutRecords(tx, outcome);
  std::vector<Change> changes = ChangesOf(outcome);
  const auto apply = [&](Tables& tables) {
    Apply(tables, name_space, outcome);
    tables.metrics.log().Publish(revision, std::move(changes));
  };
  const absl::Status committed = tx.Commit(apply, [&](Tables& tables) {
    name_space.state = RowState::kSettled;
    // They are to be looked through again.
    name_space.least_writer = kNoSession;
    tables.metrics.log().Withdraw(revision);
  });
  if (!committed.ok()) return 0;
  for (const auto& [family, block] : outcome.blocks) allocator_.Free(block).IgnoreError();
  return outcome.gone.size();
}

}  // namespace percpud

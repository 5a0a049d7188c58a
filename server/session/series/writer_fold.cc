// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/session/series/writer_fold.h"

#include <algorithm>
#include <cassert>
#include <memory>
#include <utility>

#include "server/catalog/fault_point.h"
#include "server/cells/fold.h"
#include "server/session/journal.h"
#include "server/session/series/records.h"
#include "server/session/series/writer_cells.h"

namespace percpud {
namespace {

using cells::GaugeFold;
using cells::GaugeMode;
using metrics::Change;
using metrics::ChangeLog;
using metrics::Family;
using metrics::kTheDead;
using metrics::Namespace;
using metrics::Series;
using metrics::SeriesWriter;
using metrics::SeriesWriters;
using metrics::Writer;
using metrics::WriterBlock;

constexpr std::size_t kSlice = 1024;
// Series that are looked at for the dead under the books' lock at a time.
constexpr std::size_t kLookedAt = 4096;

// The dead of a series that shows each by itself, of those that are to be forgotten for one
// more: all of the same label, and the first to die if there are too many.
std::vector<WriterId> GiveWay(const SeriesWriters& writers, absl::string_view label) {
  std::vector<WriterId> out;
  for (const WriterId id : writers.ListAlike(label)) {
    const SeriesWriter& row = writers.find(id)->second;
    if (id != kTheDead && !row.IsLive() && row.label == label) out.push_back(id);
  }
  const bool is_full = writers.dead().size() - out.size() >= kMaxDeadOfSeries;
  if (is_full && out.empty()) out.push_back(writers.dead().begin()->second);
  return out;
}

// Whether dead writers are shown one by one, for a time.
bool ShowsDead(const metrics::Shape& shape) {
  return shape.cells == metrics::Cells::kWriter && shape.mode.fold == GaugeFold::kAll &&
         !shape.mode.live_only;
}

Series* FindSeries(Tables& tables, FamilyId family, SeriesId series) {
  Family* const found = tables.metrics.Find(family);
  if (found == nullptr) return nullptr;
  const auto row = found->series.find(series);
  return row == found->series.end() ? nullptr : row->second.get();
}

}  // namespace

std::uint64_t WriterFold::Run(WriterId writer, Leaves leaves) {
  std::uint64_t folded = 0;
  while (RunSlice(writer, leaves, folded)) {
  }
  return folded;
}

bool WriterFold::RunSlice(WriterId id, Leaves leaves, std::uint64_t& folded) {
  Transaction tx(books_, {});
  const Writer* const writer = Hold(tx, id);
  if (writer == nullptr) return false;
  std::vector<Cell> cells = Choose(tx.tables(), *writer);
  // The row of the namespace is held, so what was found stays.
  tx.Unlocked([&] {
    for (Cell& cell : cells) cell.value = ReadCell(allocator_, cell.place);
    return 0;
  });
  if (leaves == Leaves::kNothing) {
    for (Cell& cell : cells) cell.value = cells::kUnset;
  }
  PERCPUD_FAULT_POINT("fold-read");
  const bool is_last = cells.size() == writer->cells.size();
  std::vector<Fold> folds;
  std::vector<Change> changes;
  const bool may_stay = HasRoomForDead(tx.tables(), *writer, cells.size());
  for (const Cell& cell : cells) {
    folds.push_back(FoldOne(tx.tables(), *writer, cell, may_stay));
    changes.push_back(
        {.name_space = writer->name_space, .family = cell.family, .series = cell.series});
  }
  std::sort(changes.begin(), changes.end(),
            [](const Change& a, const Change& b) { return a.family < b.family; });
  std::vector<PercpuPtr> blocks;
  if (is_last) {
    for (const WriterBlock& block : writer->blocks) blocks.push_back(block.pointer);
  }
  folded += cells.size();
  const std::uint64_t revision = tx.tables().metrics.log().Begin();
  PutRecords(tx, *writer, folds, is_last);
  const Journal::Ticket ticket =
      tx.EnterOwed([&](Tables& tables) { Apply(tables, id, std::move(folds), is_last); });
  PERCPUD_FAULT_POINT("fold-entered");
  books_.journal().Await(ticket).IgnoreError();
  PERCPUD_FAULT_POINT("fold-committed");
  books_.Update(
      [&](Tables& tables) { tables.metrics.log().Publish(revision, std::move(changes)); });
  if (!blocks.empty()) allocator_.FreeBatch(blocks).IgnoreError();
  PERCPUD_FAULT_POINT("fold-freed");
  return !is_last;
}

Writer* WriterFold::Hold(Transaction& tx, WriterId id) {
  const Writer* const found = tx.tables().writers.Find(id);
  if (found == nullptr) return nullptr;
  const NamespaceId name_space = found->name_space;
  tx.WaitUntil([&] { return tx.tables().metrics.Find(name_space)->state == RowState::kSettled; });
  // Somebody else may have folded it meanwhile.
  Writer* const writer = tx.tables().writers.Find(id);
  if (writer != nullptr) tx.tables().metrics.Find(name_space)->state = RowState::kChanging;
  return writer;
}

std::vector<WriterFold::Cell> WriterFold::Choose(const Tables& tables, const Writer& writer) {
  std::vector<Cell> out;
  for (const auto& [series, family] : writer.cells) {
    if (out.size() == kSlice) break;
    const Series& row = *tables.metrics.Find(family)->series.find(series)->second;
    out.push_back(
        {.family = family, .series = series, .place = row.writers->find(writer.id)->second.place});
  }
  return out;
}

// What each of the dead leaves stays with the series, and its owner pays for it. If that is more
// than may be, a writer is forgotten when it dies.
bool WriterFold::HasRoomForDead(const Tables& tables, const metrics::Writer& writer,
                                std::size_t cells) {
  const Namespace& name_space = *tables.metrics.Find(writer.name_space);
  const Bytes more = metrics::RecordBytesOfDead(writer.label) * cells;
  return tables.holders.HasRoom(OwnerOf(name_space), UsageOfRecords(more));
}

WriterFold::Fold WriterFold::FoldOne(const Tables& tables, const Writer& writer, const Cell& cell,
                                     bool may_stay) const {
  const Family& family = *tables.metrics.Find(cell.family);
  const Series& series = *family.series.find(cell.series)->second;
  const GaugeMode mode = family.shape.mode;
  Fold out{.series = cell.series, .left = {}, .dropped = {}};
  if (mode.live_only || !cells::IsSet(cell.value) || series.retired) return out;
  if (mode.fold == GaugeFold::kAll) {
    out.dropped = GiveWay(*series.writers, writer.label);
    if (!may_stay) return out;
    out.left.emplace(
        writer.id, metrics::SeriesWriter{
                       .place = {}, .left = cell.value, .died_ns = now_ns_, .label = writer.label});
    return out;
  }
  const auto dead = series.writers->find(kTheDead);
  const cells::WriterCell before =
      dead == series.writers->end() ? cells::kUnset : dead->second.left;
  out.left.emplace(kTheDead, metrics::SeriesWriter{.place = {},
                                                   .left = FoldDead(mode, before, cell.value),
                                                   .died_ns = now_ns_,
                                                   .label = {}});
  return out;
}

void WriterFold::PutRecords(Transaction& tx, const Writer& writer, const std::vector<Fold>& folds,
                            bool is_last) {
  if (!tx.keeps()) return;
  const metrics::MetricTables& metrics = tx.tables().metrics;
  tx.Put(catalog::LastMetric{.id = metrics.last_id(), .revision = metrics.log().last()});
  for (const Fold& fold : folds) {
    tx.changes().DeleteSeriesWriter(fold.series, writer.id);
    for (const WriterId dropped : fold.dropped) {
      tx.changes().DeleteSeriesWriter(fold.series, dropped);
    }
    if (fold.left) tx.Put(RecordOf(fold.series, fold.left->first, fold.left->second));
  }
  if (!is_last) return;
  tx.changes().DeleteWriter(writer.id);
  for (const WriterBlock& block : writer.blocks) {
    tx.changes().DeleteWriterBlock(block.pointer);
    tx.changes().DeleteArea(block.pointer);
  }
}

void WriterFold::Apply(Tables& tables, WriterId id, std::vector<Fold> folds, bool is_last) {
  Writer& writer = *tables.writers.Find(id);
  tables.metrics.Find(writer.name_space)->state = RowState::kSettled;
  const HolderId holder = HolderOf(writer.session);
  const bool is_charged = tables.holders.Find(holder) != nullptr;
  if (is_charged) tables.holders.Refund(holder, UsageOfWriter(writer));
  for (Fold& fold : folds) {
    const auto cell = writer.cells.find(fold.series);
    Series& series = *tables.metrics.Find(cell->second)->series.find(fold.series)->second;
    writer.cells.erase(cell);
    series.writers->Erase(id);
    for (const WriterId dropped : fold.dropped) series.writers->Erase(dropped);
    if (fold.left) {
      const std::string label = fold.left->second.label;
      series.writers->Put(fold.left->first, std::move(fold.left->second), label);
    }
    if (series.writers->empty()) series.writers = nullptr;
  }
  SettleCharge(tables, *tables.metrics.Find(writer.name_space));
  if (is_last) {
    tables.writers.Remove(id);
  } else if (is_charged) {
    tables.holders.Restore(holder, UsageOfWriter(writer));
  }
}

// --- The dead --------------------------------------------------------------------

std::uint64_t WriterFold::ForgetDead(std::uint64_t until_ns) {
  const std::vector<NamespaceId> all = books_.Read([](const Tables& tables) {
    std::vector<NamespaceId> out;
    for (const auto& [id, name_space] : tables.metrics.namespaces()) {
      const bool shows_dead =
          std::any_of(name_space.families.begin(), name_space.families.end(),
                      [](const auto& family) { return ShowsDead(family.second->shape); });
      if (shows_dead) out.push_back(id);
    }
    return out;
  });
  std::uint64_t forgotten = 0;
  for (const NamespaceId name_space : all) forgotten += ForgetDeadOf(name_space, until_ns);
  return forgotten;
}

std::uint64_t WriterFold::ForgetDeadOf(NamespaceId name_space, std::uint64_t until_ns) {
  std::uint64_t forgotten = 0;
  SeriesFrom from;
  for (bool more = true; more;) {
    std::vector<Dead> found;
    more = books_.Read(
        [&](const Tables& tables) { return ListDead(tables, name_space, until_ns, from, found); });
    if (!found.empty()) forgotten += Forget(name_space, found);
  }
  return forgotten;
}

bool WriterFold::ListDead(const Tables& tables, NamespaceId id, std::uint64_t until_ns,
                          SeriesFrom& from, std::vector<Dead>& out) {
  const Namespace* const name_space = tables.metrics.Find(id);
  if (name_space == nullptr) return false;
  std::size_t looked_at = 0;
  auto family = name_space->families.lower_bound(from.family);
  for (; family != name_space->families.end(); ++family) {
    const bool begins = family->first != from.family;
    if (begins) from = {.family = family->first, .series = {}};
    if (!ShowsDead(family->second->shape)) continue;
    const auto& rows = family->second->series;
    for (auto row = rows.lower_bound(from.series); row != rows.end(); ++row) {
      from.series = row->first;
      if (++looked_at > kLookedAt || out.size() >= kSlice) return true;
      if (row->second->writers == nullptr) continue;
      for (const auto& [died_ns, writer] : row->second->writers->dead()) {
        if (died_ns > until_ns) break;
        out.push_back({.family = family->first, .series = row->first, .writer = writer});
      }
    }
  }
  return false;
}

std::uint64_t WriterFold::Forget(NamespaceId id, const std::vector<Dead>& found) {
  Transaction tx(books_, {});
  const auto is_settled = [&] {
    const Namespace* const row = tx.tables().metrics.Find(id);
    return row == nullptr || row->state == RowState::kSettled;
  };
  tx.WaitUntil(is_settled);
  Namespace* const name_space = tx.tables().metrics.Find(id);
  if (name_space == nullptr) return 0;
  std::vector<std::pair<Series*, WriterId>> gone;
  std::vector<Change> changes;
  for (const Dead& one : found) {
    Series* const series = FindSeries(tx.tables(), one.family, one.series);
    // It went meanwhile. The dead do not come back.
    if (series == nullptr || series->writers == nullptr || !series->writers->contains(one.writer)) {
      continue;
    }
    gone.emplace_back(series, one.writer);
    changes.push_back({.name_space = id, .family = one.family, .series = one.series});
  }
  if (gone.empty()) return 0;
  name_space->state = RowState::kChanging;
  ChangeLog& log = tx.tables().metrics.log();
  const std::uint64_t revision = log.Begin();
  if (tx.keeps()) {
    tx.Put(catalog::LastMetric{.id = tx.tables().metrics.last_id(), .revision = log.last()});
    for (const auto& [series, writer] : gone) tx.changes().DeleteSeriesWriter(series->id, writer);
  }
  const auto apply = [&](Tables& tables) {
    name_space->state = RowState::kSettled;
    for (const auto& [series, writer] : gone) series->writers->Erase(writer);
    for (const auto& [series, writer] : gone) {
      if (series->writers != nullptr && series->writers->empty()) series->writers = nullptr;
    }
    SettleCharge(tables, *name_space);
    tables.metrics.log().Publish(revision, std::move(changes));
  };
  const auto undo = [&](Tables& tables) {
    name_space->state = RowState::kSettled;
    tables.metrics.log().Withdraw(revision);
  };
  return tx.Commit(apply, undo).ok() ? gone.size() : 0;
}

}  // namespace percpud

// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/session/series/writer_opening.h"

#include <algorithm>
#include <cassert>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/base/errors.h"
#include "server/metrics/rules.h"
#include "server/session/journal.h"
#include "server/session/series/records.h"
#include "server/session/series/writer_cells.h"

namespace percpud {
namespace {

using metrics::Family;
using metrics::Series;
using metrics::SeriesWriters;
using metrics::Writer;
using metrics::WriterBlock;

// What introspection shows of the areas.
constexpr absl::string_view kWriterTag = "writer";

AreaSpec BlockSpecOf(const AllocInfo& info) {
  const Bytes bytes = WriterBlockBytes(info);
  return {.size = bytes, .alignment = Bytes(64)};
}

// Its session is not charged for the cell any more, whose memory stays the writer's.
void DropCell(Tables& tables, Writer& writer, SeriesId series) {
  if (writer.cells.erase(series) == 0) return;
  const HolderId holder = HolderOf(writer.session);
  if (tables.holders.Find(holder) != nullptr) tables.holders.Refund(holder, UsageOfWriterCells(1));
}

}  // namespace

absl::Status WriterOpening::Check() const {
  if (caller_.session == kNoSession) return errors::WriterNeedsSession();
  return metrics::CheckWriterLabel(wanted_.writer);
}

// --- Who it is -----------------------------------------------------------------

std::string WriterOpening::LabelOf(const Tables& tables) const {
  if (!wanted_.writer.empty()) return std::string(wanted_.writer);
  const Session* const session = tables.sessions.Find(caller_.session);
  assert(session != nullptr);
  const ProcessId pid = session->spec.peer ? session->spec.peer->pid : ProcessId(0);
  // A process that cannot be seen has no number that means anything here.
  if (pid == ProcessId(0)) return absl::StrCat("session-", caller_.session.value());
  return absl::StrCat(pid.value());
}

const Writer* WriterOpening::Find(const Tables& tables, NamespaceId name_space) const {
  if (wanted_.slot) return tables.writers.FindSlot(name_space, caller_.session);
  return tables.writers.Find(name_space, caller_.session, LabelOf(tables));
}

bool WriterOpening::Answer(const Tables& tables, NamespaceId name_space, Opening& out,
                           std::size_t entry) const {
  if (!Check().ok()) return false;
  OpenedSeries& opened = out.series[entry];
  const Writer* const writer = Find(tables, name_space);
  if (writer == nullptr || !writer->cells.contains(opened.series)) return false;
  const Family* const family = tables.metrics.Find(opened.family);
  const Series& series = *family->series.find(opened.series)->second;
  opened.cells = PointerOfCell(info_, series.writers->find(writer->id)->second.place);
  out.writer = writer->id;
  out.slot = writer->slot;
  return true;
}

// --- Planning ------------------------------------------------------------------

absl::Status WriterOpening::Plan(Tables& tables, NamespaceId name_space, std::size_t series) {
  assert(Check().ok());
  planned_ = series;
  const Writer* const found = Find(tables, name_space);
  is_new_ = found == nullptr;
  if (!is_new_) {
    row_ = {.id = found->id,
            .name_space = name_space,
            .session = caller_.session,
            .label = found->label,
            .slot = found->slot,
            .cells = {},
            .blocks = {}};
    used_ = found->used;
    if (!found->blocks.empty()) last_block_ = found->blocks.back();
  } else {
    const std::size_t writers = tables.writers.CountOf(caller_.session);
    if (writers >= kMaxWritersPerSession) {
      return errors::QuotaExceeded(absl::StrCat("session ", caller_.session.value()), "writers",
                                   writers, 1, kMaxWritersPerSession);
    }
    row_ = {.id = WriterId(tables.metrics.NextId()),
            .name_space = name_space,
            .session = caller_.session,
            .label = {},
            .slot = metrics::kNoSlot,
            .cells = {},
            .blocks = {}};
    if (wanted_.slot) row_.slot = tables.writers.FreeSlot(name_space, caller_.session);
    row_.label = wanted_.slot ? absl::StrCat(row_.slot) : LabelOf(tables);
  }
  Usage use = UsageOfWriterCells(series);
  for (const AreaSpec& spec : Specs()) use += UsageOfWriterBlock(spec.size);
  if (absl::Status status = tables.holders.Charge(HolderOf(caller_.session), use); !status.ok()) {
    planned_ = 0;
    return status;
  }
  charged_ = use;
  return absl::OkStatus();
}

std::vector<AreaSpec> WriterOpening::Specs() const {
  const AreaSpec spec = BlockSpecOf(info_);
  const std::size_t in_block = CellsOfBlock(info_, spec.size);
  const std::size_t left = last_block_ ? CellsOfBlock(info_, last_block_->size) - used_ : 0;
  if (planned_ <= left) return {};
  std::vector<AreaSpec> out((planned_ - left + in_block - 1) / in_block);
  std::fill(out.begin(), out.end(), spec);
  return out;
}

void WriterOpening::Place(std::span<const PercpuPtr> areas, Opening& out) {
  if (planned_ == 0) return;
  const Bytes size = WriterBlockBytes(info_);
  for (const PercpuPtr area : areas) blocks_.push_back({.pointer = area, .size = size});
  std::size_t next = 0;
  for (OpenedSeries& series : out.series) {
    const bool wants = series.status.ok() && series.kind == metrics::Cells::kWriter &&
                       series.cells == PercpuPtr(0);
    if (!wants) continue;
    const auto [cell, is_new] = cells_.try_emplace(series.series);
    if (is_new) {
      if (!last_block_ || used_ == CellsOfBlock(info_, last_block_->size)) {
        assert(next < blocks_.size());
        last_block_ = blocks_[next++];
        used_ = 0;
      }
      cell->second = {.family = series.family, .place = PlaceOfCell(info_, *last_block_, used_++)};
    }
    series.cells = PointerOfCell(info_, cell->second.place);
  }
  out.writer = row_.id;
  out.slot = row_.slot;
}

void WriterOpening::Refund(Tables& tables) {
  if (charged_ == Usage{}) return;
  tables.holders.Refund(HolderOf(caller_.session), std::exchange(charged_, {}));
  cells_.clear();
}

// --- Committing ----------------------------------------------------------------

std::vector<WriterId> WriterOpening::Overtaken(const Tables& tables, FamilyId family_id,
                                               SeriesId series_id) const {
  std::vector<WriterId> out;
  const Family* const family = tables.metrics.Find(family_id);
  if (family == nullptr || family->shape.mode.fold != cells::GaugeFold::kAll) return out;
  const auto row = family->series.find(series_id);
  if (row == family->series.end() || row->second->writers == nullptr) return out;
  const SeriesWriters& writers = *row->second->writers;
  for (const WriterId id : writers.ListAlike(row_.label)) {
    const Writer* const live = tables.writers.Find(id);
    const auto& label = live != nullptr ? live->label : writers.find(id)->second.label;
    if (id != row_.id && id != metrics::kTheDead && label == row_.label) out.push_back(id);
  }
  return out;
}

void WriterOpening::AddChanges(NamespaceId name_space, std::vector<metrics::Change>& out) const {
  for (const auto& [series, cell] : cells_) {
    out.push_back({.name_space = name_space, .family = cell.family, .series = series});
  }
}

void WriterOpening::PutRecords(Transaction& tx) const {
  if (IsEmpty()) return;
  if (is_new_) tx.Put(RecordOf(row_));
  for (const WriterBlock& block : blocks_) {
    tx.Put(RecordOf(block.pointer, BlockSpecOf(info_), kNoHolder, kWriterTag));
    tx.Put(catalog::WriterBlock{.pointer = block.pointer, .writer = row_.id});
  }
  for (const auto& [series, cell] : cells_) {
    for (const WriterId other : Overtaken(tx.tables(), cell.family, series)) {
      tx.changes().DeleteSeriesWriter(series, other);
    }
    tx.Put(RecordOf(series, row_.id, {.place = cell.place, .label = {}}));
  }
}

void WriterOpening::Apply(Tables& tables) {
  if (IsEmpty()) return;
  Writer* const writer =
      is_new_ ? &tables.writers.Add(std::move(row_)) : tables.writers.Find(row_.id);
  assert(writer != nullptr);
  row_ = *writer;
  for (const WriterBlock& block : blocks_) tables.writers.AddBlock(*writer, block);
  // Where fewer series were made than planned, the last block is still whole.
  const bool is_last =
      blocks_.empty() || (last_block_ && last_block_->pointer == blocks_.back().pointer);
  writer->used = is_last ? used_ : 0;
  if (planned_ > cells_.size()) {
    tables.holders.Refund(HolderOf(caller_.session), UsageOfWriterCells(planned_ - cells_.size()));
  }
  for (const auto& [id, cell] : cells_) {
    const std::vector<WriterId> overtaken = Overtaken(tables, cell.family, id);
    Series& series = *tables.metrics.Find(cell.family)->series.find(id)->second;
    for (const WriterId other : overtaken) {
      series.writers->Erase(other);
      if (Writer* const live = tables.writers.Find(other)) DropCell(tables, *live, id);
    }
    tables.metrics.WritersOf(*tables.metrics.Find(cell.family), series)
        .Put(writer->id, {.place = cell.place, .label = {}}, writer->label);
    writer->cells.emplace(id, cell.family);
  }
}

}  // namespace percpud

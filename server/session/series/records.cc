// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/session/series/records.h"

#include <algorithm>
#include <bit>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/base/errors.h"
#include "server/base/status_macros.h"
#include "server/metrics/rules.h"
#include "server/session/series/opening_plan.h"
#include "server/session/series/writer_cells.h"

namespace percpud {
namespace {

using metrics::Family;
using metrics::MetricTables;
using metrics::Namespace;
using metrics::Series;

template <typename Tag>
absl::Status NotRestorable(absl::string_view what, Id<Tag, std::uint64_t> id,
                           absl::string_view why) {
  return errors::NotRestorable(absl::StrCat(what, " ", id.value()), why);
}

absl::Status Restore(MetricTables& tables, const catalog::Namespace& record) {
  const bool is_new = tables.Find(record.id) == nullptr && tables.Find(record.name) == nullptr;
  if (!is_new || !metrics::CheckNamespace(record.name).ok()) {
    return NotRestorable("namespace", record.id, "has another's number or name, or no name");
  }
  Namespace row;
  row.id = record.id;
  row.name = record.name;
  row.owner = record.owner;
  row.host = record.host;
  row.group = record.group;
  row.generation = record.generation;
  row.created_ns = record.created_ns;
  tables.Add(std::move(row));
  return absl::OkStatus();
}

absl::Status Restore(MetricTables& tables, const catalog::Family& record) {
  const Namespace* const name_space = tables.Find(record.name_space);
  if (name_space == nullptr || tables.Find(record.id) != nullptr ||
      (!record.replaced && name_space->by_name.contains(record.name))) {
    return NotRestorable("family", record.id, "has no namespace, or another's number or name");
  }
  Family row;
  row.id = record.id;
  row.name_space = record.name_space;
  row.generation = record.generation;
  row.created_ns = record.created_ns;
  row.max_series = record.max_series;
  row.ttl_seconds = record.ttl_seconds;
  row.replaced = record.replaced;
  row.last_writer = record.last_writer;
  row.refused = record.refused;
  row.overflowed = record.overflowed;
  row.shape = {
      .name = record.name,
      .help = record.help,
      .unit = record.unit,
      .labels = record.labels,
      .bounds = record.bounds,
      .type = static_cast<metrics::FamilyType>(record.type),
      .cells = static_cast<metrics::Cells>(record.cells),
      .mode = {.fold = static_cast<cells::GaugeFold>(record.fold), .live_only = record.live_only}};
  if (!metrics::CheckShape(row.shape).ok()) {
    return NotRestorable("family", record.id, "has no shape that may be made");
  }
  tables.Add(std::move(row));
  return absl::OkStatus();
}

absl::Status Restore(MetricTables& tables, const catalog::SeriesBlock& record,
                     const absl::flat_hash_map<PercpuPtr, Bytes>& areas) {
  Family* const family = tables.Find(record.family);
  const auto area = areas.find(record.pointer);
  const auto refuse = [&](absl::string_view why) {
    return errors::NotRestorable(absl::StrCat("the block at ", Format(record.pointer)), why);
  };
  if (family == nullptr || !metrics::HasArea(family->shape.cells)) return refuse("has no family");
  if (area == areas.end() || tables.IsBlock(record.pointer)) return refuse("has no area");
  const std::uint64_t slots = area->second / metrics::CellBytes(family->shape);
  if (slots == 0) return refuse("has room for no series");
  tables.AddBlock(*family, record.pointer, static_cast<std::uint32_t>(slots));
  return absl::OkStatus();
}

absl::Status Restore(MetricTables& tables, const catalog::Series& record) {
  Family* const family = tables.Find(record.family);
  if (family == nullptr || family->series.contains(record.id) ||
      (!record.retired && family->Find(record.values) != nullptr) ||
      !metrics::CheckValues(family->shape, record.values).ok()) {
    return NotRestorable("series", record.id, "has no family, or another's number or values");
  }
  const bool has_area = metrics::HasArea(family->shape.cells);
  if (has_area && !MetricTables::TakeSlot(*family, record.cells)) {
    return NotRestorable("series", record.id, "has no cells");
  }
  Series row;
  row.id = record.id;
  row.cells = record.cells;
  row.created_ns = record.created_ns;
  row.last_writer = record.last_writer;
  row.hidden = record.hidden;
  row.overflow = record.overflow;
  row.retired = record.retired;
  row.values = record.values;
  if (!record.baseline.empty()) {
    if (!has_area || record.baseline.size() != 2 * metrics::CellCount(family->shape)) {
      return NotRestorable("series", record.id, "has a baseline of another shape");
    }
    row.baseline = std::make_unique<std::vector<metrics::CountSum>>();
    for (std::size_t i = 0; i < record.baseline.size(); i += 2) {
      row.baseline->push_back(
          {.count = record.baseline[i], .sum = std::bit_cast<double>(record.baseline[i + 1])});
    }
  }
  tables.Add(*family, std::move(row));
  return absl::OkStatus();
}

// --- Writers -------------------------------------------------------------------

absl::Status Restore(Tables& tables, const catalog::MetricWriter& record) {
  metrics::WriterTable& writers = tables.writers;
  const Namespace* const name_space = tables.metrics.Find(record.name_space);
  const bool is_sound = record.id != metrics::kTheDead && name_space != nullptr &&
                        writers.Find(record.id) == nullptr &&
                        writers.Find(record.name_space, record.session, record.label) == nullptr;
  if (!is_sound) return NotRestorable("writer", record.id, "has no namespace, or another's number");
  metrics::Writer row;
  row.id = record.id;
  row.name_space = record.name_space;
  row.session = record.session;
  row.label = record.label;
  row.slot = record.slot;
  if (row.slot != metrics::kNoSlot && writers.HasSlot(row.name_space, row.slot)) {
    return NotRestorable("writer", record.id, "has another's number among its namespace's");
  }
  writers.Add(std::move(row));
  return absl::OkStatus();
}

absl::Status Restore(Tables& tables, const catalog::WriterBlock& record,
                     const absl::flat_hash_map<PercpuPtr, Bytes>& areas, const AllocInfo& info) {
  metrics::Writer* const writer = tables.writers.Find(record.writer);
  const auto area = areas.find(record.pointer);
  const auto refuse = [&](absl::string_view why) {
    return errors::NotRestorable(absl::StrCat("the block at ", Format(record.pointer)), why);
  };
  if (writer == nullptr) return refuse("has no writer");
  if (area == areas.end() || tables.writers.IsBlock(record.pointer)) return refuse("has no area");
  tables.writers.AddBlock(*writer, {.pointer = record.pointer, .size = area->second});
  // How many cells were given out is not kept: the next ones are of another block.
  writer->used = CellsOfBlock(info, area->second);
  return absl::OkStatus();
}

// Whether the place is a cell of one of the writer's blocks.
bool HasPlace(const metrics::Writer& writer, const metrics::CellPlace& place,
              const AllocInfo& info) {
  if (place.unit.value() >= info.units() || !info.unit_to_cpu[place.unit.value()]) return false;
  for (const metrics::WriterBlock& block : writer.blocks) {
    if (place.cell < block.pointer) continue;
    const Bytes offset(place.cell.value() - block.pointer.value());
    if (offset < block.size) return offset.value() % sizeof(metrics::WriterCell) == 0;
  }
  return false;
}

absl::Status Restore(Tables& tables, const catalog::SeriesWriter& record,
                     const absl::flat_hash_map<SeriesId, FamilyId>& families,
                     const AllocInfo& info) {
  const auto family_id = families.find(record.series);
  Family* const family =
      family_id == families.end() ? nullptr : tables.metrics.Find(family_id->second);
  if (family == nullptr || metrics::HasArea(family->shape.cells)) {
    return NotRestorable("series", record.series, "has a writer, and is of none");
  }
  metrics::SeriesWriter row{.place = {.cell = record.cell, .unit = UnitId(record.unit)},
                            .left = {.value = record.value, .timestamp = record.timestamp},
                            .died_ns = record.died_ns,
                            .label = record.label};
  if (row.IsLive()) {
    metrics::Writer* const writer = tables.writers.Find(record.writer);
    if (writer == nullptr || !HasPlace(*writer, row.place, info)) {
      return NotRestorable("writer", record.writer, "has no cell where it is said to be");
    }
    writer->cells.emplace(record.series, family->id);
  }
  Series& series = *family->series.find(record.series)->second;
  const metrics::Writer* const writer = row.IsLive() ? tables.writers.Find(record.writer) : nullptr;
  tables.metrics.WritersOf(*family, series)
      .Put(record.writer, std::move(row), writer == nullptr ? record.label : writer->label);
  return absl::OkStatus();
}

// Owners are charged for the blocks of their namespaces' series, as they were.
void RestoreBlockCharges(Tables& tables) {
  for (const auto& [id, family] : tables.metrics.families()) {
    if (family.blocks.empty()) continue;
    const HolderId owner = tables.holders.OwnOf(OwnerOf(*tables.metrics.Find(family.name_space)));
    for (const auto& [pointer, block] : family.blocks) {
      const auto slots = static_cast<std::uint32_t>(block.taken.size());
      tables.holders.Restore(owner, UsageOfBlock(family.shape, slots));
    }
  }
}

// Sessions that live are charged for their writers, as they were.
void RestoreCharges(Tables& tables) {
  for (const auto& [id, writer] : tables.writers.all()) {
    if (tables.holders.Find(HolderOf(writer.session)) == nullptr) continue;
    tables.holders.Restore(HolderOf(writer.session), UsageOfWriter(writer));
  }
}

absl::Status RestoreWriters(Tables& tables, const catalog::Contents& contents,
                            const absl::flat_hash_map<PercpuPtr, Bytes>& areas,
                            const AllocInfo& info) {
  for (const catalog::MetricWriter& record : contents.writers) {
    RETURN_IF_ERROR(Restore(tables, record));
    tables.metrics.SkipTo(record.id.value(), 0);
  }
  for (const catalog::WriterBlock& record : contents.writer_blocks) {
    RETURN_IF_ERROR(Restore(tables, record, areas, info));
  }
  absl::flat_hash_map<SeriesId, FamilyId> families;
  if (!contents.series_writers.empty()) {
    for (const catalog::Series& record : contents.series) {
      families.emplace(record.id, record.family);
    }
  }
  for (const catalog::SeriesWriter& record : contents.series_writers) {
    RETURN_IF_ERROR(Restore(tables, record, families, info));
  }
  RestoreCharges(tables);
  return absl::OkStatus();
}

}  // namespace

catalog::MetricWriter RecordOf(const metrics::Writer& writer) {
  return {.id = writer.id,
          .name_space = writer.name_space,
          .session = writer.session,
          .slot = writer.slot,
          .label = writer.label};
}

catalog::SeriesWriter RecordOf(SeriesId series, WriterId id, const metrics::SeriesWriter& writer) {
  return {.series = series,
          .writer = id,
          .cell = writer.place.cell,
          .unit = writer.place.unit.value(),
          .value = writer.left.value,
          .timestamp = writer.left.timestamp,
          .died_ns = writer.died_ns,
          .label = writer.label};
}

catalog::Namespace RecordOf(const Namespace& name_space) {
  return {.id = name_space.id,
          .name = name_space.name,
          .owner = name_space.owner,
          .host = name_space.host,
          .group = name_space.group,
          .generation = name_space.generation,
          .created_ns = name_space.created_ns};
}

catalog::Family RecordOf(const Family& family) {
  const metrics::Shape& shape = family.shape;
  return {.id = family.id,
          .name_space = family.name_space,
          .generation = family.generation,
          .created_ns = family.created_ns,
          .max_series = family.max_series,
          .ttl_seconds = family.ttl_seconds,
          .type = static_cast<std::uint8_t>(shape.type),
          .cells = static_cast<std::uint8_t>(shape.cells),
          .fold = static_cast<std::uint8_t>(shape.mode.fold),
          .live_only = shape.mode.live_only,
          .replaced = family.replaced,
          .last_writer = family.last_writer,
          .refused = family.refused,
          .overflowed = family.overflowed,
          .name = shape.name,
          .help = shape.help,
          .unit = shape.unit,
          .labels = shape.labels,
          .bounds = shape.bounds};
}

catalog::Series RecordOf(FamilyId family, const Series& series) {
  catalog::Series out{.id = series.id,
                      .family = family,
                      .cells = series.cells,
                      .created_ns = series.created_ns,
                      .hidden = series.hidden,
                      .overflow = series.overflow,
                      .retired = series.retired,
                      .last_writer = series.last_writer,
                      .values = series.values};
  if (series.baseline == nullptr) return out;
  for (const metrics::CountSum& cell : *series.baseline) {
    out.baseline.push_back(cell.count);
    out.baseline.push_back(std::bit_cast<std::uint64_t>(cell.sum));
  }
  return out;
}

absl::Status RestoreMetrics(Tables& tables, const catalog::Contents& contents,
                            const absl::flat_hash_map<PercpuPtr, Bytes>& areas,
                            const AllocInfo& info, catalog::Changes& stale) {
  MetricTables& metrics = tables.metrics;
  metrics.SkipTo(contents.last_metric.id, contents.last_metric.revision);
  for (const catalog::Namespace& record : contents.namespaces) {
    RETURN_IF_ERROR(Restore(metrics, record));
    metrics.SkipTo(record.id.value(), 0);
  }
  for (const catalog::Family& record : contents.families) {
    RETURN_IF_ERROR(Restore(metrics, record));
    metrics.SkipTo(record.id.value(), 0);
  }
  for (const catalog::SeriesBlock& record : contents.blocks) {
    RETURN_IF_ERROR(Restore(metrics, record, areas));
  }
  RestoreBlockCharges(tables);
  for (const catalog::Series& record : contents.series) {
    RETURN_IF_ERROR(Restore(metrics, record));
    metrics.SkipTo(record.id.value(), 0);
  }
  for (const catalog::Joined& record : contents.joined) {
    Namespace* const name_space = metrics.Find(record.name_space);
    if (name_space == nullptr || tables.sessions.Find(record.session) == nullptr) {
      stale.DeleteJoined(record.name_space, record.session);
      continue;
    }
    metrics.Join(*name_space, record.session);
  }
  RETURN_IF_ERROR(RestoreWriters(tables, contents, areas, info));
  for (const catalog::Namespace& record : contents.namespaces) {
    SettleCharge(tables, *metrics.Find(record.id));
  }
  return absl::OkStatus();
}

void SettleCharge(Tables& tables, Namespace& name_space) {
  if (name_space.charged == name_space.record_bytes) return;
  const HolderId owner = tables.holders.OwnOf(OwnerOf(name_space));
  tables.holders.Restore(owner, UsageOfRecords(name_space.record_bytes));
  tables.holders.Refund(owner, UsageOfRecords(name_space.charged));
  name_space.charged = name_space.record_bytes;
}

SessionId LastJoined(const Namespace& name_space) {
  return name_space.joined.empty() ? kNoSession : *name_space.joined.rbegin();
}

Identity OwnerOf(const Namespace& name_space) {
  return {.uid = name_space.owner, .host = name_space.host};
}

absl::Status CheckMayWrite(const Tables& tables, const Namespace& name_space,
                           const Caller& caller) {
  const Identity owner = OwnerOf(name_space);
  if (caller.role == Role::kOperator || caller.identity() == owner) return absl::OkStatus();
  const Session* const session = tables.sessions.Find(caller.session);
  if (name_space.group && session != nullptr && session->spec.peer) {
    const Peer& peer = *session->spec.peer;
    const bool is_member =
        std::find(peer.groups.begin(), peer.groups.end(), *name_space.group) != peer.groups.end();
    if (is_member || peer.gid == *name_space.group) return absl::OkStatus();
  }
  return errors::NotNamespaceOwner(name_space.name, Name(owner));
}

}  // namespace percpud

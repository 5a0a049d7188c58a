// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/session/series/records.h"

#include <bit>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/base/errors.h"
#include "server/base/status_macros.h"
#include "server/metrics/rules.h"

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

}  // namespace

catalog::Namespace RecordOf(const Namespace& name_space) {
  return {.id = name_space.id,
          .name = name_space.name,
          .owner = name_space.owner,
          .host = name_space.host,
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
                            catalog::Changes& stale) {
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
    name_space->joined.insert(record.session);
  }
  return absl::OkStatus();
}

SessionId LastJoined(const Namespace& name_space) {
  return name_space.joined.empty() ? kNoSession : *name_space.joined.rbegin();
}

absl::Status CheckMayWrite(const Namespace& name_space, const Caller& caller) {
  const Identity owner{.uid = name_space.owner, .host = name_space.host};
  if (caller.role == Role::kOperator || caller.identity() == owner) return absl::OkStatus();
  return errors::NotNamespaceOwner(name_space.name, Name(owner));
}

}  // namespace percpud

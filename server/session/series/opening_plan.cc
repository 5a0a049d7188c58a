// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/session/series/opening_plan.h"

#include <algorithm>
#include <cassert>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/base/errors.h"
#include "server/base/status_macros.h"
#include "server/metrics/rules.h"
#include "server/session/area_ledger.h"
#include "server/session/series/sums.h"

namespace percpud {

using metrics::Family;
using metrics::MetricTables;
using metrics::Namespace;
using metrics::Series;
using metrics::Shape;

void Answer(const Family& family, const Series& series, bool made, OpenedSeries& out) {
  out.status = absl::OkStatus();
  out.family = family.id;
  out.series = series.id;
  out.cells = series.cells;
  out.created_ns = series.created_ns;
  out.buckets = static_cast<std::uint32_t>(metrics::Buckets(family.shape));
  out.kind = family.shape.cells;
  out.made = made;
  out.overflow = series.overflow;
}

AreaSpec BlockSpec(const Shape& shape, std::uint32_t slots) {
  return {.size = metrics::BlockBytes(shape, slots), .alignment = metrics::CellAlignment(shape)};
}

Usage UsageOfBlock(const Shape& shape, std::uint32_t slots) {
  return {.bytes = metrics::BlockBytes(shape, slots),
          .areas = 1,
          .leases = 0,
          .records = RecordBytesOfArea(kBlockTag.size())};
}

// --- Planning ----------------------------------------------------------------

void OpeningPlan::Plan(MetricTables& tables, NamespaceId name_space, const OpeningWanted& wanted,
                       std::span<const Missing> missing) {
  name_space_ = name_space;
  for (const Missing& each : missing) {
    const absl::StatusOr<PlannedFamily*> family = PlanFamily(tables, wanted.families[each.family]);
    const absl::Status status = family.ok() ? PlanSeries(tables, **family, each) : family.status();
    if (!status.ok()) out_.series[each.entry].status = status;
  }
  // A family whose every series was refused is not made either.
  std::erase_if(families_, [](const std::unique_ptr<PlannedFamily>& plan) {
    return plan->there == nullptr && plan->series.empty();
  });
  PlanCells();
}

absl::StatusOr<OpeningPlan::PlannedFamily*> OpeningPlan::PlanFamily(MetricTables& tables,
                                                                    const FamilyWanted& wanted) {
  const Shape& shape = wanted.shape;
  if (const auto planned = by_name_.find(shape.name); planned != by_name_.end()) {
    const Family& family = planned->second->family();
    if (metrics::IsSameShape(family.shape, shape)) return planned->second;
    return errors::FamilyDiffers(shape.name, metrics::Describe(family.shape),
                                 metrics::Describe(shape));
  }
  const Namespace& name_space = *tables.Find(name_space_);
  auto plan = std::make_unique<PlannedFamily>();
  const auto found = name_space.by_name.find(shape.name);
  Family* const there = found == name_space.by_name.end() ? nullptr : found->second;
  const bool is_old = there != nullptr && there->generation != name_space.generation;
  if (there != nullptr && metrics::IsSameShape(there->shape, shape)) {
    plan->there = there;
    plan->revives = is_old;
  } else if (there != nullptr && !is_old) {
    refused_.push_back(there);
    return errors::FamilyDiffers(shape.name, metrics::Describe(there->shape),
                                 metrics::Describe(shape));
  } else {
    RETURN_IF_ERROR(PlanNewFamily(tables, wanted, *plan));
  }
  PlannedFamily* const out = families_.emplace_back(std::move(plan)).get();
  by_name_.emplace(shape.name, out);
  return out;
}

absl::Status OpeningPlan::PlanNewFamily(MetricTables& tables, const FamilyWanted& wanted,
                                        PlannedFamily& plan) {
  const Namespace& name_space = *tables.Find(name_space_);
  const Shape& shape = wanted.shape;
  RETURN_IF_ERROR(metrics::CheckShape(shape));
  RETURN_IF_ERROR(CheckShownNames(name_space, shape, plan));
  const std::size_t families = name_space.by_name.size() + families_.size();
  if (families >= limits_.families_per_namespace) {
    return errors::QuotaExceeded(absl::StrCat("namespace ", name_space.name), "families", families,
                                 1, limits_.families_per_namespace);
  }
  plan.row.id = FamilyId(tables.NextId());
  plan.row.name_space = name_space_;
  plan.row.generation = name_space.generation;
  plan.row.created_ns = now_ns_;
  plan.row.max_series = std::min(
      wanted.max_series == 0 ? limits_.series_per_family : wanted.max_series, kMaxSeriesPerFamily);
  plan.row.ttl_seconds = wanted.ttl_seconds;
  plan.row.shape = shape;
  return absl::OkStatus();
}

absl::Status OpeningPlan::CheckShownNames(const Namespace& name_space, const Shape& shape,
                                          PlannedFamily& plan) const {
  for (const std::string& name : metrics::ShownNames(shape)) {
    const auto shown = name_space.shown.find(name);
    if (shown != name_space.shown.end()) {
      Family* const other = shown->second;
      if (other->generation == name_space.generation) {
        return errors::FamilyNameTaken(shape.name, name, other->shape.name);
      }
      const bool noted =
          std::find(plan.replaced.begin(), plan.replaced.end(), other) != plan.replaced.end();
      if (!noted) plan.replaced.push_back(other);
    }
    for (const auto& planned : families_) {
      if (planned->there != nullptr) continue;
      const std::vector<std::string> others = metrics::ShownNames(planned->row.shape);
      if (std::find(others.begin(), others.end(), name) == others.end()) continue;
      return errors::FamilyNameTaken(shape.name, name, planned->row.shape.name);
    }
  }
  return absl::OkStatus();
}

absl::Status OpeningPlan::PlanSeries(MetricTables& tables, PlannedFamily& family,
                                     const Missing& missing) {
  if (family.there != nullptr) {
    if (Series* const hidden = family.there->Find(missing.values)) {
      Unhide(*family.there, *hidden, missing.entry);
      return absl::OkStatus();
    }
  }
  const Shape& shape = family.family().shape;
  RETURN_IF_ERROR(metrics::CheckValues(shape, missing.values));
  if (family.by_values.contains(missing.values)) {
    return PlanRow(tables, family, missing.values, false, missing.entry);
  }
  const std::size_t there = family.there == nullptr ? 0 : family.there->series.size();
  if (there + family.series.size() < family.family().max_series) {
    return PlanRow(tables, family, missing.values, false, missing.entry);
  }
  if (family.there != nullptr) {
    overflowed_.push_back(family.there);
    const std::string values = metrics::OverflowValues(shape);
    if (Series* const overflow = family.there->Find(values)) {
      Unhide(*family.there, *overflow, missing.entry);
      return absl::OkStatus();
    }
  } else {
    ++family.row.overflowed;
  }
  return PlanRow(tables, family, metrics::OverflowValues(shape), true, missing.entry);
}

absl::Status OpeningPlan::PlanRow(MetricTables& tables, PlannedFamily& family,
                                  absl::string_view values, bool overflow, std::size_t entry) {
  const auto planned = family.by_values.find(values);
  if (planned != family.by_values.end()) {
    family.series[planned->second].wanted.push_back(entry);
    return absl::OkStatus();
  }
  const Namespace& name_space = *tables.Find(name_space_);
  const std::uint64_t series = name_space.series + planned_;
  if (series >= limits_.series_per_namespace) {
    return errors::QuotaExceeded(absl::StrCat("namespace ", name_space.name), "series", series, 1,
                                 limits_.series_per_namespace);
  }
  ++planned_;
  family.by_values.emplace(values, family.series.size());
  PlannedSeries& plan = family.series.emplace_back();
  plan.row.id = SeriesId(tables.NextId());
  plan.row.created_ns = now_ns_;
  plan.row.overflow = overflow;
  plan.row.values = std::string(values);
  plan.wanted.push_back(entry);
  return absl::OkStatus();
}

void OpeningPlan::Unhide(Family& family, Series& series, std::size_t entry) {
  Answer(family, series, false, out_.series[entry]);
  const bool noted = std::any_of(hidden_.begin(), hidden_.end(),
                                 [&](const Hidden& one) { return one.series == &series; });
  if (series.hidden && !noted) hidden_.push_back({.family = &family, .series = &series});
}

void OpeningPlan::Count(MetricTables& tables) const {
  for (Family* const family : refused_) tables.CountRefused(*family);
  for (Family* const family : overflowed_) tables.CountOverflowed(*family);
}

// Which blocks are wanted beside the slots that are free.
void OpeningPlan::PlanCells() {
  for (const auto& plan : families_) {
    // Writers have cells of their own.
    if (plan->series.empty() || !metrics::HasArea(plan->family().shape.cells)) continue;
    const std::vector<PercpuPtr> free = FreeSlots(plan->family(), plan->series.size());
    for (std::size_t i = 0; i < free.size(); ++i) plan->series[i].row.cells = free[i];
    plan->reused = free.size();
    plan->slots = PlanBlocks(plan->family(), plan->series.size() - free.size());
  }
}

// --- Memory ------------------------------------------------------------------

bool OpeningPlan::TakesMemory() const {
  return std::any_of(families_.begin(), families_.end(),
                     [](const auto& plan) { return !plan->slots.empty(); });
}

Bytes OpeningPlan::BytesToClear() const {
  Bytes out{0};
  for (const auto& plan : families_) {
    out += metrics::CellBytes(plan->family().shape) * plan->reused;
  }
  return out;
}

std::vector<AreaSpec> OpeningPlan::Specs() const {
  std::vector<AreaSpec> out;
  for (const auto& plan : families_) {
    for (const std::uint32_t slots : plan->slots) {
      out.push_back(BlockSpec(plan->family().shape, slots));
    }
  }
  return out;
}

Usage OpeningPlan::UsageOfBlocks() const {
  Usage out;
  for (const auto& plan : families_) {
    for (const std::uint32_t slots : plan->slots) out += UsageOfBlock(plan->family().shape, slots);
  }
  return out;
}

Bytes OpeningPlan::RecordBytes() const {
  Bytes out;
  for (const auto& plan : families_) {
    if (plan->there == nullptr) out += metrics::RecordBytesOf(plan->row);
    for (const PlannedSeries& series : plan->series) {
      out += metrics::RecordBytesOf(plan->family().shape, series.row);
    }
  }
  return out;
}

void OpeningPlan::Place(std::span<const PercpuPtr> areas) {
  for (const auto& plan : families_) {
    assert(areas.size() >= plan->slots.size());
    const auto own = areas.first(plan->slots.size());
    plan->blocks.assign(own.begin(), own.end());
    areas = areas.subspan(own.size());
    PlaceSeries(*plan);
  }
}

void OpeningPlan::PlaceSeries(PlannedFamily& plan) {
  const Family& family = plan.family();
  const bool has_area = metrics::HasArea(family.shape.cells);
  std::size_t block = 0;
  std::uint32_t slot = 0;
  for (PlannedSeries& series : plan.series) {
    if (has_area && series.row.cells == PercpuPtr(0)) {
      if (slot == plan.slots[block]) {
        ++block;
        slot = 0;
      }
      const Bytes offset = metrics::CellBytes(family.shape) * slot++;
      series.row.cells = Advance(plan.blocks[block], offset);
    }
    for (const std::size_t entry : series.wanted) {
      Answer(family, series.row, true, out_.series[entry]);
    }
  }
}

void OpeningPlan::Refuse(const absl::Status& status) {
  for (const auto& plan : families_) {
    for (const PlannedSeries& series : plan->series) {
      for (const std::size_t entry : series.wanted) out_.series[entry].status = status;
    }
  }
  families_.clear();
  by_name_.clear();
  std::erase_if(hidden_, [](const Hidden& one) {
    return one.family->shape.cells == metrics::Cells::kWriter;
  });
}

std::vector<PercpuPtr> OpeningPlan::Blocks() const {
  std::vector<PercpuPtr> out;
  for (const auto& plan : families_) {
    out.insert(out.end(), plan->blocks.begin(), plan->blocks.end());
  }
  return out;
}

}  // namespace percpud

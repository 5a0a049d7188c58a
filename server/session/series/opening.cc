// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/session/series/opening.h"

#include <algorithm>
#include <cassert>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/base/errors.h"
#include "server/base/status_macros.h"
#include "server/metrics/rules.h"
#include "server/session/journal.h"
#include "server/session/series/records.h"
#include "server/session/series/sums.h"

namespace percpud {
namespace {

using metrics::Family;
using metrics::MetricTables;
using metrics::Namespace;
using metrics::Series;
using metrics::Shape;

// What introspection shows of the areas.
constexpr absl::string_view kBlockTag = "metrics";

void Fill(const Family& family, const Series& series, bool made, OpenedSeries& out) {
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

AreaSpec SpecOf(const Shape& shape, std::uint32_t slots) {
  return {.size = metrics::BlockBytes(shape, slots), .alignment = metrics::CellAlignment(shape)};
}

}  // namespace

SeriesOpening::SeriesOpening(const Context& context, const OpeningWanted& wanted)
    : context_(context),
      wanted_(wanted),
      name_(wanted.name_space.empty() ? metrics::kDefaultNamespace : wanted.name_space) {}

std::optional<absl::StatusOr<Opening>> SeriesOpening::Run(bool may_sleep) {
  if (absl::Status status = Check(); !status.ok()) return status;
  Transaction tx(context_.books, context_.caller);
  if (!tx.status().ok()) return tx.status();
  const Namespace* const name_space = tx.tables().metrics.Find(name_);
  if (name_space != nullptr) {
    if (absl::Status status = CheckOwner(*name_space); !status.ok()) return status;
  }
  Look(name_space);
  if (IsComplete(name_space)) return std::move(out_);
  if (!may_sleep) return std::nullopt;
  return Make(tx);
}

// --- Looking -----------------------------------------------------------------

absl::Status SeriesOpening::Check() const {
  RETURN_IF_ERROR(metrics::CheckNamespace(name_));
  std::size_t series = 0;
  for (const FamilyWanted& family : wanted_.families) series += family.series.size();
  if (series > kMaxOpening) return errors::BatchOverLimit("series", series, kMaxOpening);
  return absl::OkStatus();
}

absl::Status SeriesOpening::CheckOwner(const Namespace& name_space) const {
  return CheckMayWrite(name_space, context_.caller);
}

bool SeriesOpening::MustJoin(const Namespace& name_space) const {
  return context_.caller.session != kNoSession &&
         !name_space.joined.contains(context_.caller.session);
}

void SeriesOpening::Look(const Namespace* name_space) {
  out_ = {};
  missing_.clear();
  out_.generation = name_space == nullptr ? 1 : name_space->generation;
  std::size_t entries = 0;
  for (const FamilyWanted& family : wanted_.families) entries += family.series.size();
  out_.series.resize(entries);
  std::size_t first = 0;
  for (std::size_t i = 0; i < wanted_.families.size(); ++i) {
    LookFor(name_space, i, first);
    first += wanted_.families[i].series.size();
  }
}

void SeriesOpening::LookFor(const Namespace* name_space, std::size_t index, std::size_t first) {
  const FamilyWanted& wanted = wanted_.families[index];
  const Family* family = nullptr;
  if (name_space != nullptr) {
    const auto found = name_space->by_name.find(wanted.shape.name);
    if (found != name_space->by_name.end()) family = found->second;
  }
  // A family of another shape is the plan's to refuse, one of an earlier generation to revive.
  if (family != nullptr && (family->generation != name_space->generation ||
                            !metrics::IsSameShape(family->shape, wanted.shape))) {
    family = nullptr;
  }
  for (std::size_t i = 0; i < wanted.series.size(); ++i) {
    const absl::string_view values = wanted.series[i];
    const Series* const series = family == nullptr ? nullptr : family->Find(values);
    if (series != nullptr && !series->hidden) {
      Fill(*family, *series, false, out_.series[first + i]);
    } else {
      missing_.push_back({.family = index, .entry = first + i, .values = values});
    }
  }
}

bool SeriesOpening::IsComplete(const Namespace* name_space) const {
  return missing_.empty() && name_space != nullptr && !MustJoin(*name_space);
}

// --- Holding -----------------------------------------------------------------

absl::StatusOr<Opening> SeriesOpening::Make(Transaction& tx) {
  RETURN_IF_ERROR(Hold(tx));
  Namespace& name_space = *tx.tables().metrics.Find(held_);
  // Somebody else may have made it while this waited.
  Look(&name_space);
  joins_ = MustJoin(name_space);
  Plan(tx.tables().metrics);
  const absl::Status allocated = Allocate(tx);
  if (absl::Status status = tx.CheckCaller(); !status.ok()) {
    Release(tx.tables());
    tx.Abandon();
    FreeBlocks();
    return status;
  }
  if (!allocated.ok()) RefusePlanned(allocated);
  return Commit(tx);
}

absl::Status SeriesOpening::Hold(Transaction& tx) {
  tx.WaitUntil([&] { return tx.tables().metrics.IsSettled(name_); });
  RETURN_IF_ERROR(tx.CheckCaller());
  Namespace* const found = tx.tables().metrics.Find(name_);
  if (found == nullptr) return EnterNamespace(tx.tables().metrics);
  RETURN_IF_ERROR(CheckOwner(*found));
  found->state = RowState::kChanging;
  held_ = found->id;
  return absl::OkStatus();
}

absl::Status SeriesOpening::EnterNamespace(MetricTables& tables) {
  const Identity owner = context_.caller.identity();
  const std::size_t in_all = tables.namespaces().size();
  if (in_all >= kMaxNamespaces) {
    return errors::QuotaExceeded("the daemon", "namespaces", in_all, 1, kMaxNamespaces);
  }
  const std::size_t own = tables.CountOf(owner.uid, owner.host);
  if (own >= context_.limits.namespaces_per_user) {
    return errors::QuotaExceeded(Name(owner), "namespaces", own, 1,
                                 context_.limits.namespaces_per_user);
  }
  Namespace row;
  row.id = NamespaceId(tables.NextId());
  row.name = name_;
  row.owner = owner.uid;
  row.host = owner.host;
  row.created_ns = context_.now_ns;
  row.state = RowState::kEntered;
  held_ = tables.Add(std::move(row)).id;
  is_new_ = true;
  return absl::OkStatus();
}

void SeriesOpening::Release(Tables& tables) const {
  if (is_new_) {
    tables.metrics.Withdraw(held_);
  } else {
    tables.metrics.Find(held_)->state = RowState::kSettled;
  }
}

// --- Planning ----------------------------------------------------------------

void SeriesOpening::Plan(MetricTables& tables) {
  for (const Missing& missing : missing_) {
    const absl::StatusOr<PlannedFamily*> family =
        PlanFamily(tables, wanted_.families[missing.family]);
    const absl::Status status =
        family.ok() ? PlanSeries(tables, **family, missing) : family.status();
    if (!status.ok()) out_.series[missing.entry].status = status;
  }
  // A family whose every series was refused is not made either.
  std::erase_if(plan_, [](const std::unique_ptr<PlannedFamily>& plan) {
    return plan->there == nullptr && plan->series.empty();
  });
  PlanCells();
}

absl::StatusOr<SeriesOpening::PlannedFamily*> SeriesOpening::PlanFamily(
    MetricTables& tables, const FamilyWanted& wanted) {
  const Shape& shape = wanted.shape;
  if (const auto planned = plan_by_name_.find(shape.name); planned != plan_by_name_.end()) {
    const Family& family = planned->second->family();
    if (metrics::IsSameShape(family.shape, shape)) return planned->second;
    return errors::FamilyDiffers(shape.name, metrics::Describe(family.shape),
                                 metrics::Describe(shape));
  }
  const Namespace& name_space = *tables.Find(held_);
  auto plan = std::make_unique<PlannedFamily>();
  const auto found = name_space.by_name.find(shape.name);
  Family* const there = found == name_space.by_name.end() ? nullptr : found->second;
  const bool is_old = there != nullptr && there->generation != name_space.generation;
  if (there != nullptr && metrics::IsSameShape(there->shape, shape)) {
    plan->there = there;
    plan->revives = is_old;
  } else if (there != nullptr && !is_old) {
    ++there->refused;
    return errors::FamilyDiffers(shape.name, metrics::Describe(there->shape),
                                 metrics::Describe(shape));
  } else {
    RETURN_IF_ERROR(PlanNewFamily(tables, wanted, *plan));
  }
  PlannedFamily* const out = plan_.emplace_back(std::move(plan)).get();
  plan_by_name_.emplace(shape.name, out);
  return out;
}

absl::Status SeriesOpening::PlanNewFamily(MetricTables& tables, const FamilyWanted& wanted,
                                          PlannedFamily& plan) {
  const Namespace& name_space = *tables.Find(held_);
  const Shape& shape = wanted.shape;
  RETURN_IF_ERROR(metrics::CheckShape(shape));
  RETURN_IF_ERROR(CheckShownNames(name_space, shape, plan));
  const std::size_t families = name_space.by_name.size() + plan_.size();
  if (families >= context_.limits.families_per_namespace) {
    return errors::QuotaExceeded(absl::StrCat("namespace ", name_), "families", families, 1,
                                 context_.limits.families_per_namespace);
  }
  plan.row.id = FamilyId(tables.NextId());
  plan.row.name_space = held_;
  plan.row.generation = name_space.generation;
  plan.row.created_ns = context_.now_ns;
  plan.row.max_series =
      std::min(wanted.max_series == 0 ? context_.limits.series_per_family : wanted.max_series,
               kMaxSeriesPerFamily);
  plan.row.ttl_seconds = wanted.ttl_seconds;
  plan.row.shape = shape;
  return absl::OkStatus();
}

absl::Status SeriesOpening::CheckShownNames(const Namespace& name_space, const Shape& shape,
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
    for (const auto& planned : plan_) {
      if (planned->there != nullptr) continue;
      const std::vector<std::string> others = metrics::ShownNames(planned->row.shape);
      if (std::find(others.begin(), others.end(), name) == others.end()) continue;
      return errors::FamilyNameTaken(shape.name, name, planned->row.shape.name);
    }
  }
  return absl::OkStatus();
}

absl::Status SeriesOpening::PlanSeries(MetricTables& tables, PlannedFamily& family,
                                       const Missing& missing) {
  if (family.there != nullptr) {
    if (Series* const hidden = family.there->Find(missing.values)) {
      Unhide(*family.there, *hidden, missing.entry);
      return absl::OkStatus();
    }
  }
  const Shape& shape = family.family().shape;
  if (!metrics::HasArea(shape.cells)) {
    return errors::CellsUnfitForFamily(shape.name, "are writers', which this daemon has none of");
  }
  RETURN_IF_ERROR(metrics::CheckValues(shape, missing.values));
  if (family.by_values.contains(missing.values)) {
    return PlanRow(tables, family, missing.values, false, missing.entry);
  }
  const std::size_t there = family.there == nullptr ? 0 : family.there->series.size();
  if (there + family.series.size() < family.family().max_series) {
    return PlanRow(tables, family, missing.values, false, missing.entry);
  }
  if (family.there != nullptr) {
    ++family.there->overflowed;
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

absl::Status SeriesOpening::PlanRow(MetricTables& tables, PlannedFamily& family,
                                    absl::string_view values, bool overflow, std::size_t entry) {
  const auto planned = family.by_values.find(values);
  if (planned != family.by_values.end()) {
    family.series[planned->second].wanted.push_back(entry);
    return absl::OkStatus();
  }
  const std::uint64_t series = tables.Find(held_)->series + planned_;
  if (series >= context_.limits.series_per_namespace) {
    return errors::QuotaExceeded(absl::StrCat("namespace ", name_), "series", series, 1,
                                 context_.limits.series_per_namespace);
  }
  ++planned_;
  family.by_values.emplace(values, family.series.size());
  PlannedSeries& plan = family.series.emplace_back();
  plan.row.id = SeriesId(tables.NextId());
  plan.row.created_ns = context_.now_ns;
  plan.row.overflow = overflow;
  plan.row.values = std::string(values);
  plan.wanted.push_back(entry);
  return absl::OkStatus();
}

void SeriesOpening::Unhide(Family& family, Series& series, std::size_t entry) {
  Fill(family, series, false, out_.series[entry]);
  const bool noted = std::any_of(hidden_.begin(), hidden_.end(),
                                 [&](const Hidden& one) { return one.series == &series; });
  if (series.hidden && !noted) hidden_.push_back({.family = &family, .series = &series});
}

// Which blocks are wanted beside the slots that are free.
void SeriesOpening::PlanCells() {
  for (const auto& plan : plan_) {
    if (plan->series.empty()) continue;
    const std::vector<PercpuPtr> free = FreeSlots(plan->family(), plan->series.size());
    for (std::size_t i = 0; i < free.size(); ++i) plan->series[i].row.cells = free[i];
    plan->reused = free.size();
    plan->slots = PlanBlocks(plan->family(), plan->series.size() - free.size());
  }
}

// --- Memory ------------------------------------------------------------------

absl::Status SeriesOpening::Allocate(Transaction& tx) {
  std::vector<AreaSpec> specs;
  for (const auto& plan : plan_) {
    for (const std::uint32_t slots : plan->slots) {
      specs.push_back(SpecOf(plan->family().shape, slots));
    }
  }
  std::vector<PercpuPtr> areas(specs.size());
  RETURN_IF_ERROR(tx.Unlocked([&] { return TakeMemory(specs, areas); }));
  auto area = areas.begin();
  for (const auto& plan : plan_) {
    plan->blocks.assign(area, area + static_cast<std::ptrdiff_t>(plan->slots.size()));
    area += static_cast<std::ptrdiff_t>(plan->slots.size());
  }
  PlaceSeries();
  return absl::OkStatus();
}

absl::Status SeriesOpening::TakeMemory(const std::vector<AreaSpec>& specs,
                                       std::vector<PercpuPtr>& areas) const {
  for (const auto& plan : plan_) {
    for (std::size_t i = 0; i < plan->reused; ++i) {
      RETURN_IF_ERROR(
          ClearCells(context_.allocator, plan->family().shape, plan->series[i].row.cells));
    }
  }
  if (specs.empty()) return absl::OkStatus();
  return context_.allocator.AllocBatch(specs, {.tag = kBlockTag}, areas);
}

void SeriesOpening::PlaceSeries() {
  for (const auto& plan : plan_) {
    const Family& family = plan->family();
    std::size_t block = 0;
    std::uint32_t slot = 0;
    for (PlannedSeries& series : plan->series) {
      if (series.row.cells == PercpuPtr(0)) {
        if (slot == plan->slots[block]) {
          ++block;
          slot = 0;
        }
        const Bytes offset = metrics::CellBytes(family.shape) * slot++;
        series.row.cells = Advance(plan->blocks[block], offset);
      }
      for (const std::size_t entry : series.wanted) {
        Fill(family, series.row, true, out_.series[entry]);
      }
    }
  }
}

void SeriesOpening::RefusePlanned(const absl::Status& status) {
  for (const auto& plan : plan_) {
    for (const PlannedSeries& series : plan->series) {
      for (const std::size_t entry : series.wanted) out_.series[entry].status = status;
    }
  }
  plan_.clear();
  plan_by_name_.clear();
}

void SeriesOpening::FreeBlocks() {
  std::vector<PercpuPtr> blocks;
  for (const auto& plan : plan_) {
    blocks.insert(blocks.end(), plan->blocks.begin(), plan->blocks.end());
  }
  if (!blocks.empty()) context_.allocator.FreeBatch(blocks).IgnoreError();
}

// --- Committing --------------------------------------------------------------

absl::StatusOr<Opening> SeriesOpening::Commit(Transaction& tx) {
  const bool changes = is_new_ || joins_ || !plan_.empty() || !hidden_.empty();
  if (changes) revision_ = tx.tables().metrics.NextRevision();
  if (changes && tx.keeps()) PutRecords(tx);
  absl::Status committed = tx.Commit([this](Tables& tables) { Apply(tables); },
                                     [this](Tables& tables) { Release(tables); });
  if (!committed.ok()) {
    FreeBlocks();
    return committed;
  }
  return std::move(out_);
}

void SeriesOpening::PutRecords(Transaction& tx) const {
  const MetricTables& tables = tx.tables().metrics;
  const Namespace& name_space = *tables.Find(held_);
  tx.Put(catalog::LastMetric{.id = tables.last_id(), .revision = revision_});
  if (is_new_) tx.Put(RecordOf(name_space));
  if (joins_) tx.Put(catalog::Joined{.name_space = held_, .session = context_.caller.session});
  for (const Hidden& hidden : hidden_) {
    catalog::Series record = RecordOf(hidden.family->id, *hidden.series);
    record.hidden = false;
    tx.Put(record);
  }
  for (const auto& plan : plan_) {
    const Family& family = plan->family();
    for (const Family* replaced : plan->replaced) {
      catalog::Family record = RecordOf(*replaced);
      record.replaced = true;
      record.last_writer = LastJoined(name_space);
      tx.Put(record);
    }
    if (plan->there == nullptr || plan->revives) {
      catalog::Family record = RecordOf(family);
      record.generation = name_space.generation;
      tx.Put(record);
    }
    for (std::size_t i = 0; i < plan->blocks.size(); ++i) {
      const PercpuPtr block = plan->blocks[i];
      tx.Put(RecordOf(block, SpecOf(family.shape, plan->slots[i]), kNoHolder, kBlockTag));
      tx.Put(catalog::SeriesBlock{.pointer = block, .family = family.id});
    }
    for (const PlannedSeries& series : plan->series) tx.Put(RecordOf(family.id, series.row));
  }
}

void SeriesOpening::Apply(Tables& tables) {
  Namespace& name_space = *tables.metrics.Find(held_);
  name_space.state = RowState::kSettled;
  const SessionId last_writer = LastJoined(name_space);
  if (joins_) name_space.joined.insert(context_.caller.session);
  for (const Hidden& hidden : hidden_) {
    tables.metrics.SetHidden(*hidden.family, *hidden.series, false);
  }
  for (const auto& plan : plan_) {
    for (Family* const replaced : plan->replaced) {
      if (replaced->replaced) continue;
      replaced->last_writer = last_writer;
      tables.metrics.Replace(*replaced);
    }
    Family& family =
        plan->there == nullptr ? tables.metrics.Add(std::move(plan->row)) : *plan->there;
    family.generation = name_space.generation;
    for (std::size_t i = 0; i < plan->blocks.size(); ++i) {
      tables.metrics.AddBlock(family, plan->blocks[i], plan->slots[i]);
    }
    for (PlannedSeries& series : plan->series) {
      [[maybe_unused]] const bool taken = MetricTables::TakeSlot(family, series.row.cells);
      assert(taken);
      tables.metrics.Add(family, std::move(series.row));
    }
  }
}

}  // namespace percpud

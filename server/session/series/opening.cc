// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/session/series/opening.h"

#include <algorithm>
#include <cassert>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "server/base/errors.h"
#include "server/base/status_macros.h"
#include "server/metrics/rules.h"
#include "server/session/journal.h"
#include "server/session/series/records.h"
#include "server/session/series/sums.h"

namespace percpud {
namespace {

using metrics::Change;
using metrics::Family;
using metrics::MetricTables;
using metrics::Namespace;
using metrics::Series;

// New series that a thread which must not sleep makes itself: each takes some microseconds.
constexpr std::size_t kMostAtOnce = 16;
// What it clears of their cells, in all units together: a histogram's are many.
constexpr Bytes kMostClearedAtOnce{64 << 10};

}  // namespace

SeriesOpening::SeriesOpening(const Context& context, const OpeningWanted& wanted)
    : context_(context),
      wanted_(wanted),
      name_(wanted.name_space.empty() ? metrics::kDefaultNamespace : wanted.name_space),
      plan_(context_.limits, context.now_ns, out_),
      writer_(context.allocator.info(), context.caller, wanted) {}

std::optional<absl::StatusOr<Opening>> SeriesOpening::Run(bool may_sleep) {
  if (absl::Status status = Check(); !status.ok()) return status;
  Transaction tx(context_.books, context_.caller);
  if (!tx.status().ok()) return tx.status();
  const Namespace* const name_space = tx.tables().metrics.Find(name_);
  if (name_space != nullptr) {
    absl::Status status = CheckMayWrite(tx.tables(), *name_space, context_.caller);
    if (!status.ok()) return status;
  }
  Look(tx.tables(), name_space);
  if (IsComplete(name_space)) return std::move(out_);
  if (!may_sleep && !MayBeMadeAtOnce(tx.tables(), name_space)) return std::nullopt;
  return Make(tx, may_sleep);
}

// --- Looking -----------------------------------------------------------------

absl::Status SeriesOpening::Check() const {
  RETURN_IF_ERROR(metrics::CheckNamespace(name_));
  std::size_t series = 0;
  for (const FamilyWanted& family : wanted_.families) series += family.series.size();
  if (series > kMaxOpening) return errors::BatchOverLimit("series", series, kMaxOpening);
  return absl::OkStatus();
}

bool SeriesOpening::MustJoin(const Namespace& name_space) const {
  return context_.caller.session != kNoSession &&
         !name_space.joined.contains(context_.caller.session);
}

void SeriesOpening::Look(const Tables& tables, const Namespace* name_space) {
  out_ = {};
  missing_.clear();
  out_.generation = name_space == nullptr ? 1 : name_space->generation;
  std::size_t entries = 0;
  for (const FamilyWanted& family : wanted_.families) entries += family.series.size();
  out_.series.resize(entries);
  std::size_t first = 0;
  for (std::size_t i = 0; i < wanted_.families.size(); ++i) {
    LookFor(tables, name_space, i, first);
    first += wanted_.families[i].series.size();
  }
}

void SeriesOpening::LookFor(const Tables& tables, const Namespace* name_space, std::size_t index,
                            std::size_t first) {
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
    bool is_there = series != nullptr && !series->hidden;
    if (is_there) Answer(*family, *series, false, out_.series[first + i]);
    if (is_there && family->shape.cells == metrics::Cells::kWriter) {
      is_there = writer_.Answer(tables, name_space->id, out_, first + i);
    }
    if (is_there) continue;
    out_.series[first + i] = {};
    missing_.push_back({.family = index, .entry = first + i, .values = values});
  }
}

bool SeriesOpening::IsComplete(const Namespace* name_space) const {
  return missing_.empty() && name_space != nullptr && !MustJoin(*name_space);
}

bool SeriesOpening::MayBeMadeAtOnce(const Tables& tables, const Namespace* name_space) const {
  return name_space != nullptr && missing_.size() <= kMostAtOnce && tables.metrics.IsSettled(name_);
}

// --- Holding -----------------------------------------------------------------

std::optional<absl::StatusOr<Opening>> SeriesOpening::Make(Transaction& tx, bool may_sleep) {
  if (absl::Status status = Hold(tx); !status.ok()) return status;
  Namespace& name_space = *tx.tables().metrics.Find(held_);
  // Somebody else may have made it while this waited.
  Look(tx.tables(), &name_space);
  joins_ = MustJoin(name_space);
  RefuseWriters();
  plan_.Plan(tx.tables().metrics, held_, wanted_, missing_);
  if (!may_sleep && IsLong()) {
    Release(tx.tables());
    tx.Abandon();
    return std::nullopt;
  }
  plan_.Count(tx.tables().metrics);
  AnswerWriters(tx.tables());
  absl::Status ready = Charge(tx.tables());
  if (ready.ok()) ready = Allocate(tx);
  if (absl::Status status = tx.CheckCaller(); !status.ok()) {
    // The account of the session went with it.
    RefundOwner(tx.tables());
    Release(tx.tables());
    tx.Abandon();
    FreeBlocks();
    return status;
  }
  if (!ready.ok()) Refuse(tx.tables(), ready);
  return Commit(tx);
}

absl::Status SeriesOpening::Hold(Transaction& tx) {
  tx.WaitUntil([&] { return tx.tables().metrics.IsSettled(name_); });
  RETURN_IF_ERROR(tx.CheckCaller());
  Namespace* const found = tx.tables().metrics.Find(name_);
  if (found == nullptr) return EnterNamespace(tx.tables().metrics);
  RETURN_IF_ERROR(CheckMayWrite(tx.tables(), *found, context_.caller));
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
  row.group = wanted_.group;
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

// --- Charging ----------------------------------------------------------------

bool SeriesOpening::IsOfWriter(const OpeningPlan::Missing& missing) const {
  return wanted_.families[missing.family].shape.cells == metrics::Cells::kWriter;
}

void SeriesOpening::RefuseWriters() {
  const absl::Status status = writer_.Check();
  if (status.ok()) return;
  std::erase_if(missing_, [&](const OpeningPlan::Missing& missing) {
    if (!IsOfWriter(missing)) return false;
    out_.series[missing.entry].status = status;
    return true;
  });
}

// In a series that is only hidden, the writer goes on in the cell that it has.
void SeriesOpening::AnswerWriters(const Tables& tables) {
  for (const OpeningPlan::Missing& missing : missing_) {
    if (!IsOfWriter(missing) || !out_.series[missing.entry].status.ok()) continue;
    writer_.Answer(tables, held_, out_, missing.entry);
  }
}

std::size_t SeriesOpening::CountOfWriter() const {
  absl::flat_hash_set<std::pair<absl::string_view, absl::string_view>> different;
  for (const OpeningPlan::Missing& missing : missing_) {
    const OpenedSeries& answer = out_.series[missing.entry];
    if (!IsOfWriter(missing) || !answer.status.ok() || answer.cells != PercpuPtr(0)) continue;
    different.emplace(wanted_.families[missing.family].shape.name, missing.values);
  }
  return different.size();
}

absl::Status SeriesOpening::Charge(Tables& tables) {
  const Namespace& name_space = *tables.metrics.Find(held_);
  Usage use = plan_.UsageOfBlocks();
  const Bytes rows = plan_.RecordBytes();
  use.records += rows;
  if (use != Usage{}) {
    owner_ = tables.holders.OwnOf(OwnerOf(name_space));
    absl::Status status = tables.holders.ChargeLasting(owner_, use);
    if (!status.ok()) {
      tables.holders.ForgetIfIdle(owner_);
      return status;
    }
    charged_ = use;
    rows_ = rows;
  }
  const std::size_t cells = CountOfWriter();
  if (cells == 0) return absl::OkStatus();
  return writer_.Plan(tables, held_, cells);
}

void SeriesOpening::RefundOwner(Tables& tables) {
  if (charged_ == Usage{}) return;
  rows_ = Bytes(0);
  tables.holders.Refund(owner_, std::exchange(charged_, {}));
  tables.holders.ForgetIfIdle(owner_);
}

void SeriesOpening::Refuse(Tables& tables, const absl::Status& status) {
  plan_.Refuse(status);
  for (const OpeningPlan::Missing& missing : missing_) {
    OpenedSeries& series = out_.series[missing.entry];
    if (IsOfWriter(missing) && series.status.ok()) series = {.status = status};
  }
  RefundOwner(tables);
  writer_.Refund(tables);
}

// --- Memory ------------------------------------------------------------------

bool SeriesOpening::IsLong() const {
  return plan_.TakesMemory() || CountOfWriter() > 0 ||
         plan_.BytesToClear() * context_.allocator.info().units() > kMostClearedAtOnce;
}

absl::Status SeriesOpening::Allocate(Transaction& tx) {
  std::vector<AreaSpec> specs = plan_.Specs();
  const std::size_t of_series = specs.size();
  const std::vector<AreaSpec> of_writer = writer_.Specs();
  specs.insert(specs.end(), of_writer.begin(), of_writer.end());
  std::vector<PercpuPtr> areas(specs.size());
  RETURN_IF_ERROR(tx.Unlocked([&] { return TakeMemory(specs, areas); }));
  plan_.Place(std::span(areas).first(of_series));
  writer_.Place(std::span(areas).subspan(of_series), out_);
  return absl::OkStatus();
}

absl::Status SeriesOpening::TakeMemory(const std::vector<AreaSpec>& specs,
                                       std::vector<PercpuPtr>& areas) const {
  for (const auto& plan : plan_.families()) {
    for (std::size_t i = 0; i < plan->reused; ++i) {
      RETURN_IF_ERROR(
          ClearCells(context_.allocator, plan->family().shape, plan->series[i].row.cells));
    }
  }
  if (specs.empty()) return absl::OkStatus();
  return context_.allocator.AllocBatch(specs, {.tag = kBlockTag}, areas);
}

void SeriesOpening::FreeBlocks() const {
  std::vector<PercpuPtr> blocks = plan_.Blocks();
  for (const metrics::WriterBlock& block : writer_.blocks()) blocks.push_back(block.pointer);
  if (!blocks.empty()) context_.allocator.FreeBatch(blocks).IgnoreError();
}

// --- Committing --------------------------------------------------------------

absl::StatusOr<Opening> SeriesOpening::Commit(Transaction& tx) {
  const bool changes = is_new_ || joins_ || !plan_.IsEmpty() || !writer_.IsEmpty();
  if (changes) revision_ = tx.tables().metrics.log().Begin();
  if (changes) told_ = Changes();
  if (changes && tx.keeps()) PutRecords(tx);
  const auto undo = [this](Tables& tables) {
    Release(tables);
    RefundOwner(tables);
    writer_.Refund(tables);
    if (revision_ != 0) tables.metrics.log().Withdraw(revision_);
  };
  absl::Status committed = tx.Commit([this](Tables& tables) { Apply(tables); }, undo);
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
  for (const OpeningPlan::Hidden& hidden : plan_.hidden()) {
    catalog::Series record = RecordOf(hidden.family->id, *hidden.series);
    record.hidden = false;
    tx.Put(record);
  }
  for (const auto& plan : plan_.families()) {
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
      tx.Put(RecordOf(block, BlockSpec(family.shape, plan->slots[i]), kNoHolder, kBlockTag));
      tx.Put(catalog::SeriesBlock{.pointer = block, .family = family.id});
    }
    for (const OpeningPlan::PlannedSeries& series : plan->series)
      tx.Put(RecordOf(family.id, series.row));
  }
  writer_.PutRecords(tx);
}

std::vector<Change> SeriesOpening::Changes() const {
  std::vector<Change> out;
  if (is_new_) out.push_back({.name_space = held_});
  for (const auto& plan : plan_.families()) {
    for (const Family* const replaced : plan->replaced) {
      out.push_back({.name_space = held_, .family = replaced->id, .gone = true});
    }
    const FamilyId family = plan->family().id;
    if (plan->there == nullptr || plan->revives) {
      out.push_back({.name_space = held_, .family = family});
      continue;
    }
    for (const OpeningPlan::PlannedSeries& series : plan->series) {
      out.push_back({.name_space = held_, .family = family, .series = series.row.id});
    }
  }
  for (const OpeningPlan::Hidden& one : plan_.hidden()) {
    out.push_back({.name_space = held_, .family = one.family->id, .series = one.series->id});
  }
  writer_.AddChanges(held_, out);
  return out;
}

void SeriesOpening::Apply(Tables& tables) {
  Namespace& name_space = *tables.metrics.Find(held_);
  name_space.state = RowState::kSettled;
  const SessionId last_writer = LastJoined(name_space);
  if (joins_) tables.metrics.Join(name_space, context_.caller.session);
  for (const OpeningPlan::Hidden& hidden : plan_.hidden()) {
    tables.metrics.SetHidden(*hidden.family, *hidden.series, false);
  }
  for (const auto& plan : plan_.families()) ApplyFamily(tables, *plan, last_writer);
  writer_.Apply(tables);
  name_space.charged += rows_;
  SettleCharge(tables, name_space);
  if (revision_ != 0) tables.metrics.log().Publish(revision_, std::move(told_));
}

void SeriesOpening::ApplyFamily(Tables& tables, OpeningPlan::PlannedFamily& plan,
                                SessionId last_writer) {
  const Namespace& name_space = *tables.metrics.Find(held_);
  for (Family* const replaced : plan.replaced) {
    if (replaced->replaced) continue;
    replaced->last_writer = last_writer;
    replaced->out_revision = revision_;
    tables.metrics.Replace(*replaced);
  }
  Family& family = plan.there == nullptr ? tables.metrics.Add(std::move(plan.row)) : *plan.there;
  family.generation = name_space.generation;
  for (std::size_t i = 0; i < plan.blocks.size(); ++i) {
    tables.metrics.AddBlock(family, plan.blocks[i], plan.slots[i]);
  }
  for (OpeningPlan::PlannedSeries& series : plan.series) {
    [[maybe_unused]] const bool taken =
        !metrics::HasArea(family.shape.cells) || MetricTables::TakeSlot(family, series.row.cells);
    assert(taken);
    tables.metrics.Add(family, std::move(series.row));
  }
}

}  // namespace percpud

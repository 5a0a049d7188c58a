// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/metrics/metric_tables.h"

#include <algorithm>
#include <cassert>
#include <optional>
#include <utility>

namespace percpud::metrics {
namespace {

// A block takes a page of each unit at most, unless one series takes more.
constexpr Bytes kMostBlockBytes{4096};

struct Slot {
  PercpuPtr block;
  std::uint32_t index = 0;
};

// Where `cells` is among the family's blocks; nullopt if it is no slot.
std::optional<Slot> Locate(const Family& family, PercpuPtr cells) {
  auto block = family.blocks.upper_bound(cells);
  if (block == family.blocks.begin()) return std::nullopt;
  --block;
  const std::uint64_t bytes = CellBytes(family.shape).value();
  const std::uint64_t offset = cells.value() - block->first.value();
  if (offset % bytes != 0 || offset / bytes >= block->second.taken.size()) return std::nullopt;
  return Slot{.block = block->first, .index = static_cast<std::uint32_t>(offset / bytes)};
}

// Key, fixed fields and what a B-tree's node adds.
constexpr Bytes kRecordBytes{128};

Bytes BytesOf(absl::string_view text) { return Bytes(text.size()); }

// Whether it is to be looked through for the end of its writers.
bool IsOut(const Series& series) { return series.hidden || series.retired; }

}  // namespace

bool Series::HasLiveWriters() const {
  return writers != nullptr && std::any_of(writers->begin(), writers->end(),
                                           [](const auto& entry) { return entry.second.IsLive(); });
}

Series* Family::Find(absl::string_view values) const {
  const auto found = by_values.find(values);
  if (found == by_values.end()) return nullptr;
  return series.find((*found)->id)->second.get();
}

// --- Records -----------------------------------------------------------------

Bytes RecordBytesOf(const Namespace& name_space) {
  return kRecordBytes + BytesOf(name_space.name) + BytesOf(name_space.host);
}

Bytes RecordBytesOf(const Family& family) {
  const Shape& shape = family.shape;
  Bytes out = kRecordBytes + BytesOf(shape.name) + BytesOf(shape.help) + BytesOf(shape.unit);
  for (const std::string& label : shape.labels)
    out += Bytes(sizeof(std::uint32_t)) + BytesOf(label);
  return out + Bytes(sizeof(double)) * shape.bounds.size();
}

Bytes RecordBytesOf(const Shape& shape, const Series& series) {
  const std::size_t cells = HasArea(shape.cells) ? CellCount(shape) : 0;
  return kRecordBytes + BytesOf(series.values) + Bytes(sizeof(CountSum)) * cells;
}

void MetricTables::SkipTo(std::uint64_t last_id, std::uint64_t revision) {
  last_id_ = std::max(last_id_, last_id);
  log_.SkipTo(revision);
}

// --- Namespaces --------------------------------------------------------------

Namespace& MetricTables::Add(Namespace row) {
  const NamespaceId id = row.id;
  const auto [entry, is_new] = namespaces_.emplace(id, std::move(row));
  assert(is_new);
  entry->second.record_bytes += RecordBytesOf(entry->second);
  [[maybe_unused]] const bool is_new_name =
      by_name_.emplace(entry->second.name, &entry->second).second;
  assert(is_new_name);
  return entry->second;
}

void MetricTables::Withdraw(NamespaceId id) {
  const auto entry = namespaces_.find(id);
  assert(entry != namespaces_.end() && entry->second.by_name.empty());
  by_name_.erase(entry->second.name);
  namespaces_.erase(entry);
}

const Namespace* MetricTables::Find(absl::string_view name) const {
  const auto entry = by_name_.find(name);
  if (entry == by_name_.end() || entry->second->state == RowState::kEntered) return nullptr;
  return entry->second;
}

Namespace* MetricTables::Find(absl::string_view name) {
  return const_cast<Namespace*>(std::as_const(*this).Find(name));
}

const Namespace* MetricTables::Find(NamespaceId id) const {
  const auto entry = namespaces_.find(id);
  return entry == namespaces_.end() ? nullptr : &entry->second;
}

Namespace* MetricTables::Find(NamespaceId id) {
  return const_cast<Namespace*>(std::as_const(*this).Find(id));
}

bool MetricTables::IsSettled(absl::string_view name) const {
  const auto entry = by_name_.find(name);
  return entry == by_name_.end() || entry->second->state == RowState::kSettled;
}

std::size_t MetricTables::CountOf(UserId owner, absl::string_view host) const {
  return static_cast<std::size_t>(std::count_if(
      namespaces_.begin(), namespaces_.end(),
      [&](const auto& entry) { return entry.second.owner == owner && entry.second.host == host; }));
}

void MetricTables::Join(Namespace& name_space, SessionId session) {
  if (name_space.joined.insert(session).second) joined_[session].push_back(name_space.id);
}

std::span<const NamespaceId> MetricTables::JoinedBy(SessionId session) const {
  const auto entry = joined_.find(session);
  if (entry == joined_.end()) return {};
  return entry->second;
}

std::vector<NamespaceId> MetricTables::LeaveAll(SessionId session) {
  const auto entry = joined_.find(session);
  if (entry == joined_.end()) return {};
  std::vector<NamespaceId> out = std::move(entry->second);
  joined_.erase(entry);
  for (const NamespaceId id : out) Find(id)->joined.erase(session);
  return out;
}

// --- Families and series -----------------------------------------------------

Family& MetricTables::Add(Family row) {
  Namespace* const name_space = Find(row.name_space);
  assert(name_space != nullptr);
  const FamilyId id = row.id;
  const auto [entry, is_new] = families_.emplace(id, std::move(row));
  assert(is_new);
  Family& family = entry->second;
  name_space->record_bytes += RecordBytesOf(family);
  if (family.replaced) {
    name_space->replaced.insert(id);
    NoteOut(family.name_space, family.last_writer);
  }
  if (!family.replaced) {
    name_space->families.emplace(id, &family);
    name_space->by_name.emplace(family.shape.name, &family);
    for (std::string& name : ShownNames(family.shape)) {
      name_space->shown.emplace(std::move(name), &family);
    }
    if (family.ttl_seconds != 0) {
      expiring_.insert(id);
      ++expiring_changes_;
    }
  }
  return family;
}

const Family* MetricTables::Find(FamilyId id) const {
  const auto entry = families_.find(id);
  return entry == families_.end() ? nullptr : &entry->second;
}

Family* MetricTables::Find(FamilyId id) {
  return const_cast<Family*>(std::as_const(*this).Find(id));
}

Series& MetricTables::Add(Family& family, Series row) {
  const SeriesId id = row.id;
  const auto [entry, is_new] = family.series.emplace(id, std::make_unique<Series>(std::move(row)));
  assert(is_new);
  Series& series = *entry->second;
  if (!series.retired) {
    [[maybe_unused]] const bool is_new_value = family.by_values.insert(&series).second;
    assert(is_new_value);
    if (series.overflow) family.overflow = &series;
  }
  Namespace& name_space = *Find(family.name_space);
  ++name_space.series;
  name_space.record_bytes += RecordBytesOf(family.shape, series);
  if (IsOut(series)) {
    ++name_space.hidden;
    NoteOut(name_space.id, series.last_writer);
  }
  return series;
}

SeriesWriters& MetricTables::WritersOf(const Family& family, Series& series) {
  if (series.writers == nullptr) {
    series.writers = std::make_unique<SeriesWriters>(Find(family.name_space)->record_bytes);
  }
  return *series.writers;
}

void MetricTables::Remove(Family& family, SeriesId id) {
  const auto entry = family.series.find(id);
  assert(entry != family.series.end());
  Series& series = *entry->second;
  Namespace& name_space = *Find(family.name_space);
  assert(name_space.series > 0);
  --name_space.series;
  name_space.record_bytes -= RecordBytesOf(family.shape, series);
  if (IsOut(series)) --name_space.hidden;
  if (family.overflow == &series) family.overflow = nullptr;
  if (HasArea(family.shape.cells)) FreeSlot(family, series.cells);
  if (!series.retired) family.by_values.erase(&series);
  family.series.erase(entry);
}

void MetricTables::SetHidden(Family& family, Series& series, bool hidden) {
  assert(!series.retired);
  if (series.hidden == hidden) return;
  Namespace& name_space = *Find(family.name_space);
  name_space.hidden += hidden ? 1 : std::uint64_t{0} - 1;
  series.hidden = hidden;
  if (hidden) NoteOut(name_space.id, series.last_writer);
}

void MetricTables::Retire(Family& family, Series& series) {
  assert(!series.retired);
  if (!series.hidden) ++Find(family.name_space)->hidden;
  series.retired = true;
  NoteOut(family.name_space, series.last_writer);
  family.by_values.erase(&series);
  if (family.overflow == &series) family.overflow = nullptr;
}

void MetricTables::Replace(Family& family) {
  assert(!family.replaced);
  Namespace& name_space = *Find(family.name_space);
  family.replaced = true;
  NoteOut(name_space.id, family.last_writer);
  name_space.families.erase(family.id);
  name_space.replaced.insert(family.id);
  name_space.by_name.erase(family.shape.name);
  expiring_changes_ += expiring_.erase(family.id);
  for (const std::string& name : ShownNames(family.shape)) name_space.shown.erase(name);
}

void MetricTables::NoteOut(NamespaceId name_space, SessionId last_writer) {
  SessionId& least = Find(name_space)->least_writer;
  least = std::min(least, last_writer);
}

void MetricTables::RemoveFamily(FamilyId id) {
  const auto entry = families_.find(id);
  assert(entry != families_.end() && entry->second.replaced);
  assert(entry->second.series.empty() && entry->second.blocks.empty());
  Namespace& name_space = *Find(entry->second.name_space);
  name_space.replaced.erase(id);
  name_space.record_bytes -= RecordBytesOf(entry->second);
  untold_.erase(id);
  families_.erase(entry);
}

void MetricTables::CountRefused(Family& family) {
  ++family.refused;
  untold_.insert(family.id);
}

void MetricTables::CountOverflowed(Family& family) {
  ++family.overflowed;
  untold_.insert(family.id);
}

// --- Blocks ------------------------------------------------------------------

void MetricTables::AddBlock(Family& family, PercpuPtr pointer, std::uint32_t slots) {
  assert(slots > 0);
  Block block;
  block.taken.resize(slots);
  [[maybe_unused]] const bool is_new = family.blocks.emplace(pointer, std::move(block)).second &&
                                       blocks_.emplace(pointer, family.id).second;
  assert(is_new);
}

void MetricTables::RemoveBlock(Family& family, PercpuPtr pointer) {
  assert(family.blocks.contains(pointer) && family.blocks.at(pointer).used == 0);
  family.blocks.erase(pointer);
  blocks_.erase(pointer);
}

bool MetricTables::TakeSlot(Family& family, PercpuPtr cells) {
  const std::optional<Slot> slot = Locate(family, cells);
  if (!slot) return false;
  Block& block = family.blocks[slot->block];
  if (block.taken[slot->index]) return false;
  block.taken[slot->index] = true;
  ++block.used;
  return true;
}

void MetricTables::FreeSlot(Family& family, PercpuPtr cells) {
  const std::optional<Slot> slot = Locate(family, cells);
  assert(slot && family.blocks[slot->block].taken[slot->index]);
  if (!slot) return;
  Block& block = family.blocks[slot->block];
  block.taken[slot->index] = false;
  --block.used;
}

PercpuPtr BlockOf(const Family& family, PercpuPtr cells) {
  const std::optional<Slot> slot = Locate(family, cells);
  assert(slot.has_value());
  return slot ? slot->block : PercpuPtr(0);
}

std::vector<PercpuPtr> FreeSlots(const Family& family, std::size_t count) {
  std::vector<PercpuPtr> out;
  const Bytes bytes = CellBytes(family.shape);
  for (const auto& [pointer, block] : family.blocks) {
    if (block.used == block.taken.size()) continue;
    for (std::size_t i = 0; i < block.taken.size() && out.size() < count; ++i) {
      if (!block.taken[i]) out.push_back(Advance(pointer, bytes * i));
    }
    if (out.size() == count) break;
  }
  return out;
}

std::vector<std::uint32_t> PlanBlocks(const Family& family, std::size_t count) {
  std::size_t held = 0;
  for (const auto& [pointer, block] : family.blocks) held += block.taken.size();
  const std::size_t most = std::max<std::size_t>(1, kMostBlockBytes / CellBytes(family.shape));
  std::vector<std::uint32_t> out;
  for (std::size_t planned = 0; planned < count; planned += out.back()) {
    // The slots double with every block, so that a family of one series takes one slot, and one of
    // many is in few blocks.
    const std::size_t slots =
        std::clamp(std::max(count - planned, held + planned), std::size_t{1}, most);
    out.push_back(static_cast<std::uint32_t>(slots));
  }
  return out;
}

Bytes BlockBytes(const Shape& shape, std::uint32_t slots) { return CellBytes(shape) * slots; }

}  // namespace percpud::metrics

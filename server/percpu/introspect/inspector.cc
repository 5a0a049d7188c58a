// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// What needs a walk over an area map is copied under the index lock and computed from the
// copy, chunk by chunk, so that the lock is never held longer than one chunk's map takes
// to copy, or to check. Threads that wait for it go first (PatientLock).

#include "server/percpu/introspect/inspector.h"

#include <algorithm>
#include <cstring>
#include <optional>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "server/area/lease_map.h"
#include "server/arena/guarded_access.h"
#include "server/base/errors.h"
#include "server/base/status_macros.h"
#include "server/percpu/index/index_hot.h"
#include "server/percpu/introspect/slots.h"

namespace percpud {
namespace {

// Measures what lies between the areas, held or not, and the longest of it.
void MeasureRoom(const std::vector<AreaSpan>& areas, ChunkSnapshot& out) {
  Bytes at = out.begin_offset;
  out.first_free_offset = out.end_offset;
  const auto gap_until = [&](Bytes end) {
    if (end == at) return;
    out.first_free_offset = std::min(out.first_free_offset, at);
    out.free_bytes += end - at;
    out.largest_run = std::max(out.largest_run, end - at);
  };
  for (const AreaSpan& area : areas) {
    gap_until(ToBytes(area.offset));
    at = ToBytes(area.end());
  }
  gap_until(out.end_offset);
}

// percpu_stats' sum_frag and max_frag (free space before the last live area)
// and cur_min, cur_med and cur_max_alloc.
void MeasureAreas(const std::vector<AreaSpan>& areas, ChunkSnapshot& out) {
  MeasureRoom(areas, out);
  if (areas.empty()) return;
  Granules at = ToGranules(out.begin_offset);
  std::vector<Granules> sizes;
  sizes.reserve(areas.size());
  for (const AreaSpan& area : areas) {
    const Bytes hole = ToBytes(area.offset - at);
    out.sum_frag += hole;
    out.max_frag = std::max(out.max_frag, hole);
    at = area.end();
    sizes.push_back(area.size);
  }
  const auto median = sizes.begin() + static_cast<std::ptrdiff_t>((sizes.size() - 1) / 2);
  std::nth_element(sizes.begin(), median, sizes.end());
  out.cur_med_alloc = ToBytes(*median);
  const auto [least, most] = std::minmax_element(sizes.begin(), sizes.end());
  out.cur_min_alloc = ToBytes(*least);
  out.cur_max_alloc = ToBytes(*most);
}

// The tags of a chunk's areas, by offset, and their names.
struct CopiedTags {
  absl::flat_hash_map<Granules::Rep, TagId> of;
  absl::flat_hash_map<TagId, std::string> names;
};

CopiedTags CopyTags(const Chunk& chunk, const TagTable& table) {
  CopiedTags out{.of = chunk.state().tags(), .names = {}};
  for (const auto& [offset, tag] : out.of) {
    if (!out.names.contains(tag)) out.names.emplace(tag, table.Name(tag));
  }
  return out;
}

// Blocks of the unit without memory, ascending.
std::vector<std::uint32_t> UnpopulatedBlocks(const Chunk& chunk) {
  std::vector<std::uint32_t> out;
  for (Granules at; at < chunk.areas().size();) {
    const BlockRange missing = chunk.UnpopulatedIn({at, chunk.areas().size() - at});
    if (missing.count == 0) break;
    for (std::uint32_t i = 0; i < missing.count; ++i) out.push_back(missing.first + i);
    at = AreaMap::kBlock * (missing.first + missing.count);
  }
  return out;
}

// The slot a chunk is shown in.
std::uint32_t SlotOf(const Chunk& chunk, Bytes unit_size) {
  if (chunk.kind() == ChunkKind::kReserved) return 0;
  if (chunk.kind() == ChunkKind::kDynamic && chunk.is_free()) return Slots(unit_size).free_slot();
  return Slots::SlotOf(ToBytes(chunk.areas().longest_run()));
}

// A map that is copied while its holder works can be torn, and is taken again: this often
// in all.
constexpr int kCopies = 4;

// Says what a new chunk would take, and whether it could be had.
void EstimateGrowth(const AllocatorCore& core, Estimate& out)
    ABSL_EXCLUSIVE_LOCKS_REQUIRED(core.grow_mu) {
  const Footprint footprint = core.backend().footprint();
  out.would_grow = true;
  out.new_chunk_pages = footprint.returns_tail ? footprint.pages_per_chunk : footprint.block_pages;
  out.new_chunk_wasted_pages = footprint.wasted_pages;
  out.new_chunk_ghost_pages = footprint.ghost_pages;
  const BuddyState buddy = core.backend().Buddy();
  for (std::size_t order = footprint.block_order.value(); order < buddy.free_blocks.size();
       ++order) {
    out.possible |= buddy.free_blocks[order] > 0;
  }
  if (!out.possible) {
    out.reason =
        std::string(errors::ArenaFull(ToBytes(out.new_chunk_pages, core.pages().page_size()),
                                      core.pages().size(), buddy.free_pages)
                        .message());
  }
}

}  // namespace

Pages Inspector::PopulatedPages(std::uint64_t blocks) const {
  return Pages(kBasePageSize * blocks * core_.info().cpus() / core_.pages().page_size());
}

ChunkKind Inspector::KindOf(const Chunk& chunk) const {
  if (chunk.state().lease_map()) return ChunkKind::kLeased;
  if (!chunk.state().is_sidelined()) return chunk.kind();
  return core_.index().reserve().IsQueued(chunk.id()) ? ChunkKind::kToDepopulate
                                                      : ChunkKind::kSidelined;
}

ChunkSnapshot Inspector::Describe(const Chunk& chunk) const {
  const Footprint footprint = core_.backend().footprint();
  ChunkSnapshot out;
  out.id = chunk.id();
  out.kind = KindOf(chunk);
  out.base = PercpuPtr(chunk.memory().base.value());
  out.slot = SlotOf(chunk, core_.info().unit_size);
  out.begin_offset = chunk.range().begin;
  out.end_offset = chunk.range().end;
  out.live_areas = chunk.live();
  out.max_alloc_size = ToBytes(chunk.state().max_area());
  out.dirty_bytes = ToBytes(chunk.MeasureDirty());
  // The reserved part shares the first chunk's pages, which count there.
  if (chunk.kind() == ChunkKind::kReserved) return out;
  out.pages = chunk.memory().pages;
  out.block_order = chunk.memory().block_order;
  out.wasted_pages = footprint.wasted_pages;
  out.ghost_pages = footprint.ghost_pages;
  out.populated_pages =
      core_.gives_pages_back() ? PopulatedPages(chunk.populated_blocks()) : chunk.memory().pages;
  out.empty_pop_pages = chunk.empty_populated_blocks();
  return out;
}

AreaSnapshot Inspector::DescribeArea(Placement placement) const {
  const Chunk& chunk = *placement.chunk;
  AreaSnapshot out{.pointer = placement.pointer(),
                   .chunk = chunk.id(),
                   .offset = ToBytes(placement.area.offset),
                   .size = ToBytes(placement.area.size),
                   .tag = {}};
  out.tag = std::string(core_.index().tags().Name(chunk.state().TagAt(placement.area.offset)));
  return out;
}

Stats Inspector::GetStats() const {
  PatientLock lock(&core_.index_mu);
  Stats stats;
  static_cast<Counters&>(stats) = core_.index().counters();
  stats.nr_cur_alloc = stats.nr_alloc - stats.nr_dealloc;
  stats.free_chunks = core_.index().runs().free_chunks().count();
  stats.leased_chunks = core_.index().runs().leased();
  stats.empty_pop_pages = core_.index().reserve().empty_blocks();
  stats.blocks_depopulated = core_.index().reserve().blocks_depopulated();
  stats.stray_bytes_released = core_.stray_bytes_released();
  stats.sidelined_chunks = core_.index().runs().sidelined();
  const Footprint footprint = core_.backend().footprint();
  const auto chunks = stats.nr_chunks;
  stats.wasted_pages = footprint.wasted_pages * chunks;
  stats.ghost_pages = footprint.ghost_pages * chunks;
  // Every chunk offers a whole unit, the first one less its static part.
  stats.capacity_bytes = core_.info().unit_size * chunks - core_.info().static_size;
  stats.populated_pages = core_.gives_pages_back()
                              ? PopulatedPages(core_.index().reserve().populated_blocks())
                              : footprint.pages_per_chunk * chunks;
  return stats;
}

std::vector<ChunkSnapshot> Inspector::GetChunks(ChunkId first, std::size_t limit) const {
  std::vector<ChunkSnapshot> out;
  for (ChunkId at = first; out.size() < limit; at = ChunkId(at.value() + 1)) {
    ChunkSnapshot snapshot;
    std::optional<Chunk::MapCopy> map;
    {
      PatientLock lock(&core_.index_mu);
      const Chunk* chunk = core_.index().chunks().FindFrom(at);
      if (chunk == nullptr) break;
      snapshot = Describe(*chunk);
      map.emplace(*chunk);
    }
    at = snapshot.id;
    MeasureAreas(map->LiveAreas(), snapshot);
    out.push_back(snapshot);
  }
  return out;
}

absl::StatusOr<AreaMapSnapshot> Inspector::GetAreaMap(ChunkId id) const {
  AreaMapSnapshot out;
  std::optional<Chunk::MapCopy> map;
  CopiedTags tags;
  {
    PatientLock lock(&core_.index_mu);
    const Chunk* chunk = core_.index().chunks().Find(id);
    if (chunk == nullptr) return errors::ChunkNotFound(id);
    out.chunk = Describe(*chunk);
    map.emplace(*chunk);
    tags = CopyTags(*chunk, core_.index().tags());
    out.unpopulated_blocks = UnpopulatedBlocks(*chunk);
  }
  const std::vector<AreaSpan> areas = map->LiveAreas();
  out.areas.reserve(areas.size());
  for (const AreaSpan& area : areas) {
    const Bytes offset = ToBytes(area.offset);
    const auto tag = tags.of.find(area.offset.value());
    out.areas.push_back({.pointer = PercpuPtr(out.chunk.base.value() + offset.value()),
                         .chunk = id,
                         .offset = offset,
                         .size = ToBytes(area.size),
                         .tag = tag == tags.of.end() ? "" : tags.names[tag->second]});
  }
  MeasureAreas(areas, out.chunk);
  return out;
}

std::vector<SlotSnapshot> Inspector::GetSlots() const {
  const Slots slots(core_.info().unit_size);
  std::vector<SlotSnapshot> out(slots.count());
  for (std::uint32_t slot = 0; slot < slots.count(); ++slot) {
    out[slot].slot = slot;
    out[slot].min_run = slots.MinRun(slot);
    out[slot].is_full = slot == 0;
    out[slot].is_free = slot == slots.free_slot();
  }
  SlicedLock lock(&core_.index_mu);
  for (ChunkId at = Index::kFirstId;; at = ChunkId(at.value() + 1)) {
    lock.Step();
    const Chunk* chunk = core_.index().chunks().FindFrom(at);
    if (chunk == nullptr) return out;
    at = chunk->id();
    if (!chunk->state().is_withdrawn() && !chunk->state().lease_map())
      out[SlotOf(*chunk, core_.info().unit_size)].chunks.push_back(at);
  }
}

BuddyState Inspector::GetBuddy() const {
  RankedLock grow(&core_.grow_mu);
  return core_.backend().Buddy();
}

absl::StatusOr<Resolution> Inspector::Resolve(PercpuPtr pointer) const {
  if (pointer.value() >= core_.pages().size().value()) {
    return errors::PointerOutsideArena(pointer, core_.pages().size());
  }
  PatientLock lock(&core_.index_mu);
  Resolution out;
  const std::optional<Index::Location> location = core_.index().chunks().Locate(pointer);
  if (!location) return out;
  out.chunk = location->chunk->id();
  out.unit = location->unit;
  out.cpu = core_.info().unit_to_cpu[location->unit.value()];
  out.unit_offset = location->offset;
  if (core_.IsStatic(*location)) {
    out.owner = Resolution::Owner::kStatic;
    if (const StaticVariable* variable = core_.statics().At(location->offset)) {
      out.variable = variable->name;
      out.offset_in_area = location->offset - variable->offset;
    }
    return out;
  }
  if (location->chunk->state().lease_map()) {
    out.owner = Resolution::Owner::kLease;
    out.offset_in_area = location->offset;
    return out;
  }
  const Granules at(location->offset.value() / kGranuleSize.value());
  const std::optional<AreaSpan> area = location->chunk->LiveAt(at);
  out.owner = area ? Resolution::Owner::kArea : Resolution::Owner::kFree;
  if (area) {
    out.area = DescribeArea({location->chunk, *area});
    out.offset_in_area = location->offset - out.area.offset;
  }
  return out;
}

absl::StatusOr<Estimate> Inspector::EstimateAlloc(AreaSpec spec, Region region) {
  const AllocOptions options{.region = region, .no_grow = false, .tag = {}};
  RETURN_IF_ERROR(allocator_.Validate(std::span(&spec, 1), options));
  const Granules count = ToGranules(spec.size);
  Estimate out;
  out.rounded_size = ToBytes(count);
  out.total_bytes = out.rounded_size * core_.info().units();
  out.wasted_bytes = out.total_bytes - spec.size * core_.info().cpus();

  RankedLock grow(&core_.grow_mu);
  const auto find = [&] {
    PatientLock lock(&core_.index_mu);
    core_.index().reclaimer().Unpark(nullptr);
    const auto fit = core_.index().runs().Find(count, AlignGranules(spec.alignment), region, false);
    if (fit) out.chunk = fit->chunk->id();
    return fit.has_value();
  };
  while (!find() && cleaner_.ClearPending(/*any=*/true)) {
  }
  out.possible = out.chunk.has_value();
  if (out.possible) return out;
  if (region == Region::kReserved) {
    out.reason = std::string(errors::NoReservedSpace(spec.size, spec.alignment).message());
    return out;
  }
  EstimateGrowth(core_, out);
  return out;
}

absl::StatusOr<LeaseSnapshot> Inspector::GetLease(ChunkId id) const {
  // The lease is not returned meanwhile.
  RankedLock grow(&core_.grow_mu);
  const Chunk* chunk = nullptr;
  Bytes map;
  {
    RankedLock lock(&core_.index_mu);
    chunk = core_.index().chunks().Find(id);
    if (chunk == nullptr || !chunk->state().lease_map()) return errors::LeaseNotFound(id);
    map = *chunk->state().lease_map();
  }
  LeaseSnapshot out{.chunk = id, .base = chunk->PointerTo(Granules(0))};
  std::vector<std::byte> copy(core_.lease_map_size().value());
  for (int i = 0; i < kCopies; ++i) {
    const bool copied = GuardedAccess(core_.pages().base(), core_.pages().size(), [&] {
      std::memcpy(copy.data(), core_.pages().base() + map.value(), copy.size());
    });
    if (!copied) {
      out.verdict = errors::MemoryTaken(PercpuPtr(map.value()));
      break;
    }
    out.verdict = LeaseMap::Validate(copy, ToGranules(core_.info().unit_size));
    if (out.verdict.ok()) break;
  }
  if (!out.verdict.ok()) return out;
  LeaseMap(copy, ToGranules(core_.info().unit_size)).ForEachLive([&](AreaSpan area) {
    out.live_bytes += ToBytes(area.size);
    out.areas.push_back({.pointer = chunk->PointerTo(area.offset),
                         .chunk = id,
                         .offset = ToBytes(area.offset),
                         .size = ToBytes(area.size),
                         .tag = {}});
  });
  return out;
}

absl::Status Inspector::CheckInvariants() const {
  RankedLock grow(&core_.grow_mu);
  RETURN_IF_ERROR(core_.backend().CheckInvariants());
  SlicedLock lock(&core_.index_mu);
  return core_.index().CheckInvariants([&lock] { return lock.GiveWay(); });
}

}  // namespace percpud

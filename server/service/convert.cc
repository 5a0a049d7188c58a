// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/service/convert.h"

#include <algorithm>
#include <string>
#include <vector>

#include "server/base/errors.h"
#include "server/base/limits.h"
#include "server/percpu/introspect/inspector.h"

namespace percpud {
namespace {

v1::ChunkKind KindProto(ChunkKind kind) {
  switch (kind) {
    case ChunkKind::kReserved:
      return v1::CHUNK_KIND_RESERVED;
    case ChunkKind::kFirst:
      return v1::CHUNK_KIND_FIRST;
    case ChunkKind::kDynamic:
      return v1::CHUNK_KIND_DYNAMIC;
    case ChunkKind::kLeased:
      return v1::CHUNK_KIND_LEASED;
    case ChunkKind::kToDepopulate:
      return v1::CHUNK_KIND_TO_DEPOPULATE;
    case ChunkKind::kSidelined:
      return v1::CHUNK_KIND_SIDELINED;
  }
  return v1::CHUNK_KIND_UNSPECIFIED;
}

v1::Owner OwnerProto(Resolution::Owner owner) {
  switch (owner) {
    case Resolution::Owner::kNone:
      return v1::OWNER_NONE;
    case Resolution::Owner::kFree:
      return v1::OWNER_FREE;
    case Resolution::Owner::kArea:
      return v1::OWNER_AREA;
    case Resolution::Owner::kStatic:
      return v1::OWNER_STATIC;
    case Resolution::Owner::kLease:
      return v1::OWNER_LEASE;
  }
  return v1::OWNER_UNSPECIFIED;
}

v1::SlotKind SlotKindProto(const SlotSnapshot& slot) {
  if (slot.is_full) return v1::SLOT_KIND_FULL;
  return slot.is_free ? v1::SLOT_KIND_FREE : v1::SLOT_KIND_SIZE_CLASS;
}

}  // namespace

v1::AllocInfo AllocInfoProto(const Allocator& allocator) {
  const AllocInfo& info = allocator.info();
  const Footprint footprint = Inspector(allocator).footprint();
  v1::AllocInfo out;
  out.set_backend(std::string(Inspector(allocator).backend_name()));
  out.set_unit_size_bytes(info.unit_size.value());
  out.set_static_size_bytes(info.static_size.value());
  out.set_reserved_size_bytes(info.reserved_size.value());
  out.set_dyn_size_bytes(info.dyn_size.value());
  out.set_atom_size_bytes(info.atom_size.value());
  out.set_alloc_size_bytes(info.alloc_size.value());
  out.set_units_per_alloc(info.units_per_alloc);
  out.set_groups(static_cast<std::uint32_t>(info.groups.size()));
  out.set_units(info.units());
  out.set_cpus(info.cpus());
  out.set_page_size_bytes(allocator.pages().page_size().value());
  out.set_arena_size_bytes(allocator.pages().size().value());
  out.set_pages_per_chunk(footprint.pages_per_chunk.value());
  out.set_block_order(footprint.block_order.value());
  out.set_block_pages(footprint.block_pages.value());
  out.set_wasted_pages(footprint.wasted_pages.value());
  out.set_ghost_pages(footprint.ghost_pages.value());
  out.set_tail_pages(footprint.tail_pages.value());
  out.set_returns_tail(footprint.returns_tail);
  out.set_max_alloc_size_bytes(allocator.max_alloc_size().value());
  out.set_max_alignment(info.max_alignment().value());
  out.set_unit_skew_bytes(info.unit_skew.value());
  out.set_skew_bytes((info.memory_size() - info.chunk_size()).value());
  out.set_arena_kind(std::string(allocator.pages().kind()));
  return out;
}

v1::Group ToProto(const GroupInfo& group, Bytes unit_size) {
  v1::Group out;
  out.set_group(group.id.value());
  out.set_numa_node(group.node.value());
  out.set_base_offset(group.base_offset.value());
  out.set_size_bytes((unit_size * group.cpus.size()).value());
  out.set_units(static_cast<std::uint32_t>(group.cpus.size()));
  out.set_ghost_units(group.ghosts());
  out.set_first_unit(group.first_unit.value());
  for (const std::optional<CpuId>& cpu : group.cpus) {
    if (cpu) out.add_cpus(cpu->value());
  }
  return out;
}

v1::Unit UnitProto(const AllocInfo& info, const GroupInfo& group, UnitId unit) {
  v1::Unit out;
  out.set_unit(unit.value());
  out.set_offset(info.unit_offset[unit.value()].value());
  out.set_group(group.id.value());
  if (const std::optional<CpuId>& cpu = info.unit_to_cpu[unit.value()]) out.set_cpu(cpu->value());
  return out;
}

v1::StaticVariable ToProto(const StaticVariable& variable) {
  v1::StaticVariable out;
  out.set_name(variable.name);
  out.set_type(ToProto(variable.type));
  out.set_pointer(variable.offset.value());
  out.set_size_bytes(variable.size.value());
  out.set_alignment(static_cast<std::uint32_t>(variable.alignment.value()));
  return out;
}

v1::Chunk ToProto(const ChunkSnapshot& chunk) {
  v1::Chunk out;
  out.set_chunk_id(chunk.id.value());
  out.set_kind(KindProto(chunk.kind));
  out.set_pointer(chunk.base.value());
  out.set_slot(chunk.slot);
  out.set_pages(chunk.pages.value());
  out.set_block_order(chunk.block_order.value());
  out.set_wasted_pages(chunk.wasted_pages.value());
  out.set_ghost_pages(chunk.ghost_pages.value());
  out.set_populated_pages(chunk.populated_pages.value());
  out.set_capacity_bytes(chunk.capacity().value());
  out.set_free_bytes(chunk.free_bytes.value());
  out.set_largest_run_bytes(chunk.largest_run.value());
  out.set_first_free_offset(chunk.first_free_offset.value());
  out.set_live_areas(chunk.live_areas);
  out.set_max_alloc_size_bytes(chunk.max_alloc_size.value());
  out.set_empty_pop_pages(chunk.empty_pop_pages);
  out.set_sum_frag_bytes(chunk.sum_frag.value());
  out.set_max_frag_bytes(chunk.max_frag.value());
  out.set_cur_min_alloc_bytes(chunk.cur_min_alloc.value());
  out.set_cur_med_alloc_bytes(chunk.cur_med_alloc.value());
  out.set_cur_max_alloc_bytes(chunk.cur_max_alloc.value());
  out.set_dirty_bytes(chunk.dirty_bytes.value());
  out.set_fragmentation(chunk.fragmentation());
  return out;
}

v1::Area ToProto(const AreaSnapshot& area) {
  v1::Area out;
  out.set_pointer(area.pointer.value());
  out.set_chunk_id(area.chunk.value());
  out.set_offset(area.offset.value());
  out.set_size_bytes(area.size.value());
  out.set_tag(area.tag);
  return out;
}

v1::Slot ToProto(const SlotSnapshot& slot) {
  v1::Slot out;
  out.set_slot(slot.slot);
  out.set_min_run_bytes(slot.min_run.value());
  out.set_kind(SlotKindProto(slot));
  for (const ChunkId chunk : slot.chunks) out.add_chunk_ids(chunk.value());
  return out;
}

v1::Stats ToProto(const Stats& stats) {
  v1::Stats out;
  out.set_nr_alloc(stats.nr_alloc);
  out.set_nr_dealloc(stats.nr_dealloc);
  out.set_nr_cur_alloc(stats.nr_cur_alloc);
  out.set_nr_max_alloc(stats.nr_max_alloc);
  out.set_nr_chunks(stats.nr_chunks);
  out.set_nr_max_chunks(stats.nr_max_chunks);
  out.set_min_alloc_size_bytes(stats.min_alloc_size.value());
  out.set_max_alloc_size_bytes(stats.max_alloc_size.value());
  out.set_empty_pop_pages(stats.empty_pop_pages);
  out.set_chunks_created(stats.chunks_created);
  out.set_chunks_destroyed(stats.chunks_destroyed);
  out.set_chunks_created_ahead(stats.chunks_created_ahead);
  out.set_free_chunks(stats.free_chunks);
  out.set_leased_chunks(stats.leased_chunks);
  out.set_sidelined_chunks(stats.sidelined_chunks);
  out.set_blocks_depopulated(stats.blocks_depopulated);
  out.set_stray_bytes_released(stats.stray_bytes_released.value());
  out.set_live_bytes(stats.live_bytes.value());
  out.set_capacity_bytes(stats.capacity_bytes.value());
  out.set_failed_allocs(stats.failed_allocs);
  out.set_refused_frees(stats.refused_frees);
  out.set_zeroed_inline_bytes(stats.zeroed_inline.value());
  out.set_zeroed_background_bytes(stats.zeroed_background.value());
  out.set_populated_pages(stats.populated_pages.value());
  out.set_wasted_pages(stats.wasted_pages.value());
  out.set_ghost_pages(stats.ghost_pages.value());
  out.set_utilisation(stats.utilisation());
  return out;
}

void ToProto(const BuddyState& buddy, v1::GetBuddyInfoResponse& out) {
  for (const std::uint64_t blocks : buddy.free_blocks) out.add_free_blocks(blocks);
  out.set_free_pages(buddy.free_pages.value());
  out.set_total_pages(buddy.total_pages.value());
  out.set_page_size_bytes(buddy.page_size.value());
}

void ToProto(const Resolution& resolution, v1::ResolveResponse& out) {
  out.set_owner(OwnerProto(resolution.owner));
  if (resolution.owner == Resolution::Owner::kNone) return;
  out.set_chunk_id(resolution.chunk.value());
  out.set_unit(resolution.unit.value());
  if (resolution.cpu) out.set_cpu(resolution.cpu->value());
  out.set_unit_offset(resolution.unit_offset.value());
  out.set_offset_in_area(resolution.offset_in_area.value());
  if (resolution.owner == Resolution::Owner::kArea) *out.mutable_area() = ToProto(resolution.area);
  out.set_variable(resolution.variable);
}

void ToProto(const Estimate& estimate, v1::EstimateAllocResponse& out) {
  out.set_rounded_size_bytes(estimate.rounded_size.value());
  out.set_total_bytes(estimate.total_bytes.value());
  out.set_wasted_bytes(estimate.wasted_bytes.value());
  out.set_would_grow(estimate.would_grow);
  out.set_new_chunk_pages(estimate.new_chunk_pages.value());
  out.set_new_chunk_wasted_pages(estimate.new_chunk_wasted_pages.value());
  out.set_new_chunk_ghost_pages(estimate.new_chunk_ghost_pages.value());
  if (estimate.chunk) out.set_chunk_id(estimate.chunk->value());
  out.set_possible(estimate.possible);
  out.set_reason(estimate.reason);
}

void DrawOccupancy(const AreaMapSnapshot& map, v1::ListAreasResponse& out) {
  const std::uint64_t begin = map.chunk.begin_offset.value();
  const std::uint64_t end = map.chunk.end_offset.value();
  out.set_begin_offset(begin);
  out.set_end_offset(end);
  for (const std::uint32_t block : map.unpopulated_blocks) out.add_unpopulated_blocks(block);
  // Cells of whole granules that cover the managed part, which need not fill
  // the last one.
  const std::uint64_t cell =
      RoundUp(Bytes((end - begin + kMaxMapCells - 1) / kMaxMapCells), kGranuleSize).value();
  std::vector<std::uint64_t> covered((end - begin + cell - 1) / cell);
  for (const AreaSnapshot& area : map.areas) {
    const std::uint64_t area_end = (area.offset + area.size).value() - begin;
    for (std::uint64_t at = area.offset.value() - begin; at < area_end;) {
      const std::uint64_t cell_end = std::min((at / cell + 1) * cell, area_end);
      covered[at / cell] += cell_end - at;
      at = cell_end;
    }
  }
  std::string cells;
  for (std::size_t i = 0; i < covered.size(); ++i) {
    const std::uint64_t size = std::min(cell, end - begin - i * cell);
    // Rounded away from the ends: 0 is wholly free, 255 wholly taken.
    std::uint64_t share = covered[i] * 255 / size;
    if (covered[i] > 0 && share == 0) share = 1;
    cells.push_back(static_cast<char>(static_cast<unsigned char>(share)));
  }
  out.set_occupancy(std::move(cells));
  out.set_cell_bytes(cell);
}

}  // namespace percpud

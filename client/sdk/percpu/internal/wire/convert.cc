// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "percpu/internal/wire/convert.h"

#include <cstdint>
#include <optional>

namespace percpu::wire {
namespace {

ChunkKind ToChunkKind(v1::ChunkKind kind) {
  switch (kind) {
    case v1::CHUNK_KIND_RESERVED:
      return ChunkKind::kReserved;
    case v1::CHUNK_KIND_FIRST:
      return ChunkKind::kFirst;
    case v1::CHUNK_KIND_DYNAMIC:
      return ChunkKind::kDynamic;
    case v1::CHUNK_KIND_LEASED:
      return ChunkKind::kLeased;
    case v1::CHUNK_KIND_TO_DEPOPULATE:
      return ChunkKind::kToDepopulate;
    case v1::CHUNK_KIND_SIDELINED:
      return ChunkKind::kSidelined;
    default:
      return ChunkKind::kUnknown;
  }
}

OwnerKind ToOwnerKind(v1::Owner owner) {
  switch (owner) {
    case v1::OWNER_NONE:
      return OwnerKind::kNone;
    case v1::OWNER_FREE:
      return OwnerKind::kFree;
    case v1::OWNER_AREA:
      return OwnerKind::kArea;
    case v1::OWNER_STATIC:
      return OwnerKind::kStatic;
    case v1::OWNER_LEASE:
      return OwnerKind::kLease;
    default:
      return OwnerKind::kUnknown;
  }
}

SessionKind ToSessionKind(v1::SessionKind kind) {
  switch (kind) {
    case v1::SESSION_KIND_LOCAL_READ_WRITE:
      return SessionKind::kLocalReadWrite;
    case v1::SESSION_KIND_LOCAL_READ_ONLY:
      return SessionKind::kLocalReadOnly;
    case v1::SESSION_KIND_LOCAL_UNMAPPED:
      return SessionKind::kLocalUnmapped;
    case v1::SESSION_KIND_REMOTE:
      return SessionKind::kRemote;
    default:
      return SessionKind::kUnknown;
  }
}

SlotKind ToSlotKind(v1::SlotKind kind) {
  switch (kind) {
    case v1::SLOT_KIND_SIZE_CLASS:
      return SlotKind::kSizeClass;
    case v1::SLOT_KIND_FULL:
      return SlotKind::kFull;
    case v1::SLOT_KIND_FREE:
      return SlotKind::kFree;
    default:
      return SlotKind::kUnknown;
  }
}

// The value of a field that may be absent.
template <typename Wanted, typename Value>
std::optional<Wanted> If(bool present, Value value) {
  return present ? std::optional(Wanted{value}) : std::nullopt;
}

}  // namespace

v1::Region ToProto(Region region) {
  return region == Region::kReserved ? v1::REGION_RESERVED : v1::REGION_DYNAMIC;
}

v1::Width ToProto(Width width) { return width == Width::k32 ? v1::WIDTH_32 : v1::WIDTH_64; }

v1::VariableType ToProto(VariableType type) {
  switch (type) {
    case VariableType::kBytes:
      return v1::VARIABLE_TYPE_BYTES;
    case VariableType::kCounter:
      return v1::VARIABLE_TYPE_COUNTER;
    case VariableType::kGauge:
      return v1::VARIABLE_TYPE_GAUGE;
    case VariableType::kHistogram:
      return v1::VARIABLE_TYPE_HISTOGRAM;
  }
  return v1::VARIABLE_TYPE_UNSPECIFIED;
}

google::protobuf::Duration ToProto(absl::Duration duration) {
  google::protobuf::Duration out;
  out.set_seconds(absl::ToInt64Seconds(duration));
  out.set_nanos(static_cast<std::int32_t>(absl::ToInt64Nanoseconds(duration % absl::Seconds(1))));
  return out;
}

VariableType FromProto(v1::VariableType type) {
  switch (type) {
    case v1::VARIABLE_TYPE_COUNTER:
      return VariableType::kCounter;
    case v1::VARIABLE_TYPE_GAUGE:
      return VariableType::kGauge;
    case v1::VARIABLE_TYPE_HISTOGRAM:
      return VariableType::kHistogram;
    default:
      return VariableType::kBytes;
  }
}

absl::Duration FromProto(const google::protobuf::Duration& duration) {
  return absl::Seconds(duration.seconds()) + absl::Nanoseconds(duration.nanos());
}

AllocInfo FromProto(const v1::AllocInfo& info) {
  return {.backend = info.backend(),
          .unit_bytes = info.unit_size_bytes(),
          .static_bytes = info.static_size_bytes(),
          .reserved_bytes = info.reserved_size_bytes(),
          .dyn_bytes = info.dyn_size_bytes(),
          .atom_bytes = info.atom_size_bytes(),
          .alloc_bytes = info.alloc_size_bytes(),
          .units_per_alloc = info.units_per_alloc(),
          .groups = info.groups(),
          .units = info.units(),
          .cpus = info.cpus(),
          .page_bytes = info.page_size_bytes(),
          .arena_bytes = info.arena_size_bytes(),
          .pages_per_chunk = info.pages_per_chunk(),
          .block_order = info.block_order(),
          .block_pages = info.block_pages(),
          .wasted_pages = info.wasted_pages(),
          .ghost_pages = info.ghost_pages(),
          .max_alloc_bytes = info.max_alloc_size_bytes(),
          .max_alignment = info.max_alignment(),
          .arena_kind = info.arena_kind(),
          .unit_skew_bytes = info.unit_skew_bytes(),
          .skew_bytes = info.skew_bytes(),
          .tail_pages = info.tail_pages(),
          .returns_tail = info.returns_tail(),
          .missing_files = {info.missing_files().begin(), info.missing_files().end()}};
}

Group FromProto(const v1::Group& group) {
  return {.id = group.group(),
          .numa_node = group.numa_node(),
          .base_offset = group.base_offset(),
          .size_bytes = group.size_bytes(),
          .units = group.units(),
          .ghost_units = group.ghost_units(),
          .first_unit = Unit{group.first_unit()},
          .cpus = {group.cpus().begin(), group.cpus().end()}};
}

UnitInfo FromProto(const v1::Unit& unit) {
  return {.unit = Unit{unit.unit()},
          .offset = unit.offset(),
          .group = unit.group(),
          .cpu = If<std::uint32_t>(unit.has_cpu(), unit.cpu())};
}

StaticVariable FromProto(const v1::StaticVariable& variable) {
  return {.name = variable.name(),
          .type = FromProto(variable.type()),
          .pointer = Pointer{variable.pointer()},
          .size_bytes = variable.size_bytes(),
          .alignment = variable.alignment()};
}

ChunkInfo FromProto(const v1::Chunk& chunk) {
  return {.id = ChunkId{chunk.chunk_id()},
          .kind = ToChunkKind(chunk.kind()),
          .base = Pointer{chunk.pointer()},
          .slot = chunk.slot(),
          .pages = chunk.pages(),
          .block_order = chunk.block_order(),
          .wasted_pages = chunk.wasted_pages(),
          .ghost_pages = chunk.ghost_pages(),
          .populated_pages = chunk.populated_pages(),
          .capacity_bytes = chunk.capacity_bytes(),
          .free_bytes = chunk.free_bytes(),
          .largest_run_bytes = chunk.largest_run_bytes(),
          .first_free_offset = chunk.first_free_offset(),
          .live_areas = chunk.live_areas(),
          .max_alloc_bytes = chunk.max_alloc_size_bytes(),
          .empty_pop_pages = chunk.empty_pop_pages(),
          .sum_frag_bytes = chunk.sum_frag_bytes(),
          .max_frag_bytes = chunk.max_frag_bytes(),
          .cur_min_alloc_bytes = chunk.cur_min_alloc_bytes(),
          .cur_med_alloc_bytes = chunk.cur_med_alloc_bytes(),
          .cur_max_alloc_bytes = chunk.cur_max_alloc_bytes(),
          .dirty_bytes = chunk.dirty_bytes(),
          .fragmentation = chunk.fragmentation()};
}

AreaInfo FromProto(const v1::Area& area) {
  return {.pointer = Pointer{area.pointer()},
          .chunk = ChunkId{area.chunk_id()},
          .offset = area.offset(),
          .size_bytes = area.size_bytes(),
          .tag = area.tag()};
}

AreaMap FromProto(const v1::ListAreasResponse& map) {
  return {.chunk = FromProto(map.chunk()),
          .areas = {},
          .occupancy = map.occupancy(),
          .cell_bytes = map.cell_bytes(),
          .begin_offset = map.begin_offset(),
          .end_offset = map.end_offset(),
          .unpopulated_blocks = {map.unpopulated_blocks().begin(), map.unpopulated_blocks().end()}};
}

SlotInfo FromProto(const v1::Slot& slot) {
  SlotInfo out{.slot = slot.slot(),
               .min_run_bytes = slot.min_run_bytes(),
               .kind = ToSlotKind(slot.kind()),
               .chunks = {}};
  for (const std::uint32_t chunk : slot.chunk_ids()) out.chunks.push_back(ChunkId{chunk});
  return out;
}

BuddyInfo FromProto(const v1::GetBuddyInfoResponse& info) {
  return {.free_blocks = {info.free_blocks().begin(), info.free_blocks().end()},
          .free_pages = info.free_pages(),
          .total_pages = info.total_pages(),
          .page_bytes = info.page_size_bytes()};
}

CheckedPart FromProto(const v1::Checked& part) {
  return {.part = part.part(),
          .areas = part.areas(),
          .took = FromProto(part.took()),
          .problem = part.problem()};
}

Stats FromProto(const v1::Stats& stats) {
  return {.nr_alloc = stats.nr_alloc(),
          .nr_dealloc = stats.nr_dealloc(),
          .nr_cur_alloc = stats.nr_cur_alloc(),
          .nr_max_alloc = stats.nr_max_alloc(),
          .nr_chunks = stats.nr_chunks(),
          .nr_max_chunks = stats.nr_max_chunks(),
          .min_alloc_bytes = stats.min_alloc_size_bytes(),
          .max_alloc_bytes = stats.max_alloc_size_bytes(),
          .empty_pop_pages = stats.empty_pop_pages(),
          .chunks_created = stats.chunks_created(),
          .chunks_destroyed = stats.chunks_destroyed(),
          .chunks_created_ahead = stats.chunks_created_ahead(),
          .free_chunks = stats.free_chunks(),
          .leased_chunks = stats.leased_chunks(),
          .sidelined_chunks = stats.sidelined_chunks(),
          .blocks_depopulated = stats.blocks_depopulated(),
          .stray_bytes_released = stats.stray_bytes_released(),
          .live_bytes = stats.live_bytes(),
          .capacity_bytes = stats.capacity_bytes(),
          .failed_allocs = stats.failed_allocs(),
          .refused_frees = stats.refused_frees(),
          .zeroed_inline_bytes = stats.zeroed_inline_bytes(),
          .zeroed_background_bytes = stats.zeroed_background_bytes(),
          .populated_pages = stats.populated_pages(),
          .wasted_pages = stats.wasted_pages(),
          .ghost_pages = stats.ghost_pages(),
          .utilisation = stats.utilisation()};
}

Owner FromProto(const v1::ResolveResponse& found) {
  return {.kind = ToOwnerKind(found.owner()),
          .chunk = ChunkId{found.chunk_id()},
          .unit = Unit{found.unit()},
          .cpu = If<std::uint32_t>(found.has_cpu(), found.cpu()),
          .unit_offset = found.unit_offset(),
          .area = FromProto(found.area()),
          .offset_in_area = found.offset_in_area(),
          .variable = found.variable(),
          .session = If<SessionId>(found.has_session_id(), found.session_id()),
          .quarantined = found.quarantined()};
}

AllocEstimate FromProto(const v1::EstimateAllocResponse& estimate) {
  return {.possible = estimate.possible(),
          .reason = estimate.reason(),
          .rounded_bytes = estimate.rounded_size_bytes(),
          .total_bytes = estimate.total_bytes(),
          .wasted_bytes = estimate.wasted_bytes(),
          .would_grow = estimate.would_grow(),
          .chunk = If<ChunkId>(estimate.has_chunk_id(), estimate.chunk_id()),
          .new_chunk_pages = estimate.new_chunk_pages(),
          .new_chunk_wasted_pages = estimate.new_chunk_wasted_pages(),
          .new_chunk_ghost_pages = estimate.new_chunk_ghost_pages()};
}

SessionInfo FromProto(const v1::Session& session) {
  return {.id = SessionId{session.session_id()},
          .kind = ToSessionKind(session.kind()),
          .pid = If<std::uint32_t>(session.has_pid(), session.pid()),
          .uid = If<std::uint32_t>(session.has_uid(), session.uid()),
          .command = session.command(),
          .age = FromProto(session.age()),
          .held_bytes = session.held_bytes(),
          .areas = session.areas(),
          .leases = session.leases(),
          .is_left = session.state() == v1::SESSION_STATE_LEFT};
}

LeaseInfo FromProto(const v1::Lease& lease) {
  return {.chunk = ChunkId{lease.chunk_id()},
          .base = Pointer{lease.pointer()},
          .unit_bytes = lease.unit_size_bytes(),
          .session = If<SessionId>(lease.has_session_id(), lease.session_id()),
          .name = lease.name(),
          .live_areas = lease.live_areas(),
          .live_bytes = lease.live_bytes(),
          .map_fault = lease.map_fault()};
}

Variable FromProto(const v1::Variable& variable) {
  return {.name = variable.name(),
          .type = FromProto(variable.type()),
          .pointer = Pointer{variable.pointer()},
          .size_bytes = variable.size_bytes(),
          .uid = If<std::uint32_t>(variable.has_uid(), variable.uid())};
}

ChunkGrant FromProto(const v1::LeaseChunkResponse& lease) {
  return {.id = ChunkId{lease.chunk_id()},
          .base = Pointer{lease.pointer()},
          .unit_bytes = lease.unit_size_bytes(),
          .map_offset = lease.map_offset(),
          .map_bytes = lease.map_size_bytes(),
          .existed = lease.existed()};
}

}  // namespace percpu::wire

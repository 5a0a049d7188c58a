// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// The daemon's view of its memory: plain values, copied at the moment of the call. Names
// that the kernel's percpu_stats has are the kernel's. Sizes are in bytes, and of one unit
// unless a comment says otherwise.

#ifndef PERCPUD_CLIENT_SDK_PERCPU_INTROSPECTION_H_
#define PERCPUD_CLIENT_SDK_PERCPU_INTROSPECTION_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "percpu/types.h"

namespace percpu {

// The layout that the daemon chose when it started. It does not change.
struct AllocInfo {
  // "km" or "vm".
  std::string backend;
  std::uint64_t unit_bytes = 0;
  // The three parts of a unit.
  std::uint64_t static_bytes = 0;
  std::uint64_t reserved_bytes = 0;
  std::uint64_t dyn_bytes = 0;
  std::uint64_t atom_bytes = 0;
  std::uint64_t alloc_bytes = 0;
  std::uint32_t units_per_alloc = 0;
  std::uint32_t groups = 0;
  // Ghosts included.
  std::uint32_t units = 0;
  std::uint32_t cpus = 0;
  std::uint64_t page_bytes = 0;
  std::uint64_t arena_bytes = 0;
  // Pages that belong to one chunk, in all its units.
  std::uint64_t pages_per_chunk = 0;
  // log2 of block_pages.
  std::uint32_t block_order = 0;
  // Pages of the block that backs a chunk.
  std::uint64_t block_pages = 0;
  // Pages of the block that are lost because its size is a power of two.
  std::uint64_t wasted_pages = 0;
  // Pages of the chunk in units without a CPU.
  std::uint64_t ghost_pages = 0;
  std::uint64_t max_alloc_bytes = 0;
  std::uint64_t max_alignment = 0;
  // The events that the arena's memory outlives, in words.
  std::string arena_kind;
  // Bytes between units, so that copies of one area fall into different cache sets;
  // 0 if units begin on pages.
  std::uint64_t unit_skew_bytes = 0;
  // Bytes of a chunk, in all units, that no area can use because of the skew.
  std::uint64_t skew_bytes = 0;
  // Pages behind the last unit with a CPU, which a tail return gives back.
  std::uint64_t tail_pages = 0;
  bool returns_tail = false;
  // What the daemon was started with and is not at its place any more: what it is, and its
  // path.
  std::vector<std::string> missing_files;
};

// Units laid out together, one group per NUMA node.
struct Group {
  std::uint32_t id = 0;
  std::uint32_t numa_node = 0;
  // Bytes from the chunk's base to the group's first unit.
  std::uint64_t base_offset = 0;
  // All units of the group together.
  std::uint64_t size_bytes = 0;
  std::uint32_t units = 0;
  std::uint32_t ghost_units = 0;
  Unit first_unit{};
  // The CPUs of its units, in unit order, without ghosts.
  std::vector<std::uint32_t> cpus;
};

struct UnitInfo {
  Unit unit{};
  // Bytes from a percpu pointer to this unit's copy.
  std::uint64_t offset = 0;
  std::uint32_t group = 0;
  // Absent for a ghost unit.
  std::optional<std::uint32_t> cpu;
};

// A variable that the daemon's configuration names.
struct StaticVariable {
  std::string name;
  VariableType type = VariableType::kBytes;
  Pointer pointer = kNull;
  std::uint64_t size_bytes = 0;
  std::uint32_t alignment = 0;
};

// The use of a chunk.
enum class ChunkKind {
  // A kind that this SDK does not know.
  kUnknown,
  // The reserved part of the first chunk.
  kReserved,
  // The dynamic part of the first chunk.
  kFirst,
  kDynamic,
  // A session sub-allocates it by itself.
  kLeased,
  // Searched last because much of it is empty, with pages to give back.
  kToDepopulate,
  // The same, with its empty pages given back.
  kSidelined,
};

struct ChunkInfo {
  ChunkId id{};
  ChunkKind kind = ChunkKind::kUnknown;
  // Arena offset of unit 0.
  Pointer base = kNull;
  std::uint32_t slot = 0;
  std::uint64_t pages = 0;
  std::uint32_t block_order = 0;
  std::uint64_t wasted_pages = 0;
  std::uint64_t ghost_pages = 0;
  // Pages that have memory, in all units.
  std::uint64_t populated_pages = 0;
  // The bytes that areas may take: the unit without its static part.
  std::uint64_t capacity_bytes = 0;
  std::uint64_t free_bytes = 0;
  // The longest free run.
  std::uint64_t largest_run_bytes = 0;
  // Where the first free byte lies in the unit.
  std::uint64_t first_free_offset = 0;
  std::uint64_t live_areas = 0;
  // The largest area that the chunk ever held.
  std::uint64_t max_alloc_bytes = 0;
  // Populated pages of the unit without an area.
  std::uint64_t empty_pop_pages = 0;
  // Free bytes before the last live area, and the longest run of them.
  std::uint64_t sum_frag_bytes = 0;
  std::uint64_t max_frag_bytes = 0;
  // The smallest, median and largest live area; 0 if there is none.
  std::uint64_t cur_min_alloc_bytes = 0;
  std::uint64_t cur_med_alloc_bytes = 0;
  std::uint64_t cur_max_alloc_bytes = 0;
  // Free bytes that are cleared before they are granted again.
  std::uint64_t dirty_bytes = 0;
  // The share of the free bytes outside the longest run: 0 if one area could take
  // all of them.
  double fragmentation = 0;
};

struct AreaInfo {
  Pointer pointer = kNull;
  ChunkId chunk{};
  // Where the area begins in the unit.
  std::uint64_t offset = 0;
  std::uint64_t size_bytes = 0;
  std::string tag;
};

// One chunk with its areas.
struct AreaMap {
  ChunkInfo chunk;
  // In address order.
  std::vector<AreaInfo> areas;
  // The unit in equal cells: how much of each cell areas cover, 0 to 255.
  std::string occupancy;
  std::uint64_t cell_bytes = 0;
  // The part of the unit that the chunk manages.
  std::uint64_t begin_offset = 0;
  std::uint64_t end_offset = 0;
  // Pages of the unit that have no memory in any unit, ascending.
  std::vector<std::uint32_t> unpopulated_blocks;
};

// The kind of chunks that a slot lists.
enum class SlotKind {
  // A kind that this SDK does not know.
  kUnknown,
  // Chunks whose longest free run is of one size class.
  kSizeClass,
  // Chunks without a free run.
  kFull,
  // Chunks without an area.
  kFree,
};

struct SlotInfo {
  std::uint32_t slot = 0;
  // The longest free run of each chunk has at least this size.
  std::uint64_t min_run_bytes = 0;
  SlotKind kind = SlotKind::kUnknown;
  std::vector<ChunkId> chunks;
};

// The arena's free memory, as /proc/buddyinfo shows it.
struct BuddyInfo {
  // [order] -> free blocks of 2^order pages.
  std::vector<std::uint64_t> free_blocks;
  std::uint64_t free_pages = 0;
  std::uint64_t total_pages = 0;
  std::uint64_t page_bytes = 0;
};

// One part of the daemon's state, checked.
struct CheckedPart {
  // "allocator" or "sessions".
  std::string part;
  std::uint64_t areas = 0;
  absl::Duration took;
  // The first thing that does not hold; empty if everything does.
  std::string problem;
};

// Counters since the daemon began.
struct Stats {
  std::uint64_t nr_alloc = 0;
  std::uint64_t nr_dealloc = 0;
  std::uint64_t nr_cur_alloc = 0;
  std::uint64_t nr_max_alloc = 0;
  std::uint64_t nr_chunks = 0;
  std::uint64_t nr_max_chunks = 0;
  std::uint64_t min_alloc_bytes = 0;
  std::uint64_t max_alloc_bytes = 0;
  std::uint64_t empty_pop_pages = 0;
  // The kernel does not count the following.
  std::uint64_t chunks_created = 0;
  std::uint64_t chunks_destroyed = 0;
  // Chunks that were created before they were needed. Part of chunks_created.
  std::uint64_t chunks_created_ahead = 0;
  std::uint64_t free_chunks = 0;
  std::uint64_t leased_chunks = 0;
  std::uint64_t sidelined_chunks = 0;
  // Pages that were given back, each of them in every unit.
  std::uint64_t blocks_depopulated = 0;
  // Bytes that had memory, belonged to nobody and were given back.
  std::uint64_t stray_bytes_released = 0;
  std::uint64_t live_bytes = 0;
  std::uint64_t capacity_bytes = 0;
  std::uint64_t failed_allocs = 0;
  std::uint64_t refused_frees = 0;
  // Bytes cleared in an allocation, and in the background, in all units.
  std::uint64_t zeroed_inline_bytes = 0;
  std::uint64_t zeroed_background_bytes = 0;
  // Sums over all chunks.
  std::uint64_t populated_pages = 0;
  std::uint64_t wasted_pages = 0;
  std::uint64_t ghost_pages = 0;
  // live_bytes / capacity_bytes.
  double utilisation = 0;
};

// Stats at one moment of a Watch.
struct StatsSample {
  // The time since the watch began.
  absl::Duration elapsed;
  Stats stats;
};

// The use of a byte of the arena.
enum class OwnerKind {
  // A kind that this SDK does not know.
  kUnknown,
  // The byte is not part of any chunk.
  kNone,
  // It is part of a chunk, but of no area.
  kFree,
  kArea,
  kStatic,
  // It is part of a leased chunk.
  kLease,
};

struct Owner {
  OwnerKind kind = OwnerKind::kUnknown;
  // The fields below are set for bytes of a chunk only.
  ChunkId chunk{};
  Unit unit{};
  // Absent for a ghost unit.
  std::optional<std::uint32_t> cpu;
  // Where the byte lies in the unit.
  std::uint64_t unit_offset = 0;
  // The area, if the byte lies in one.
  AreaInfo area;
  // Where the byte lies in the area or static variable.
  std::uint64_t offset_in_area = 0;
  // The area's or static variable's name; empty if it has none.
  std::string variable;
  // The session that owns the area or holds the lease.
  std::optional<SessionId> session;
  // The area was a removed variable's, which sessions still have open.
  bool quarantined = false;
};

// The memory that an allocation would take and waste.
struct AllocEstimate {
  bool possible = false;
  // Why it is not possible.
  std::string reason;
  std::uint64_t rounded_bytes = 0;
  // The bytes in all units, with ghosts, and the part of them that no CPU will use.
  std::uint64_t total_bytes = 0;
  std::uint64_t wasted_bytes = 0;
  bool would_grow = false;
  // The chunk that would serve it now, unless it would grow.
  std::optional<ChunkId> chunk;
  // Pages that a new chunk would take, and the parts of them that would be lost.
  std::uint64_t new_chunk_pages = 0;
  std::uint64_t new_chunk_wasted_pages = 0;
  std::uint64_t new_chunk_ghost_pages = 0;
};

enum class SessionKind {
  // A kind that this SDK does not know.
  kUnknown,
  // Processes on the daemon's host, by how they map the arena.
  kLocalReadWrite,
  kLocalReadOnly,
  kLocalUnmapped,
  kRemote,
};

struct SessionInfo {
  SessionId id{};
  SessionKind kind = SessionKind::kUnknown;
  // The kernel told these at admission. Absent for remote sessions.
  std::optional<std::uint32_t> pid;
  std::optional<std::uint32_t> uid;
  // The process's name, or a remote client's name for itself.
  std::string command;
  absl::Duration age;
  // The bytes of its areas and leases.
  std::uint64_t held_bytes = 0;
  std::uint64_t areas = 0;
  std::uint64_t leases = 0;
  // It can do nothing any more. What it had opened is kept for its process, or for children
  // that have its connection.
  bool is_left = false;
};

struct LeaseInfo {
  ChunkId chunk{};
  // Arena offset of unit 0.
  Pointer base = kNull;
  std::uint64_t unit_bytes = 0;
  // Absent while a kept lease has no holder.
  std::optional<SessionId> session;
  // The name of a kept lease; empty for any other.
  std::string name;
  // The counts in the holder's map.
  std::uint64_t live_areas = 0;
  std::uint64_t live_bytes = 0;
  // The fault of the map; empty if it is sound.
  std::string map_fault;
};

// A lease with its areas, as its holder's map shows them.
struct LeaseMap {
  LeaseInfo lease;
  // The live areas, by offset. Empty if the map is not sound.
  std::vector<AreaInfo> areas;
};

}  // namespace percpu

#endif  // PERCPUD_CLIENT_SDK_PERCPU_INTROSPECTION_H_

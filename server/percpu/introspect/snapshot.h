// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// Plain copies of the allocator's state, as introspection shows it. No locks,
// no pointers into the allocator: once returned they are the caller's.

#ifndef PERCPUD_SERVER_PERCPU_INTROSPECT_SNAPSHOT_H_
#define PERCPUD_SERVER_PERCPU_INTROSPECT_SNAPSHOT_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "server/base/units.h"
#include "server/percpu/index/chunk_kind.h"
#include "server/percpu/index/counters.h"

namespace percpud {

// The counters, and what is measured when somebody asks.
struct Stats : Counters {
  std::uint64_t nr_cur_alloc = 0;
  std::uint64_t free_chunks = 0;
  std::uint64_t leased_chunks = 0;
  std::uint64_t sidelined_chunks = 0;
  // Populated blocks without an area, reserved chunk left out.
  std::uint64_t empty_pop_pages = 0;
  // Blocks that were given back, each in every unit.
  std::uint64_t blocks_depopulated = 0;
  // What had memory and belonged to nobody, and was given back.
  Bytes stray_bytes_released;
  Bytes capacity_bytes;
  Pages populated_pages;
  Pages wasted_pages;
  Pages ghost_pages;

  // Live bytes as a share of the capacity, 0 to 1.
  [[nodiscard]] double utilisation() const {
    return capacity_bytes == Bytes() ? 0.0
                                     : static_cast<double>(live_bytes.value()) /
                                           static_cast<double>(capacity_bytes.value());
  }
};

// One chunk; percpu_stats' per-chunk lines with an identity.
struct ChunkSnapshot {
  ChunkId id;
  ChunkKind kind = ChunkKind::kDynamic;
  // Arena offset of unit 0.
  PercpuPtr base;
  std::uint32_t slot = 0;
  Pages pages;
  Order block_order;
  Pages wasted_pages;
  Pages ghost_pages;
  Pages populated_pages;
  // The part of the unit that areas may take.
  Bytes begin_offset;
  Bytes end_offset;
  Bytes free_bytes;
  Bytes largest_run;
  Bytes first_free_offset;
  std::uint64_t live_areas = 0;
  Bytes max_alloc_size;
  std::uint64_t empty_pop_pages = 0;
  Bytes sum_frag;
  Bytes max_frag;
  Bytes cur_min_alloc;
  Bytes cur_med_alloc;
  Bytes cur_max_alloc;
  Bytes dirty_bytes;

  [[nodiscard]] Bytes capacity() const { return end_offset - begin_offset; }
  // The share of the free bytes that lie outside the largest run: 0 if one area
  // could take all of them.
  [[nodiscard]] double fragmentation() const {
    return free_bytes == Bytes() ? 0.0
                                 : 1 - static_cast<double>(largest_run.value()) /
                                           static_cast<double>(free_bytes.value());
  }
};

struct AreaSnapshot {
  PercpuPtr pointer;
  ChunkId chunk;
  // In the unit.
  Bytes offset;
  // Rounded up to granules.
  Bytes size;
  std::string tag;
};

// A chunk and every live area of it, in address order.
struct AreaMapSnapshot {
  ChunkSnapshot chunk;
  std::vector<AreaSnapshot> areas;
  // Blocks of the unit without memory, ascending.
  std::vector<std::uint32_t> unpopulated_blocks;
};

// A leased chunk, as its client's map tells: hearsay, unlike everything else.
struct LeaseSnapshot {
  ChunkId chunk;
  PercpuPtr base;
  // OK, or what is wrong with the map; then there are no areas.
  absl::Status verdict;
  Bytes live_bytes;
  std::vector<AreaSnapshot> areas;
};

struct SlotSnapshot {
  std::uint32_t slot = 0;
  // The class: longest run at least this long.
  Bytes min_run;
  bool is_full = false;
  bool is_free = false;
  std::vector<ChunkId> chunks;
};

// Who owns one byte of the arena.
struct Resolution {
  enum class Owner { kNone, kFree, kArea, kStatic, kLease };
  Owner owner = Owner::kNone;
  // The rest holds unless owner is kNone.
  ChunkId chunk;
  UnitId unit;
  std::optional<CpuId> cpu;
  Bytes unit_offset;
  // With kArea.
  AreaSnapshot area;
  // With kStatic; empty between variables.
  std::string variable;
  // The byte's offset in the area or variable.
  Bytes offset_in_area;
};

struct Estimate {
  Bytes rounded_size;
  Bytes total_bytes;
  Bytes wasted_bytes;
  bool would_grow = false;
  Pages new_chunk_pages;
  Pages new_chunk_wasted_pages;
  Pages new_chunk_ghost_pages;
  std::optional<ChunkId> chunk;
  bool possible = false;
  std::string reason;
};

}  // namespace percpud

#endif  // PERCPUD_SERVER_PERCPU_INTROSPECT_SNAPSHOT_H_

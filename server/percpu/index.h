// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_SERVER_PERCPU_INDEX_H_
#define PERCPUD_SERVER_PERCPU_INDEX_H_

#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/arena/page_map.h"
#include "server/base/bit_tree.h"
#include "server/base/units.h"
#include "server/percpu/alloc_info.h"
#include "server/percpu/chunk.h"
#include "server/percpu/slots.h"
#include "server/percpu/snapshot.h"
#include "server/percpu/tag_table.h"

namespace percpud {

// One area of one chunk. The chunk stays the index's.
struct Placement {
  Chunk* chunk = nullptr;
  AreaSpan area;

  [[nodiscard]] PercpuPtr pointer() const { return chunk->PointerTo(area.offset); }
};

// What the short lock guards: which chunks there are, where areas can go, and
// who owns a page. Nothing here sleeps, zeroes or calls the system; every
// method is called with the allocator's index lock held.
//
// Chunk ids are small and dense: the lowest unused one is taken, as with file
// descriptors. kReserved and kFirst are there from the start.
class Index {
 public:
  static constexpr ChunkId kReservedId{0};
  static constexpr ChunkId kFirstId{1};

  // `info` outlives the index.
  Index(const AllocInfo& info, Bytes page_size, Pages arena_pages);

  // --- Chunks ----------------------------------------------------------------
  // Takes the chunk in: an id, the pages' back pointers, a slot.
  Chunk& Insert(std::unique_ptr<Chunk> chunk, const ChunkMemory& memory);
  // So that the next Insert numbers its chunk `id`: ids are restored ascending,
  // and what was passed over is used again once AddUnused says so.
  void SkipTo(ChunkId id) { chunks_.resize(std::max<std::size_t>(chunks_.size(), id.value())); }
  void AddUnused(ChunkId id);
  // Gives it up. REQUIRES: a free dynamic chunk.
  std::unique_ptr<Chunk> Remove(Chunk& chunk);
  [[nodiscard]] Chunk* Find(ChunkId id) const;
  // The chunk with the lowest id at or after `id`.
  [[nodiscard]] Chunk* FindFrom(ChunkId id) const;
  // Free dynamic chunks; withdrawn ones not counted.
  [[nodiscard]] std::uint64_t free_chunks() const { return slots_.At(slots_.free_slot()).count(); }
  [[nodiscard]] const Slots& slots() const { return slots_; }
  // Takes a chunk out of the search while it is worked on without the lock,
  // and puts it back. REQUIRES: not reserved.
  void Withdraw(Chunk& chunk);
  // Makes a withdrawn, free chunk a client's, with a map at `map`, and a
  // withdrawn one again: then returns where the map was.
  void Lease(Chunk& chunk, Bytes map);
  Bytes Unlease(Chunk& chunk);
  [[nodiscard]] std::uint32_t leased() const { return leased_; }
  void Restore(Chunk& chunk);
  [[nodiscard]] std::uint32_t withdrawn() const { return withdrawn_; }

  // --- Areas -----------------------------------------------------------------
  // Where an area of that size would go; exact: nullopt means that no chunk
  // which may serve the request has an aligned free run of it.
  [[nodiscard]] std::optional<Placement> FindFit(Granules count, Granules align, Region region,
                                                 bool populated_only) const;
  void Take(const Placement& placement);
  void Release(const Placement& placement);
  // Marks what Take took as granted for good, or Release as freed for good:
  // statistics, tags and the dirty map move only now, so that taking back a
  // half-done batch leaves no trace.
  void CommitGrant(const Placement& placement, TagId tag);
  void CommitFree(const Placement& placement);
  void NotePopulated(Chunk& chunk, BlockRange blocks);

  // --- Pointers --------------------------------------------------------------
  struct Location {
    Chunk* chunk = nullptr;
    UnitId unit;
    // In the unit.
    Bytes offset;
  };
  // Where a byte of any unit lies; nullopt if in no chunk. In the first block,
  // the reserved chunk owns its part of the unit and the first chunk the rest,
  // static part included.
  [[nodiscard]] std::optional<Location> Locate(PercpuPtr pointer) const;
  // The area that `pointer` starts, or why it is none.
  [[nodiscard]] absl::StatusOr<Placement> FindArea(PercpuPtr pointer) const;

  // --- Counters --------------------------------------------------------------
  // Fields kept as events happen; the rest is filled in by the allocator.
  [[nodiscard]] const Stats& stats() const { return stats_; }
  [[nodiscard]] Stats& mutable_stats() { return stats_; }
  [[nodiscard]] TagTable& tags() { return tags_; }
  [[nodiscard]] const TagTable& tags() const { return tags_; }

  [[nodiscard]] absl::Status CheckInvariants() const;

 private:
  [[nodiscard]] std::uint32_t SlotFor(const Chunk& chunk) const;
  void Reslot(Chunk& chunk);
  // Runs `change` on the chunk and follows its empty blocks and slot.
  template <typename Change>
  void Update(Chunk& chunk, Change change);

  const AllocInfo& info_;
  const Bytes page_size_;
  PageMap page_map_;
  Slots slots_;
  // Indexed by id; null where the id is unused.
  std::vector<std::unique_ptr<Chunk>> chunks_;
  std::vector<ChunkId> unused_ids_;
  std::uint32_t withdrawn_ = 0;
  std::uint32_t leased_ = 0;
  Stats stats_;
  TagTable tags_;
};

}  // namespace percpud

#endif  // PERCPUD_SERVER_PERCPU_INDEX_H_

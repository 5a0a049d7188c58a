// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_SERVER_PERCPU_INDEX_INDEX_H_
#define PERCPUD_SERVER_PERCPU_INDEX_INDEX_H_

#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/arena/chunk_map.h"
#include "server/base/bit_tree.h"
#include "server/base/units.h"
#include "server/percpu/index/chunk.h"
#include "server/percpu/index/chunk_kind.h"
#include "server/percpu/index/counters.h"
#include "server/percpu/index/fit_index.h"
#include "server/percpu/index/parked_areas.h"
#include "server/percpu/index/placement.h"
#include "server/percpu/index/tag_table.h"
#include "server/percpu/layout/alloc_info.h"

namespace percpud {

// What becomes of a freed area.
enum class ReusePolicy {
  // Room, at once: pages without an area are given back.
  kFreeRun,
  // Small ones may park (parked_areas.h).
  kParked,
  // It is held until it has been cleared, with others of its chunk, and may park then.
  kCleared,
};

// What the short lock guards: which chunks there are, where areas can go, and
// whose an address is. Nothing here sleeps, zeroes or calls the system; every
// method is called with the allocator's index lock held. What a grant or a free
// calls is in index_inline.h.
//
// Chunk ids are small and dense: the lowest unused one is taken, as with file
// descriptors. kReserved and kFirst are there from the start.
class Index {
 public:
  static constexpr ChunkId kReservedId{0};
  static constexpr ChunkId kFirstId{1};

  // The arena that chunks lie in, and how they do (Backend::frame_size).
  struct ArenaShape {
    Bytes size;
    Bytes page_size;
    Bytes frame_size;
  };
  // `info` outlives the index.
  Index(const AllocInfo& info, const ArenaShape& arena, ReusePolicy reuse);

  // Chunk ids lie below this: as many as the arena has room for, and the two
  // that are there from the start.
  static std::uint64_t MaxChunks(const AllocInfo& info, Bytes arena_size);

  // --- Chunks ----------------------------------------------------------------
  // Takes the chunk in: an id, its place in the map and in the search.
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
  // Ids of the free dynamic chunks; withdrawn ones are not among them.
  [[nodiscard]] const BitTree& free_chunks() const { return free_chunks_; }
  // --- Chunks that give pages back ------------------------------------------------
  // After areas of the chunk were freed: whether it has so many empty pages, and
  // the others more than `reserve`, that it is to give them back. It is then
  // searched last until an area is placed there, and queued.
  bool QueueIfEmptying(Chunk& chunk, std::uint32_t reserve);
  // Takes the lowest queued chunk out of the queue and the search; null if none.
  Chunk* WithdrawToDepopulate();
  // An ordinary chunk again. REQUIRES: sidelined.
  void Reintegrate(Chunk& chunk);
  // Whether it is queued.
  [[nodiscard]] bool IsToDepopulate(const Chunk& chunk) const {
    return to_depopulate_.Test(chunk.id().value());
  }
  void NotePopulated(Chunk& chunk, BlockRange blocks);
  // REQUIRES: withdrawn.
  void NoteDepopulated(Chunk& chunk, BlockRange blocks);
  // Of all chunks, leased ones too.
  [[nodiscard]] std::uint64_t populated_blocks() const { return populated_blocks_; }
  [[nodiscard]] std::uint32_t sidelined() const { return sidelined_; }

  // Takes a chunk out of the search while it is worked on without the lock,
  // and puts it back. REQUIRES: not reserved.
  void Withdraw(Chunk& chunk);
  // Makes a withdrawn, free chunk a client's, with a map at `map`, and a
  // withdrawn one again: then returns where the map was.
  void Lease(Chunk& chunk, Bytes map);
  Bytes Unlease(Chunk& chunk);
  [[nodiscard]] std::uint32_t leased() const { return leased_; }
  void Readmit(Chunk& chunk);
  [[nodiscard]] std::uint32_t withdrawn() const { return withdrawn_; }

  // --- Areas -----------------------------------------------------------------
  //
  //          Place             CommitGrant
  //   room ---------> taken ------------------> live
  //     ^              |  ^ Hold, Unhold         |  ^ HoldLive, UnholdLive
  //     |              v  |                      v  |
  //     |              held                      held
  //     +- Release ----+                         |
  //     +- CommitFree ---------------------------+
  //
  // A held area is nobody's: it is found by no pointer, and whoever holds it may let
  // go of the lock meanwhile.

  // A free run of a chunk, and where in it an area fits.
  struct Fit {
    Chunk* chunk = nullptr;
    AreaMap::Room room;
  };
  // Takes room for an area: one that is parked, else in the tightest class of free
  // runs. Exact: none means that no chunk which may serve the request has an aligned
  // free run of it.
  Placement Place(Granules count, Granules align, Region region, bool populated_only);
  // Its two halves: a parked area, which is clean and backed, or none; and room.
  Placement TakeParked(Granules count, Granules align);
  Placement PlaceInRun(Granules count, Granules align, Region region, bool populated_only);
  // Gives up what was placed and not granted; the second, if it may be dirty.
  // REQUIRES: not held.
  void Release(Placement placement);
  void ReleaseDirty(Placement placement);
  // Where Place would go.
  [[nodiscard]] std::optional<Fit> FindFit(Granules count, Granules align, Region region,
                                           bool populated_only) const;
  // Makes a placed area live: counted and tagged.
  void CommitGrant(Placement placement, TagId tag);
  // Makes an area that was placed found no more, and found again.
  void Hold(Placement placement) {
    placement.chunk->Hold(placement.area.offset);
    held_ += placement.area.size.value();
  }
  void Unhold(Placement placement) {
    placement.chunk->Unhold(placement.area.offset);
    held_ -= placement.area.size.value();
  }
  // The same of a live one, which still counts as live.
  void HoldLive(Placement placement) {
    placement.chunk->Hold(placement.area.offset);
    ++held_live_;
  }
  void UnholdLive(Placement placement) {
    placement.chunk->Unhold(placement.area.offset);
    --held_live_;
  }
  // Ends a live area: it waits to be cleared, is room again, or parks; false if it did,
  // and changed nothing else. REQUIRES: not held.
  bool CommitFree(Placement placement);
  // Makes room of what is parked, in the chunk or, if it is null, anywhere.
  void Unpark(const Chunk* chunk);

  // --- Clearing (index_reuse.cc) ------------------------------------------------
  // Areas of one chunk that are held to be cleared in every unit, and keep the chunk.
  struct Clearing {
    Chunk* chunk = nullptr;
    std::vector<AreaSpan> areas;
  };
  // Whether some chunk has so many pending areas that they are worth clearing, and as
  // much was granted since as was cleared: what nobody asks for is not cleared.
  [[nodiscard]] bool wants_clearing() const { return !due_.empty() && granted_ > supplied_; }
  // Whether something is to be or is being cleared that would be room then.
  [[nodiscard]] bool has_pending() const { return pending_ > 0; }
  // The pending areas of a chunk: of one that is worth it, or of `any`. No chunk if
  // there are none.
  Clearing TakePending(bool any);
  // Dirty room of one page of a chunk, made areas, as long as there is demand.
  Clearing TakeDirty();
  // They have been cleared: they park, or are room.
  void PutCleared(const Clearing& clearing);
  // The chunk has no dirty room any more.
  void NoteClean(Chunk& chunk);

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
  // The live area that `pointer` starts, if it does.
  [[nodiscard]] Placement FindLive(PercpuPtr pointer) const;
  // The same, or why it is none.
  [[nodiscard]] absl::StatusOr<Placement> FindArea(PercpuPtr pointer) const;

  // --- Counters --------------------------------------------------------------
  [[nodiscard]] const Counters& counters() const { return counters_; }
  [[nodiscard]] Counters& mutable_counters() { return counters_; }
  [[nodiscard]] TagTable& tags() { return tags_; }
  [[nodiscard]] const TagTable& tags() const { return tags_; }

  // Walks everything; INTERNAL names the first thing that is wrong. Before each chunk
  // others are let in: give_way() gives the lock up if somebody waits for it, and says
  // whether anybody did. Areas may come and go meanwhile; chunks may not, nor may they be
  // withdrawn, leased or populated. Each chunk is checked at a moment of its own; the
  // counters are compared with the sums over all at one, for which nobody is let in: as
  // long as it takes to read a few counts of every chunk.
  [[nodiscard]] absl::Status CheckInvariants(absl::FunctionRef<bool()> give_way = [] {
    return false;
  }) const;

 private:
  // Has it searched last. REQUIRES: a searched dynamic chunk that is not free.
  void Sideline(Chunk& chunk);
  // Has the counters follow a change to what is populated.
  template <typename Change>
  void CountPopulation(Chunk& chunk, Change change);
  // Makes the chunk one that is searched, and takes it out of the search.
  void AddToSearch(Chunk& chunk);
  void DropFromSearch(Chunk& chunk);
  // Where what is freed goes that does not park.
  void GiveBack(Placement placement);
  bool KeepPending(Placement placement);
  std::vector<AreaSpan> TakePendingOf(Chunk& chunk);
  // Takes several areas in a row where one fits, and parks the others, if it may.
  bool TakeRow(const Fit& fit, Granules count, Granules align);
  bool Park(Placement placement);
  // Runs change(watch) on the chunk, and has the search and the counters follow.
  template <typename Change>
  void Update(Chunk& chunk, Change change);
  [[nodiscard]] static std::optional<Fit> FitIn(Chunk* chunk, Granules count, Granules align,
                                                bool populated_only);
  [[nodiscard]] std::optional<Fit> FindInClass(ChunkId id, std::uint32_t size_class, Granules count,
                                               Granules align, std::uint32_t tries) const;
  // FindFit by steps: where it nearly always is, wherever it may be, and what unparking brings.
  [[nodiscard]] std::optional<Fit> FindNear(Granules count, Granules align, Region region,
                                            bool populated_only) const;
  std::optional<Fit> MakeFit(Granules count, Granules align, Region region, bool populated_only);
  [[nodiscard]] std::optional<Fit> FindFar(Granules count, Granules align, Region region,
                                           bool populated_only) const;
  // The chunk had `before` empty pages, and has others now.
  void NoteEmptied(const Chunk& chunk, std::uint32_t before);
  // The chunk became free, or is no more.
  void NoteFreedom(Chunk& chunk);
  void DropTag(Chunk& chunk, Granules at);
  [[nodiscard]] std::optional<Fit> FindPopulated(Granules count, Granules align) const;
  [[nodiscard]] absl::Status CheckChunk(const Chunk& chunk) const;
  // The chunk that the byte may be of, and lies at or behind the base of; null if none.
  [[nodiscard]] Chunk* ChunkBefore(PercpuPtr pointer) const;
  // Of a byte of a unit of that chunk: the reserved chunk, where it lies in the first.
  [[nodiscard]] Chunk* OwnerOf(Chunk* chunk, Bytes offset) const;
  // Granules granted, less those cleared: no more than a chunk's, however many.
  [[nodiscard]] std::int64_t demand() const {
    return std::min<std::int64_t>(granted_ - supplied_, ToGranules(info_.unit_size).value());
  }
  void NoteSupplied(Granules cleared);
  // Of the pages that are the chunk's own.
  [[nodiscard]] Bytes SizeOf(const ChunkMemory& memory) const {
    return ToBytes(memory.pages, arena_.page_size);
  }
  // Empty pages of a leased or sidelined chunk are no reserve.
  [[nodiscard]] static std::uint64_t ReserveOf(const Chunk& chunk) {
    return chunk.lease_map || chunk.sidelined ? 0 : chunk.empty_populated_blocks();
  }

  const AllocInfo& info_;
  const ArenaShape arena_;
  ChunkMap chunk_map_;
  FitIndex fits_;
  // Of sidelined chunks; made when the first of them is.
  std::unique_ptr<FitIndex> sidelined_fits_;
  // Ids of the free dynamic chunks that are searched.
  BitTree free_chunks_;
  // Ids of the sidelined chunks that have pages to give back.
  BitTree to_depopulate_;
  // Indexed by id; null where the id is unused.
  std::vector<std::unique_ptr<Chunk>> chunks_;
  std::vector<ChunkId> unused_ids_;
  std::uint32_t withdrawn_ = 0;
  // Chunks with a block that is not backed.
  std::uint32_t partly_populated_ = 0;
  std::uint32_t leased_ = 0;
  std::uint32_t sidelined_ = 0;
  std::uint64_t populated_blocks_ = 0;
  // What was placed and is held, in granules of all chunks together; and live areas
  // that are held.
  std::uint64_t held_ = 0;
  std::uint64_t held_live_ = 0;
  const ReusePolicy reuse_;
  ParkedAreas parked_;
  // Chunks with pending areas, those where they are worth clearing, and those with
  // dirty room.
  BitTree to_clear_;
  BitTree due_;
  BitTree dirty_;
  // Areas that wait or are being cleared, in granules of all chunks together.
  std::uint64_t pending_ = 0;
  // Granules granted so far, and those of them for which others have been cleared.
  std::int64_t granted_ = 0;
  std::int64_t supplied_ = 0;
  Counters counters_;
  TagTable tags_;
};

}  // namespace percpud

#endif  // PERCPUD_SERVER_PERCPU_INDEX_INDEX_H_

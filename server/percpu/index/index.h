// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_SERVER_PERCPU_INDEX_INDEX_H_
#define PERCPUD_SERVER_PERCPU_INDEX_INDEX_H_

#include <cstdint>
#include <memory>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "server/base/units.h"
#include "server/percpu/index/chunk.h"
#include "server/percpu/index/chunk_kind.h"
#include "server/percpu/index/chunk_table.h"
#include "server/percpu/index/counters.h"
#include "server/percpu/index/held_areas.h"
#include "server/percpu/index/page_reserve.h"
#include "server/percpu/index/placement.h"
#include "server/percpu/index/reclaimer.h"
#include "server/percpu/index/run_index.h"
#include "server/percpu/index/tag_table.h"
#include "server/percpu/layout/alloc_info.h"

namespace percpud {

// What the short lock guards: which chunks there are, where areas can go, and who has an
// address. Nothing here sleeps, zeroes or calls the system; every method is called with
// the allocator's index lock held. What a grant or a free calls is in index_hot.h.
//
//          Place             CommitGrant
//   free run ------> taken ------------------> live
//     ^               |  ^ Hold, Unhold         |  ^ HoldLive, UnholdLive
//     |               v  |                      v  |
//     |               held                      held
//     +-- Release ----+                         |
//     +-- CommitFree ---------------------------+
//
// A held area is nobody's: no pointer finds it, and its holder may let go of the lock
// meanwhile.
class Index {
 public:
  static constexpr ChunkId kReservedId = ChunkTable::kReservedId;
  static constexpr ChunkId kFirstId = ChunkTable::kFirstId;
  using ArenaShape = ChunkTable::ArenaShape;
  using Location = ChunkTable::Location;
  using Clearing = Reclaimer::Clearing;

  // `info` outlives the index.
  Index(const AllocInfo& info, const ArenaShape& arena, ReusePolicy reuse);
  Index(const Index&) = delete;
  Index& operator=(const Index&) = delete;

  // --- The parts -----------------------------------------------------------------
  [[nodiscard]] ChunkTable& chunks() { return chunks_; }
  [[nodiscard]] const ChunkTable& chunks() const { return chunks_; }
  [[nodiscard]] PageReserve& reserve() { return reserve_; }
  [[nodiscard]] const PageReserve& reserve() const { return reserve_; }
  [[nodiscard]] RunIndex& runs() { return runs_; }
  [[nodiscard]] const RunIndex& runs() const { return runs_; }
  [[nodiscard]] Reclaimer& reclaimer() { return reclaimer_; }
  [[nodiscard]] const Reclaimer& reclaimer() const { return reclaimer_; }
  [[nodiscard]] HeldAreas& held() { return held_; }
  [[nodiscard]] Counters& counters() { return counters_; }
  [[nodiscard]] const Counters& counters() const { return counters_; }
  [[nodiscard]] TagTable& tags() { return tags_; }
  [[nodiscard]] const TagTable& tags() const { return tags_; }

  // --- Chunks --------------------------------------------------------------------
  // Takes the chunk in: an id, its place in the map and in the search.
  Chunk& Insert(std::unique_ptr<Chunk> chunk, const ChunkMemory& memory);
  // Gives it up. REQUIRES: a free dynamic chunk without pins or a lease.
  std::unique_ptr<Chunk> Remove(Chunk& chunk);

  // --- Areas ---------------------------------------------------------------------
  // Takes an area: one that is parked, else one from the tightest class of free runs.
  // Exact: no area means that no chunk which may serve the request has an aligned free
  // run of it. REQUIRES: count > 0, align is a power of two.
  Placement Place(Granules count, Granules align, Region region, bool populated_only);
  // Place, where nothing is parked.
  Placement PlaceInRun(Granules count, Granules align, Region region, bool populated_only);
  // Makes a placed area live: counted and tagged. REQUIRES: not held.
  void CommitGrant(Placement placement, TagId tag);
  // Ends a live area: it waits to be cleared, is a free run again, or parks; false if it
  // parked, and changed nothing else. REQUIRES: live.
  bool CommitFree(Placement placement);

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
  // A fit, whatever it takes: what is parked makes room at last.
  std::optional<RunIndex::Fit> MakeFit(Granules count, Granules align, Region region,
                                       bool populated_only);
  void DropTag(Chunk& chunk, Granules at);
  [[nodiscard]] absl::Status CheckCounts(absl::FunctionRef<bool()> give_way) const;

  ChunkTable chunks_;
  PageReserve reserve_;
  RunIndex runs_;
  Reclaimer reclaimer_;
  HeldAreas held_;
  Counters counters_;
  TagTable tags_;
};

}  // namespace percpud

#endif  // PERCPUD_SERVER_PERCPU_INDEX_INDEX_H_

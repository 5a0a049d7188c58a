// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_SERVER_PERCPU_INDEX_RECLAIMER_H_
#define PERCPUD_SERVER_PERCPU_INDEX_RECLAIMER_H_

#include <algorithm>
#include <cstdint>
#include <vector>

#include "server/area/area_map.h"
#include "server/base/bit_tree.h"
#include "server/base/units.h"
#include "server/percpu/index/chunk.h"
#include "server/percpu/index/chunk_table.h"
#include "server/percpu/index/parked_areas.h"
#include "server/percpu/index/placement.h"
#include "server/percpu/index/run_index.h"

namespace percpud {

// What becomes of a freed area.
enum class ReusePolicy {
  // A free run, at once: pages without an area are given back.
  kFreeRun,
  // Small ones may park (parked_areas.h).
  kParked,
  // It is held until it has been cleared, with others of its chunk, and may park then.
  kCleared,
};

// What becomes of freed areas before they are free runs again.
//
//          freed                                       wanted again
//   live --------> pending ---- cleared ----> parked ------------> live
//                      |                         |
//                      +-----> free run <--------+
//
// Areas are cleared by chunk, many at a time and unit by unit: each page of a unit is
// gone to once for all of them, where clearing on demand goes to every unit for each.
// While they wait they are held, so every free run reads zero; all but what lies below
// a chunk's dirty_end.
//
// Guarded by the index lock.
class Reclaimer {
 public:
  // Areas of one chunk that are held to be cleared in every unit, and keep the chunk.
  struct Clearing {
    Chunk* chunk = nullptr;
    std::vector<AreaSpan> areas;
  };

  // Both outlive it. `most`: granules that are cleared ahead of demand, a chunk's worth.
  // `size`: chunk ids lie below it.
  Reclaimer(const ChunkTable& chunks, RunIndex& runs, ReusePolicy policy, Granules most,
            std::uint64_t size);

  // --- Parked areas ------------------------------------------------------------
  // A parked area of that size, which is clean and backed; no area if there is none.
  Placement TakeParked(Granules count, Granules align);
  // Takes several areas in a row where one fits, and parks the others, if requests of
  // that size are frequent; else takes the one.
  void TakeFrom(const RunIndex::Fit& fit, Granules count, Granules align);
  // Makes free runs of what is parked, in the chunk or, if it is null, anywhere.
  void Unpark(const Chunk* chunk);
  [[nodiscard]] bool has_parked() const { return !parked_.empty(); }

  // --- Freed areas -------------------------------------------------------------
  // Ends an area that nobody holds: it is pending, a free run again, or parks; false if
  // it parked, and changed nothing else.
  bool Reuse(Placement placement);
  // Makes it a free run that may not read zero. REQUIRES: not held.
  void ReleaseDirty(Placement placement);

  // --- Clearing ----------------------------------------------------------------
  // Whether some chunk has enough pending areas to be worth clearing, and as much was
  // granted since as was cleared: what nobody asks for is not cleared.
  [[nodiscard]] bool wants_clearing() const { return !due_.empty() && granted_ > supplied_; }
  // Whether something is to be or is being cleared that would be a free run then.
  [[nodiscard]] bool has_pending() const { return pending_ > 0; }
  // The pending areas of a chunk where they are due or, with `any`, of the first that
  // has some. No chunk if there is none.
  Clearing TakePending(bool any);
  // The dirty free runs of one page of a chunk, made areas, as long as there is demand.
  Clearing TakeDirty();
  // They have been cleared: they park, or are free runs.
  void PutCleared(const Clearing& clearing);

  // --- What others note ----------------------------------------------------------
  void NoteGranted(Granules size) { granted_ += size.value(); }
  // A chunk that may be dirty was made.
  void NoteDirty(const Chunk& chunk);
  // The chunk has no dirty room any more, or is gone.
  void NoteClean(Chunk& chunk);

  // Granules that are held here: parked, pending, or being cleared.
  [[nodiscard]] std::uint64_t held() const { return parked_.granules().value() + pending_; }

 private:
  bool TakeRow(const RunIndex::Fit& fit, Granules count, Granules align);
  // Parks an area, if it may.
  bool Park(Placement placement);
  // Makes it pending, or a free run.
  void GiveBack(Placement placement);
  bool KeepPending(Placement placement);
  std::vector<AreaSpan> TakePendingOf(Chunk& chunk);
  // Granules granted, less those cleared: no more than a chunk's, however many.
  [[nodiscard]] std::int64_t demand() const {
    return std::min<std::int64_t>(granted_ - supplied_, most_);
  }
  void NoteSupplied(Granules cleared);

  const ChunkTable& chunks_;
  RunIndex& runs_;
  const ReusePolicy policy_;
  const std::int64_t most_;
  ParkedAreas parked_;
  // Ids of the chunks with pending areas, of those where they are worth clearing, and of
  // those with dirty free runs.
  BitTree to_clear_;
  BitTree due_;
  BitTree dirty_;
  // Areas that wait or are being cleared, in granules of all chunks together.
  std::uint64_t pending_ = 0;
  // Granules granted so far, and those of them for which others have been cleared.
  std::int64_t granted_ = 0;
  std::int64_t supplied_ = 0;
};

}  // namespace percpud

#endif  // PERCPUD_SERVER_PERCPU_INDEX_RECLAIMER_H_

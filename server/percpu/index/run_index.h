// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_SERVER_PERCPU_INDEX_RUN_INDEX_H_
#define PERCPUD_SERVER_PERCPU_INDEX_RUN_INDEX_H_

#include <cstdint>
#include <memory>
#include <optional>

#include "absl/base/attributes.h"
#include "absl/status/status.h"
#include "server/area/area_map.h"
#include "server/base/bit_tree.h"
#include "server/base/units.h"
#include "server/percpu/index/chunk.h"
#include "server/percpu/index/chunk_table.h"
#include "server/percpu/index/fit_index.h"
#include "server/percpu/index/page_reserve.h"
#include "server/percpu/index/placement.h"

namespace percpud {

// The free runs of all chunks: which chunks are searched, where an area fits, and taking
// and giving back what it takes.
//
// A chunk is searched, withdrawn (worked on without the lock), leased, or the reserved
// one, which is searched by itself. Of the searched, sidelined chunks come last.
//
// Guarded by the index lock.
class RunIndex {
 public:
  // Both outlive it. `size`: chunk ids lie below it.
  RunIndex(const ChunkTable& chunks, PageReserve& reserve, std::uint64_t size);

  // --- Searching ---------------------------------------------------------------
  // A free run of a chunk, and where in it an area fits.
  struct Fit {
    Chunk* chunk = nullptr;
    AreaMap::Run run;
  };
  // Where an area of `count` granules fits, in the tightest class of free runs. Exact:
  // nullopt means that no chunk which may serve the request has an aligned free run.
  // REQUIRES: count > 0, align is a power of two.
  [[nodiscard]] std::optional<Fit> Find(Granules count, Granules align, Region region,
                                        bool populated_only) const;
  // The two steps of Find: where a run nearly always is, and wherever it may be.
  [[nodiscard]] std::optional<Fit> FindNear(Granules count, Granules align, Region region,
                                            bool populated_only) const;
  [[nodiscard]] std::optional<Fit> FindFar(Granules count, Granules align, Region region,
                                           bool populated_only) const;

  // --- Taking and giving back ----------------------------------------------------
  // Takes the front of what was found. REQUIRES: it was found since the last change.
  void Take(const Fit& fit, Granules count);
  // Gives up what was taken. REQUIRES: not held.
  void Release(Placement placement);
  // Runs change(watch) on the map of a chunk, and has the search and the counts follow.
  template <typename Change>
  void Update(Chunk& chunk, Change change);

  // --- Which chunks are searched ---------------------------------------------------
  // Has the chunk searched, or no more. REQUIRES: not the reserved chunk.
  void AddToSearch(Chunk& chunk);
  void DropFromSearch(Chunk& chunk);
  // Takes a chunk out of the search while it is worked on without the lock, and puts it
  // back.
  void Withdraw(Chunk& chunk);
  void Readmit(Chunk& chunk);
  [[nodiscard]] std::uint32_t withdrawn() const { return withdrawn_; }
  // A withdrawn chunk is gone, which is neither searched nor withdrawn then.
  void ForgetWithdrawn(Chunk& chunk);
  // Makes a withdrawn, free chunk a client's, with a map at `map`.
  void Lease(Chunk& chunk, Bytes map);
  // Makes it a withdrawn one again; returns where the map was.
  Bytes Unlease(Chunk& chunk);
  [[nodiscard]] std::uint32_t leased() const { return leased_; }
  // Ids of the free dynamic chunks that are searched.
  [[nodiscard]] const BitTree& free_chunks() const { return free_chunks_; }

  // --- Chunks that give pages back ------------------------------------------------
  // After areas of the chunk were freed: queues it to give its empty pages back, and has
  // it searched last until an area is placed there, if it has enough of them and the
  // others have more than `reserve`. Whether it did.
  bool QueueIfEmptying(Chunk& chunk, std::uint32_t reserve);
  // Takes the lowest queued chunk out of the queue and the search; null if none.
  Chunk* WithdrawQueued();
  // An ordinary chunk again. REQUIRES: sidelined.
  void Reintegrate(Chunk& chunk);
  [[nodiscard]] std::uint32_t sidelined() const { return sidelined_; }

  // INTERNAL if the chunk is wrongly searched or not, or wrongly counted free.
  [[nodiscard]] absl::Status CheckChunk(const Chunk& chunk) const;
  // INTERNAL if a size class is wrongly taken for empty or not.
  [[nodiscard]] absl::Status CheckClasses() const;

 private:
  [[nodiscard]] static std::optional<Fit> FitIn(Chunk* chunk, Granules count, Granules align,
                                                bool populated_only);
  [[nodiscard]] std::optional<Fit> FindInClass(ChunkId id, std::uint32_t size_class, Granules count,
                                               Granules align, std::uint32_t tries) const;
  // The lowest fit in backed blocks of the chunk with the lowest id.
  [[nodiscard]] std::optional<Fit> FindPopulated(Granules count, Granules align) const;
  // A searched dynamic chunk became free, or is free no more.
  void NoteFreedom(Chunk& chunk);
  // Has the chunk searched last. REQUIRES: a searched dynamic chunk that is not free.
  void Sideline(Chunk& chunk);

  const ChunkTable& chunks_;
  PageReserve& reserve_;
  FitIndex fits_;
  // The same for sidelined chunks; made when the first of them is.
  std::unique_ptr<FitIndex> sidelined_fits_;
  BitTree free_chunks_;
  std::uint32_t withdrawn_ = 0;
  std::uint32_t leased_ = 0;
  std::uint32_t sidelined_ = 0;
};

}  // namespace percpud

#endif  // PERCPUD_SERVER_PERCPU_INDEX_RUN_INDEX_H_

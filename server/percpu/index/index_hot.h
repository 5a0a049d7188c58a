// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// What every grant and every free goes through, for the compiler to see whole:
// out of line, calls and returned structures were a third of their instructions.

#ifndef PERCPUD_SERVER_PERCPU_INDEX_INDEX_HOT_H_
#define PERCPUD_SERVER_PERCPU_INDEX_INDEX_HOT_H_

#include <cassert>
#include <optional>

#include "absl/base/attributes.h"
#include "server/percpu/index/index.h"

namespace percpud {

// --- Free runs -------------------------------------------------------------------

ABSL_ATTRIBUTE_ALWAYS_INLINE inline std::optional<RunIndex::Fit> RunIndex::FindInClass(
    ChunkId id, std::uint32_t size_class, Granules count, Granules align,
    std::uint32_t tries) const {
  Chunk* chunk = chunks_.At(id);
  const auto run = chunk->areas().FindInClass(size_class, count, align, tries);
  if (!run) return std::nullopt;
  return Fit{chunk, *run};
}

ABSL_ATTRIBUTE_ALWAYS_INLINE inline std::optional<RunIndex::Fit> RunIndex::FindNear(
    Granules count, Granules align, Region region, bool populated_only) const {
  // A few runs of one class in one chunk. With as few chunks of each class (fit_index.h)
  // that finds what there is, but for rare misfits.
  constexpr std::uint32_t kFewRuns = 2;
  if (region != Region::kDynamic || (populated_only && reserve_.partly_populated() > 0))
      [[unlikely]]
    return std::nullopt;
  return fits_.TryFew(count,
                      [&](ChunkId id, std::uint32_t size_class) ABSL_ATTRIBUTE_ALWAYS_INLINE {
                        return FindInClass(id, size_class, count, align, kFewRuns);
                      });
}

template <typename Change>
ABSL_ATTRIBUTE_ALWAYS_INLINE inline void RunIndex::Update(Chunk& chunk, Change change) {
  // The reserved chunk is searched by itself. A withdrawn chunk is searched again when it
  // is readmitted, with what is freed there meanwhile.
  FitIndex* const search = chunk.state().search();
  const std::uint32_t empty = chunk.empty_populated_blocks();
  const std::uint32_t areas = chunk.areas().live();
  change([&](std::uint32_t size_class, bool has_runs) ABSL_ATTRIBUTE_ALWAYS_INLINE {
    if (search != nullptr) search->Set(chunk.id(), size_class, has_runs);
  });
  if (chunk.empty_populated_blocks() != empty) [[unlikely]]
    reserve_.NoteEmptied(chunk, empty);
  if ((areas == 0 || chunk.areas().live() == 0) && search != nullptr &&
      chunk.kind() == ChunkKind::kDynamic) [[unlikely]] {
    NoteFreedom(chunk);
  }
}

ABSL_ATTRIBUTE_ALWAYS_INLINE inline void RunIndex::Take(const Fit& fit, Granules count) {
  Chunk& chunk = *fit.chunk;
  Update(chunk,
         [&](auto watch) ABSL_ATTRIBUTE_ALWAYS_INLINE { chunk.Take(fit.run, count, watch); });
}

ABSL_ATTRIBUTE_ALWAYS_INLINE inline void RunIndex::Release(Placement placement) {
  Chunk& chunk = *placement.chunk;
  assert(chunk.IsLive(placement.area.offset));
  Update(chunk,
         [&](auto watch) ABSL_ATTRIBUTE_ALWAYS_INLINE { chunk.Release(placement.area, watch); });
}

// --- Reuse -----------------------------------------------------------------------

ABSL_ATTRIBUTE_ALWAYS_INLINE inline Placement Reclaimer::TakeParked(Granules count,
                                                                    Granules align) {
  const Placement parked = parked_.Top(count);
  if (!parked || (parked.area.offset.value() & (align.value() - 1)) != 0) return {};
  parked_.Drop(count);
  parked.chunk->Unhold(parked.area.offset);
  return parked;
}

ABSL_ATTRIBUTE_ALWAYS_INLINE inline void Reclaimer::TakeFrom(const RunIndex::Fit& fit,
                                                             Granules count, Granules align) {
  if (!TakeRow(fit, count, align)) runs_.Take(fit, count);
}

// In chunks that are nearly full: parked elsewhere it would be in the way of larger areas,
// and keep a chunk that drains from being free.
ABSL_ATTRIBUTE_ALWAYS_INLINE inline bool Reclaimer::Park(Placement placement) {
  Chunk& chunk = *placement.chunk;
  if (chunk.areas().free() * 8 > chunk.capacity() || !parked_.HasRoom(placement.area.size) ||
      chunk.live() <= 1 || chunk.kind() == ChunkKind::kReserved) {
    return false;
  }
  chunk.Hold(placement.area.offset);
  parked_.Push(placement);
  return true;
}

ABSL_ATTRIBUTE_ALWAYS_INLINE inline bool Reclaimer::Reuse(Placement placement) {
  if (policy_ == ReusePolicy::kParked && Park(placement)) return false;
  GiveBack(placement);
  return true;
}

// --- Grants and frees --------------------------------------------------------------

ABSL_ATTRIBUTE_ALWAYS_INLINE inline Placement Index::Place(Granules count, Granules align,
                                                           Region region, bool populated_only) {
  if (region == Region::kDynamic) {
    if (const Placement parked = reclaimer_.TakeParked(count, align)) return parked;
  }
  return PlaceInRun(count, align, region, populated_only);
}

ABSL_ATTRIBUTE_ALWAYS_INLINE inline void Index::CommitGrant(Placement placement, TagId tag) {
  Chunk& chunk = *placement.chunk;
  assert(chunk.IsLive(placement.area.offset));
  const Bytes size = ToBytes(placement.area.size);
  // Not before: a request that is refused in the end leaves it sidelined.
  if (chunk.state().is_sidelined()) [[unlikely]]
    runs_.Reintegrate(chunk);
  if (tag != kNoTag) chunk.state().SetTag(placement.area.offset, tag);
  chunk.state().NoteArea(placement.area.size);
  // Seldom more or less than ever before: no store, then.
  if (size > counters_.max_alloc_size) [[unlikely]]
    counters_.max_alloc_size = size;
  if (size < counters_.min_alloc_size) [[unlikely]]
    counters_.min_alloc_size = size;
  const std::uint64_t areas = ++counters_.nr_alloc - counters_.nr_dealloc;
  if (areas > counters_.nr_max_alloc) counters_.nr_max_alloc = areas;
  counters_.live_bytes += size;
  reclaimer_.NoteGranted(placement.area.size);
}

ABSL_ATTRIBUTE_ALWAYS_INLINE inline bool Index::CommitFree(Placement placement) {
  Chunk& chunk = *placement.chunk;
  assert(chunk.IsLive(placement.area.offset));
  if (!chunk.state().tags().empty()) [[unlikely]]
    DropTag(chunk, placement.area.offset);
  ++counters_.nr_dealloc;
  counters_.live_bytes -= ToBytes(placement.area.size);
  return reclaimer_.Reuse(placement);
}

}  // namespace percpud

#endif  // PERCPUD_SERVER_PERCPU_INDEX_INDEX_HOT_H_

// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// What every grant and every free goes through, for the compiler to see whole:
// out of line, calls and returned structures were a third of their instructions.

#ifndef PERCPUD_SERVER_PERCPU_INDEX_INDEX_HOT_H_
#define PERCPUD_SERVER_PERCPU_INDEX_INDEX_HOT_H_

#include <algorithm>
#include <optional>

#include "absl/base/attributes.h"
#include "server/percpu/index/index.h"

namespace percpud {

// --- Taking and giving back ------------------------------------------------------

template <typename Change>
ABSL_ATTRIBUTE_ALWAYS_INLINE inline void Index::Update(Chunk& chunk, Change change) {
  // The reserved chunk is searched by itself; and who withdrew a chunk puts it back,
  // with what is freed there meanwhile.
  FitIndex* const fits = chunk.fits;
  const std::uint32_t empty = chunk.empty_populated_blocks();
  const std::uint32_t areas = chunk.areas().live();
  change([&](std::uint32_t size_class, bool has_runs) ABSL_ATTRIBUTE_ALWAYS_INLINE {
    if (fits != nullptr) fits->Set(chunk.id(), size_class, has_runs);
  });
  if (chunk.empty_populated_blocks() != empty) [[unlikely]]
    NoteEmptied(chunk, empty);
  if ((areas == 0 || chunk.areas().live() == 0) && fits != nullptr &&
      chunk.kind() == ChunkKind::kDynamic) [[unlikely]] {
    NoteFreedom(chunk);
  }
}

ABSL_ATTRIBUTE_ALWAYS_INLINE inline Placement Index::TakeParked(Granules count, Granules align) {
  const Placement parked = parked_.Top(count);
  if (!parked || (parked.area.offset.value() & (align.value() - 1)) != 0) return {};
  parked_.Drop(count);
  parked.chunk->Unhold(parked.area.offset);
  return parked;
}

// In chunks that are nearly full: parked elsewhere it would be in the way of larger areas,
// and keep a chunk that drains from being free.
ABSL_ATTRIBUTE_ALWAYS_INLINE inline bool Index::Park(Placement placement) {
  Chunk& chunk = *placement.chunk;
  if (chunk.areas().free() * 8 > chunk.capacity() || !parked_.HasRoom(placement.area.size) ||
      chunk.live() <= 1 || chunk.kind() == ChunkKind::kReserved) {
    return false;
  }
  chunk.Hold(placement.area.offset);
  parked_.Push(placement);
  return true;
}

ABSL_ATTRIBUTE_ALWAYS_INLINE inline Placement Index::Place(Granules count, Granules align,
                                                           Region region, bool populated_only) {
  if (region == Region::kDynamic) {
    if (const Placement parked = TakeParked(count, align)) return parked;
  }
  return PlaceInRun(count, align, region, populated_only);
}

ABSL_ATTRIBUTE_ALWAYS_INLINE inline void Index::CommitGrant(Placement placement, TagId tag) {
  Chunk& chunk = *placement.chunk;
  const Bytes size = ToBytes(placement.area.size);
  // Not before: a request that is refused in the end leaves it sidelined.
  if (chunk.sidelined) [[unlikely]]
    Reintegrate(chunk);
  if (tag != kNoTag) chunk.tags.emplace(placement.area.offset.value(), tag);
  // Seldom more or less than ever before: no store, then.
  if (placement.area.size > chunk.max_area) [[unlikely]]
    chunk.max_area = placement.area.size;
  if (size > counters_.max_alloc_size) [[unlikely]]
    counters_.max_alloc_size = size;
  if (size < counters_.min_alloc_size) [[unlikely]]
    counters_.min_alloc_size = size;
  const std::uint64_t areas = ++counters_.nr_alloc - counters_.nr_dealloc;
  if (areas > counters_.nr_max_alloc) counters_.nr_max_alloc = areas;
  counters_.live_bytes += size;
  granted_ += placement.area.size.value();
}

ABSL_ATTRIBUTE_ALWAYS_INLINE inline bool Index::CommitFree(Placement placement) {
  Chunk& chunk = *placement.chunk;
  if (!chunk.tags.empty()) [[unlikely]]
    DropTag(chunk, placement.area.offset);
  ++counters_.nr_dealloc;
  counters_.live_bytes -= ToBytes(placement.area.size);
  if (reuse_ == ReusePolicy::kParked && Park(placement)) return false;
  GiveBack(placement);
  return true;
}

// --- Pointers --------------------------------------------------------------------

ABSL_ATTRIBUTE_ALWAYS_INLINE inline Chunk* Index::ChunkBefore(PercpuPtr pointer) const {
  const std::optional<ChunkId> id = chunk_map_.Find(Bytes(pointer.value()));
  if (!id) return nullptr;
  Chunk* const chunk = chunks_[id->value()].get();
  return pointer.value() < chunk->memory().base.value() ? nullptr : chunk;
}

ABSL_ATTRIBUTE_ALWAYS_INLINE inline Chunk* Index::OwnerOf(Chunk* chunk, Bytes offset) const {
  if (chunk->kind() != ChunkKind::kFirst) [[likely]]
    return chunk;
  Chunk* const reserved = chunks_[kReservedId.value()].get();
  const bool is_reserved =
      reserved != nullptr && offset >= reserved->range().begin && offset < reserved->range().end;
  return is_reserved ? reserved : chunk;
}

ABSL_ATTRIBUTE_ALWAYS_INLINE inline Placement Index::FindLive(PercpuPtr pointer) const {
  Chunk* chunk = ChunkBefore(pointer);
  if (chunk == nullptr) return {};
  const Bytes offset = Bytes(pointer.value()) - chunk->memory().base;
  // Unit 0 comes first.
  if (offset >= info_.unit_size || offset % kGranuleSize != Bytes(0)) return {};
  chunk = OwnerOf(chunk, offset);
  const Granules at(offset / kGranuleSize);
  if (!chunk->IsLive(at)) return {};
  return {chunk, chunk->areas().AreaFrom(at)};
}

}  // namespace percpud

#endif  // PERCPUD_SERVER_PERCPU_INDEX_INDEX_HOT_H_

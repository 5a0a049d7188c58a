// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// What every grant and every free goes through, for the compiler to see whole:
// out of line, calls and returned structures were a third of their instructions.

#ifndef PERCPUD_SERVER_PERCPU_INDEX_INLINE_H_
#define PERCPUD_SERVER_PERCPU_INDEX_INLINE_H_

#include <algorithm>
#include <optional>

#include "absl/base/attributes.h"
#include "server/percpu/index.h"

namespace percpud {

// --- Searching -----------------------------------------------------------------

ABSL_ATTRIBUTE_ALWAYS_INLINE inline std::optional<Index::Fit> Index::FindInClass(
    ChunkId id, std::uint32_t size_class, Granules count, Granules align,
    std::uint32_t tries) const {
  Chunk* chunk = chunks_[id.value()].get();
  const auto room = chunk->areas().FindInClass(size_class, count, align, tries);
  if (!room) return std::nullopt;
  return Fit{chunk, *room};
}

ABSL_ATTRIBUTE_ALWAYS_INLINE inline std::optional<Index::Fit> Index::FindFit(
    Granules count, Granules align, Region region, bool populated_only) const {
  // Of one chunk's runs of one class. With as few chunks of each class (fit_index.h)
  // that finds what there is, but for rare misfits.
  constexpr std::uint32_t kFewRuns = 4;
  if (region == Region::kDynamic && (!populated_only || partly_populated_ == 0)) [[likely]] {
    const auto fit =
        fits_.TryFew(count, [&](ChunkId id, std::uint32_t size_class) ABSL_ATTRIBUTE_ALWAYS_INLINE {
          return FindInClass(id, size_class, count, align, kFewRuns);
        });
    if (fit) return fit;
  }
  return FindFar(count, align, region, populated_only);
}

// --- Taking and giving back ------------------------------------------------------

template <typename Change>
ABSL_ATTRIBUTE_ALWAYS_INLINE inline void Index::Update(Chunk& chunk, Change change) {
  // The reserved chunk is searched by itself; and who withdrew a chunk puts it back,
  // with what is freed there meanwhile.
  const bool counts = chunk.kind() != ChunkKind::kReserved;
  const bool searched = counts && !chunk.withdrawn;
  const bool was_free = chunk.is_free();
  const std::uint32_t empty = chunk.empty_populated_blocks();
  FitIndex& fits = FitsOf(chunk);
  change([&](std::uint32_t size_class, bool has_runs) ABSL_ATTRIBUTE_ALWAYS_INLINE {
    if (searched) fits.Set(chunk.id(), size_class, has_runs);
  });
  if (chunk.empty_populated_blocks() != empty) [[unlikely]]
    NoteEmptied(chunk, empty);
  if (searched && chunk.kind() == ChunkKind::kDynamic && chunk.is_free() != was_free) [[unlikely]]
    NoteFreedom(chunk);
}

ABSL_ATTRIBUTE_ALWAYS_INLINE inline std::optional<Placement> Index::Place(Granules count,
                                                                          Granules align,
                                                                          Region region,
                                                                          bool populated_only) {
  const std::optional<Fit> fit = FindFit(count, align, region, populated_only);
  if (!fit) return std::nullopt;
  Chunk& chunk = *fit->chunk;
  Update(chunk,
         [&](auto watch) ABSL_ATTRIBUTE_ALWAYS_INLINE { chunk.Take(fit->room, count, watch); });
  return Placement{.chunk = &chunk, .area = {Granules(fit->room.at), count}};
}

ABSL_ATTRIBUTE_ALWAYS_INLINE inline void Index::Release(const Placement& placement) {
  Chunk& chunk = *placement.chunk;
  Update(chunk,
         [&](auto watch) ABSL_ATTRIBUTE_ALWAYS_INLINE { chunk.Release(placement.area, watch); });
}

ABSL_ATTRIBUTE_ALWAYS_INLINE inline void Index::CommitGrant(const Placement& placement, TagId tag) {
  Chunk& chunk = *placement.chunk;
  const Bytes size = ToBytes(placement.area.size);
  // Not before: a request that is refused in the end leaves it sidelined.
  if (chunk.sidelined) [[unlikely]]
    Reintegrate(chunk);
  chunk.MarkUsed(placement.area);
  if (tag != kNoTag) chunk.tags.emplace(placement.area.offset.value(), tag);
  chunk.max_area = std::max(chunk.max_area, placement.area.size);
  ++stats_.nr_alloc;
  stats_.nr_max_alloc = std::max(stats_.nr_max_alloc, ++stats_.nr_cur_alloc);
  stats_.min_alloc_size = std::min(stats_.min_alloc_size, size);
  stats_.max_alloc_size = std::max(stats_.max_alloc_size, size);
  stats_.live_bytes += size;
}

ABSL_ATTRIBUTE_ALWAYS_INLINE inline void Index::CommitFree(const Placement& placement) {
  Chunk& chunk = *placement.chunk;
  if (!chunk.tags.empty()) DropTag(chunk, placement.area.offset);
  ++stats_.nr_dealloc;
  --stats_.nr_cur_alloc;
  stats_.live_bytes -= ToBytes(placement.area.size);
  Release(placement);
}

// --- Pointers --------------------------------------------------------------------

ABSL_ATTRIBUTE_ALWAYS_INLINE inline std::optional<Index::Location> Index::Locate(
    PercpuPtr pointer) const {
  const std::optional<ChunkId> id = page_map_.Find(PageId(pointer.value() >> page_shift_));
  if (!id) return std::nullopt;
  Chunk* chunk = chunks_[id->value()].get();
  const Bytes from_base = Bytes(pointer.value()) - chunk->memory().base;
  // Pages are larger than the last unit where the page is huge.
  if (from_base >= chunk_size_) return std::nullopt;
  Location location{.chunk = chunk, .unit = UnitId(0), .offset = from_base};
  if (from_base >= info_.unit_size) {
    location.unit = info_.UnitAt(from_base);
    location.offset = from_base - info_.unit_offset[location.unit.value()];
  }
  if (Chunk* reserved = chunks_[kReservedId.value()].get();
      reserved != nullptr && chunk->kind() == ChunkKind::kFirst &&
      location.offset >= reserved->range().begin && location.offset < reserved->range().end) {
    location.chunk = reserved;
  }
  return location;
}

ABSL_ATTRIBUTE_ALWAYS_INLINE inline std::optional<Placement> Index::FindLive(
    PercpuPtr pointer) const {
  const std::optional<Location> location = Locate(pointer);
  if (!location || location->unit != UnitId(0)) return std::nullopt;
  Chunk& chunk = *location->chunk;
  const Granules at(location->offset.value() / kGranuleSize.value());
  if (location->offset % kGranuleSize != Bytes(0) || !chunk.IsLive(at)) return std::nullopt;
  return Placement{&chunk, chunk.areas().AreaFrom(at)};
}

}  // namespace percpud

#endif  // PERCPUD_SERVER_PERCPU_INDEX_INLINE_H_

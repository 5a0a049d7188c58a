// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// Where an area fits, and taking and giving back its room: what a grant and a free come
// to where nothing is parked.

#include <limits>
#include <optional>

#include "absl/base/attributes.h"
#include "server/percpu/index/index_hot.h"

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

ABSL_ATTRIBUTE_ALWAYS_INLINE inline std::optional<Index::Fit> Index::FindNear(
    Granules count, Granules align, Region region, bool populated_only) const {
  // Of one chunk's runs of one class. With as few chunks of each class (fit_index.h)
  // that finds what there is, but for rare misfits.
  constexpr std::uint32_t kFewRuns = 2;
  if (region != Region::kDynamic || (populated_only && partly_populated_ > 0)) [[unlikely]]
    return std::nullopt;
  return fits_.TryFew(count,
                      [&](ChunkId id, std::uint32_t size_class) ABSL_ATTRIBUTE_ALWAYS_INLINE {
                        return FindInClass(id, size_class, count, align, kFewRuns);
                      });
}

std::optional<Index::Fit> Index::FindFit(Granules count, Granules align, Region region,
                                         bool populated_only) const {
  if (const auto fit = FindNear(count, align, region, populated_only)) return fit;
  return FindFar(count, align, region, populated_only);
}

// Where FindNear found nothing.
std::optional<Index::Fit> Index::FindFar(Granules count, Granules align, Region region,
                                         bool populated_only) const {
  if (region == Region::kReserved) return FitIn(Find(kReservedId), count, align, populated_only);
  if (populated_only && partly_populated_ > 0) return FindPopulated(count, align);
  const auto find = [this, count, align](ChunkId id, std::uint32_t size_class) {
    return FindInClass(id, size_class, count, align, std::numeric_limits<std::uint32_t>::max());
  };
  if (auto fit = fits_.TryAll(count, find)) return fit;
  return sidelined_ == 0 ? std::nullopt : sidelined_fits_->TryAll(count, find);
}

std::optional<Index::Fit> Index::FitIn(Chunk* chunk, Granules count, Granules align,
                                       bool populated_only) {
  if (chunk == nullptr) return std::nullopt;
  const std::optional<Granules> at = chunk->Find(count, align, populated_only);
  if (!at) return std::nullopt;
  return Fit{chunk, chunk->areas().RoomOf({*at, count})};
}

// The lowest fit in backed blocks of the chunk with the lowest id.
std::optional<Index::Fit> Index::FindPopulated(Granules count, Granules align) const {
  for (Chunk* chunk = FindFrom(kFirstId); chunk != nullptr;
       chunk = FindFrom(ChunkId(chunk->id().value() + 1))) {
    if (chunk->withdrawn || chunk->lease_map) continue;
    if (auto fit = FitIn(chunk, count, align, true)) return fit;
  }
  return std::nullopt;
}

// --- Taking and giving back ------------------------------------------------------

// Whatever it takes: what is parked makes room, at last.
std::optional<Index::Fit> Index::MakeFit(Granules count, Granules align, Region region,
                                         bool populated_only) {
  if (const auto fit = FindFar(count, align, region, populated_only)) return fit;
  if (parked_.empty()) return std::nullopt;
  Unpark(nullptr);
  return FindFit(count, align, region, populated_only);
}

Placement Index::PlaceInRun(Granules count, Granules align, Region region, bool populated_only) {
  std::optional<Fit> fit = FindNear(count, align, region, populated_only);
  if (!fit) [[unlikely]] {
    fit = MakeFit(count, align, region, populated_only);
    if (!fit) return {};
  }
  Chunk& chunk = *fit->chunk;
  if (!TakeRow(*fit, count, align)) {
    Update(chunk,
           [&](auto watch) ABSL_ATTRIBUTE_ALWAYS_INLINE { chunk.Take(fit->room, count, watch); });
  }
  return {.chunk = &chunk, .area = {Granules(fit->room.at), count}};
}

void Index::Release(Placement placement) {
  Chunk& chunk = *placement.chunk;
  Update(chunk,
         [&](auto watch) ABSL_ATTRIBUTE_ALWAYS_INLINE { chunk.Release(placement.area, watch); });
}

}  // namespace percpud

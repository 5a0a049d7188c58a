// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/percpu/index/index_hot.h"

#include <algorithm>
#include <functional>
#include <limits>
#include <memory>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/base/errors.h"
#include "server/percpu/index/index_hot.h"

namespace percpud {

Index::Index(const AllocInfo& info, const ArenaShape& arena, ReusePolicy reuse)
    : info_(info),
      arena_(arena),
      chunk_map_(arena.size, arena.frame_size),
      fits_(MaxChunks(info, arena.size)),
      free_chunks_(MaxChunks(info, arena.size)),
      to_depopulate_(MaxChunks(info, arena.size)),
      reuse_(reuse),
      to_clear_(free_chunks_.size()),
      due_(free_chunks_.size()),
      dirty_(free_chunks_.size()) {
  chunks_.resize(2);
  counters_.min_alloc_size = info.unit_size;
}

std::uint64_t Index::MaxChunks(const AllocInfo& info, Bytes arena_size) {
  // A chunk may end with its last unit that has a CPU.
  return 2 + arena_size / (info.unit_size * info.cpus());
}

// --- Chunks ------------------------------------------------------------------

Chunk& Index::Insert(std::unique_ptr<Chunk> chunk, const ChunkMemory& memory) {
  ChunkId id = chunk->kind() == ChunkKind::kReserved ? kReservedId : kFirstId;
  if (chunk->kind() == ChunkKind::kDynamic) {
    if (unused_ids_.empty()) {
      id = ChunkId(chunks_.size());
      chunks_.emplace_back();
    } else {
      // Lowest first, so that a restart or a replay numbers chunks alike.
      std::pop_heap(unused_ids_.begin(), unused_ids_.end(), std::greater<>());
      id = unused_ids_.back();
      unused_ids_.pop_back();
    }
  }
  chunk->Bind(id, memory);
  Chunk& inserted = *chunk;
  chunks_[id.value()] = std::move(chunk);
  if (inserted.kind() == ChunkKind::kReserved) return inserted;

  if (reuse_ == ReusePolicy::kCleared && inserted.dirty_end() > Granules(0)) dirty_.Set(id.value());
  chunk_map_.Set(memory.base, SizeOf(memory), id);
  AddToSearch(inserted);
  partly_populated_ += std::uint32_t{!inserted.is_populated()};
  populated_blocks_ += inserted.populated_blocks();
  counters_.empty_pop_pages += inserted.empty_populated_blocks();
  ++counters_.chunks_created;
  counters_.nr_max_chunks = std::max(counters_.nr_max_chunks, ++counters_.nr_chunks);
  return inserted;
}

std::unique_ptr<Chunk> Index::Remove(Chunk& chunk) {
  const ChunkId id = chunk.id();
  chunk_map_.Clear(chunk.memory().base, SizeOf(chunk.memory()));
  if (chunk.withdrawn) {
    --withdrawn_;
  } else {
    DropFromSearch(chunk);
  }
  dirty_.Clear(id.value());
  counters_.empty_pop_pages -= chunk.empty_populated_blocks();
  partly_populated_ -= std::uint32_t{!chunk.is_populated()};
  populated_blocks_ -= chunk.populated_blocks();
  ++counters_.chunks_destroyed;
  --counters_.nr_chunks;
  AddUnused(id);
  return std::move(chunks_[id.value()]);
}

void Index::AddUnused(ChunkId id) {
  unused_ids_.push_back(id);
  std::push_heap(unused_ids_.begin(), unused_ids_.end(), std::greater<>());
}

Chunk* Index::Find(ChunkId id) const {
  return id.value() < chunks_.size() ? chunks_[id.value()].get() : nullptr;
}

Chunk* Index::FindFrom(ChunkId id) const {
  for (std::size_t i = id.value(); i < chunks_.size(); ++i) {
    if (chunks_[i] != nullptr) return chunks_[i].get();
  }
  return nullptr;
}

void Index::Withdraw(Chunk& chunk) {
  DropFromSearch(chunk);
  chunk.withdrawn = true;
  ++withdrawn_;
}

// Its empty pages are no reserve while a client has them.
void Index::Lease(Chunk& chunk, Bytes map) {
  chunk.withdrawn = false;
  --withdrawn_;
  ++leased_;
  counters_.empty_pop_pages -= ReserveOf(chunk);
  chunk.lease_map = map;
}

Bytes Index::Unlease(Chunk& chunk) {
  chunk.withdrawn = true;
  ++withdrawn_;
  --leased_;
  const Bytes map = *std::exchange(chunk.lease_map, std::nullopt);
  counters_.empty_pop_pages += ReserveOf(chunk);
  return map;
}

void Index::Readmit(Chunk& chunk) {
  if (chunk.sidelined && chunk.is_free()) Reintegrate(chunk);
  chunk.withdrawn = false;
  --withdrawn_;
  AddToSearch(chunk);
}

void Index::NoteEmptied(const Chunk& chunk, std::uint32_t before) {
  if (chunk.kind() == ChunkKind::kReserved || chunk.lease_map || chunk.sidelined) return;
  counters_.empty_pop_pages += chunk.empty_populated_blocks();
  counters_.empty_pop_pages -= before;
}

void Index::NoteFreedom(Chunk& chunk) {
  if (!chunk.is_free()) {
    free_chunks_.Clear(chunk.id().value());
  } else {
    if (chunk.sidelined) Reintegrate(chunk);
    free_chunks_.Set(chunk.id().value());
  }
}

void Index::AddToSearch(Chunk& chunk) {
  chunk.fits = chunk.sidelined ? sidelined_fits_.get() : &fits_;
  chunk.fits->Add(chunk.id(), chunk.areas());
  if (chunk.kind() == ChunkKind::kDynamic && chunk.is_free()) free_chunks_.Set(chunk.id().value());
}

void Index::DropFromSearch(Chunk& chunk) {
  chunk.fits->Remove(chunk.id(), chunk.areas());
  chunk.fits = nullptr;
  free_chunks_.Clear(chunk.id().value());
}

// --- Areas -------------------------------------------------------------------

void Index::DropTag(Chunk& chunk, Granules at) {
  const auto tag = chunk.tags.find(at.value());
  if (tag == chunk.tags.end()) return;
  tags_.Release(tag->second, 1);
  chunk.tags.erase(tag);
}

// --- Pointers ----------------------------------------------------------------

std::optional<Index::Location> Index::Locate(PercpuPtr pointer) const {
  Chunk* const chunk = ChunkBefore(pointer);
  if (chunk == nullptr) return std::nullopt;
  const ChunkMemory& memory = chunk->memory();
  Location location{
      .chunk = chunk, .unit = UnitId(0), .offset = Bytes(pointer.value()) - memory.base};
  if (location.offset >= info_.unit_size) {
    // Behind the chunk there may be something else, and between its units nothing.
    if (location.offset >= SizeOf(memory)) return std::nullopt;
    location.unit = info_.UnitAt(location.offset);
    location.offset -= info_.unit_offset[location.unit.value()];
    if (location.offset >= info_.unit_size) return std::nullopt;
  }
  location.chunk = OwnerOf(chunk, location.offset);
  return location;
}

absl::StatusOr<Placement> Index::FindArea(PercpuPtr pointer) const {
  if (const Placement live = FindLive(pointer)) return live;
  const std::optional<Location> location = Locate(pointer);
  if (!location) {
    if (pointer.value() >= arena_.size.value()) {
      return errors::PointerOutsideArena(pointer, arena_.size);
    }
    return errors::PointerInNoChunk(pointer);
  }
  if (location->unit != UnitId(0)) return errors::PointerNotInUnitZero(pointer, location->unit);
  Chunk& chunk = *location->chunk;
  const Granules at(location->offset.value() / kGranuleSize.value());
  if (const std::optional<AreaSpan> area = chunk.LiveAt(at)) {
    return errors::PointerInsideArea(pointer, chunk.PointerTo(area->offset), ToBytes(area->size));
  }
  return errors::AreaNotLive(pointer, chunk.id());
}

}  // namespace percpud

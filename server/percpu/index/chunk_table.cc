// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/percpu/index/chunk_table.h"

#include <algorithm>
#include <functional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/base/errors.h"

namespace percpud {

ChunkTable::ChunkTable(const AllocInfo& info, const ArenaShape& arena)
    : info_(info), arena_(arena), chunk_map_(arena.size, arena.frame_size), chunks_(2) {}

std::uint64_t ChunkTable::MaxChunks(const AllocInfo& info, Bytes arena_size) {
  // A chunk may end with its last unit that has a CPU.
  return 2 + arena_size / (info.unit_size * info.cpus());
}

Chunk& ChunkTable::Insert(std::unique_ptr<Chunk> chunk, const ChunkMemory& memory) {
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
  assert(chunks_[id.value()] == nullptr);
  chunk->Bind(id, memory);
  Chunk& inserted = *chunk;
  chunks_[id.value()] = std::move(chunk);
  if (inserted.kind() != ChunkKind::kReserved) chunk_map_.Set(memory.base, SizeOf(memory), id);
  return inserted;
}

std::unique_ptr<Chunk> ChunkTable::Remove(Chunk& chunk) {
  assert(Find(chunk.id()) == &chunk);
  const ChunkId id = chunk.id();
  chunk_map_.Clear(chunk.memory().base, SizeOf(chunk.memory()));
  AddUnused(id);
  return std::move(chunks_[id.value()]);
}

void ChunkTable::SkipTo(ChunkId id) {
  chunks_.resize(std::max<std::size_t>(chunks_.size(), id.value()));
}

void ChunkTable::AddUnused(ChunkId id) {
  unused_ids_.push_back(id);
  std::push_heap(unused_ids_.begin(), unused_ids_.end(), std::greater<>());
}

Chunk* ChunkTable::FindFrom(ChunkId id) const {
  for (std::size_t i = id.value(); i < chunks_.size(); ++i) {
    if (chunks_[i] != nullptr) return chunks_[i].get();
  }
  return nullptr;
}

std::optional<ChunkTable::Location> ChunkTable::Locate(PercpuPtr pointer) const {
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

absl::StatusOr<Placement> ChunkTable::FindArea(PercpuPtr pointer) const {
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

absl::Status ChunkTable::CheckAddresses(const Chunk& chunk) const {
  const Bytes base = chunk.memory().base;
  const Bytes last = base + SizeOf(chunk.memory()) - Bytes(1);
  // The reserved chunk lies in the first one.
  const ChunkId id = chunk.kind() == ChunkKind::kReserved ? kFirstId : chunk.id();
  if (chunk_map_.Find(base) == id && chunk_map_.Find(last) == id) return absl::OkStatus();
  return absl::InternalError(
      absl::StrCat("index: chunk ", chunk.id().value(), " is not found by its addresses"));
}

}  // namespace percpud

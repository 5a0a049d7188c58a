// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_SERVER_PERCPU_INDEX_CHUNK_TABLE_H_
#define PERCPUD_SERVER_PERCPU_INDEX_CHUNK_TABLE_H_

#include <cassert>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "absl/base/attributes.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/arena/chunk_map.h"
#include "server/base/units.h"
#include "server/percpu/index/chunk.h"
#include "server/percpu/index/placement.h"
#include "server/percpu/layout/alloc_info.h"

namespace percpud {

// Which chunks there are: by id, and by the addresses of the arena.
//
// Chunk ids are small and dense: the lowest unused one is taken, as with file
// descriptors. kReservedId and kFirstId are there from the start.
//
// Owns the chunks. Guarded by the index lock.
class ChunkTable {
 public:
  static constexpr ChunkId kReservedId{0};
  static constexpr ChunkId kFirstId{1};

  // The arena that chunks lie in, and how they do (Backend::frame_size).
  struct ArenaShape {
    Bytes size;
    Bytes page_size;
    Bytes frame_size;
  };
  // Where a byte lies.
  struct Location {
    Chunk* chunk = nullptr;
    UnitId unit;
    // Offset in the unit.
    Bytes offset;
  };

  // `info` outlives the table.
  ChunkTable(const AllocInfo& info, const ArenaShape& arena);

  // Chunk ids lie below this: as many as the arena has room for, and the two that are
  // there from the start.
  static std::uint64_t MaxChunks(const AllocInfo& info, Bytes arena_size);

  // --- By id -------------------------------------------------------------------
  // Takes the chunk in: gives it an id and a place in the map.
  Chunk& Insert(std::unique_ptr<Chunk> chunk, const ChunkMemory& memory);
  // Gives it up. REQUIRES: a dynamic chunk of this table.
  std::unique_ptr<Chunk> Remove(Chunk& chunk);
  // Has the next Insert number its chunk `id`: ids are restored ascending, and what was
  // passed over is used again once AddUnused says so.
  void SkipTo(ChunkId id);
  void AddUnused(ChunkId id);
  // Null if there is none.
  [[nodiscard]] Chunk* Find(ChunkId id) const {
    return id.value() < chunks_.size() ? chunks_[id.value()].get() : nullptr;
  }
  // The chunk with the lowest id at or after `id`; null if there is none.
  [[nodiscard]] Chunk* FindFrom(ChunkId id) const;
  // REQUIRES: there is such a chunk.
  [[nodiscard]] Chunk* At(ChunkId id) const {
    assert(Find(id) != nullptr);
    return chunks_[id.value()].get();
  }

  // --- By address --------------------------------------------------------------
  // Where a byte of any unit lies; nullopt if in no chunk. In the first block, the
  // reserved chunk owns its part of the unit and the first chunk the rest, static part
  // included.
  [[nodiscard]] std::optional<Location> Locate(PercpuPtr pointer) const;
  // The live area that starts at `pointer`; no area if none does.
  [[nodiscard]] ABSL_ATTRIBUTE_ALWAYS_INLINE Placement FindLive(PercpuPtr pointer) const {
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
  // The same, or why none does. Errors: those of a pointer (base/errors.h).
  [[nodiscard]] absl::StatusOr<Placement> FindArea(PercpuPtr pointer) const;

  // INTERNAL unless the chunk is found by its addresses.
  [[nodiscard]] absl::Status CheckAddresses(const Chunk& chunk) const;

 private:
  // The chunk that the byte may belong to, and whose base lies at or before it; null if
  // there is none.
  [[nodiscard]] ABSL_ATTRIBUTE_ALWAYS_INLINE Chunk* ChunkBefore(PercpuPtr pointer) const {
    const std::optional<ChunkId> id = chunk_map_.Find(Bytes(pointer.value()));
    if (!id) return nullptr;
    Chunk* const chunk = chunks_[id->value()].get();
    return pointer.value() < chunk->memory().base.value() ? nullptr : chunk;
  }
  // Who owns a byte of a unit of that chunk: the reserved chunk, where it lies in the
  // first.
  [[nodiscard]] ABSL_ATTRIBUTE_ALWAYS_INLINE Chunk* OwnerOf(Chunk* chunk, Bytes offset) const {
    if (chunk->kind() != ChunkKind::kFirst) [[likely]]
      return chunk;
    Chunk* const reserved = chunks_[kReservedId.value()].get();
    const bool is_reserved =
        reserved != nullptr && offset >= reserved->range().begin && offset < reserved->range().end;
    return is_reserved ? reserved : chunk;
  }
  // Bytes of the pages that are the chunk's own.
  [[nodiscard]] Bytes SizeOf(const ChunkMemory& memory) const {
    return ToBytes(memory.pages, arena_.page_size);
  }

  const AllocInfo& info_;
  const ArenaShape arena_;
  ChunkMap chunk_map_;
  // Indexed by id; null where the id is unused.
  std::vector<std::unique_ptr<Chunk>> chunks_;
  std::vector<ChunkId> unused_ids_;
};

}  // namespace percpud

#endif  // PERCPUD_SERVER_PERCPU_INDEX_CHUNK_TABLE_H_

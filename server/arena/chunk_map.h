// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_SERVER_ARENA_CHUNK_MAP_H_
#define PERCPUD_SERVER_ARENA_CHUNK_MAP_H_

#include <bit>
#include <cstdint>
#include <optional>

#include "server/base/units.h"
#include "server/base/zeroed_array.h"

namespace percpud {

// Says which chunk a byte of the arena may belong to, in O(1). The kernel has a back
// pointer in every page of a chunk. Here there is one for every frame: the backend
// promises that a frame holds bytes of one chunk at most. Where blocks are powers of two
// a chunk has one or two frames. By pages it would have 256 entries with 16 CPUs, and
// 4096 with 256.
//
// Thread compatible: readers and writers are kept apart by the allocator's index lock.
class ChunkMap {
 public:
  // REQUIRES: `frame` is a power of two.
  ChunkMap(Bytes arena_size, Bytes frame)
      : shift_(static_cast<unsigned>(std::countr_zero(frame.value()))),
        owner_((arena_size + frame - Bytes(1)) / frame) {}

  // All frames that the chunk's bytes touch. REQUIRES: they exist, and size > 0.
  void Set(Bytes base, Bytes size, ChunkId chunk);
  void Clear(Bytes base, Bytes size);
  // Returns the chunk that owns the frame of `at`; nullopt if nobody does, or beyond the
  // last frame. The chunk may not cover the whole frame.
  [[nodiscard]] std::optional<ChunkId> Find(Bytes at) const {
    const std::uint64_t frame = at.value() >> shift_;
    if (frame >= owner_.size()) return std::nullopt;
    const ChunkId::Rep owner = owner_[frame];
    if (owner == kNone) return std::nullopt;
    return ChunkId(owner - 1);
  }

 private:
  static constexpr ChunkId::Rep kNone = 0;

  void Fill(Bytes base, Bytes size, ChunkId::Rep owner);

  const unsigned shift_;
  // Chunk id + 1, so that untouched memory means "no chunk".
  ZeroedArray<ChunkId::Rep> owner_;
};

}  // namespace percpud

#endif  // PERCPUD_SERVER_ARENA_CHUNK_MAP_H_

// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_SERVER_PERCPU_ALLOCATOR_CLEANER_H_
#define PERCPUD_SERVER_PERCPU_ALLOCATOR_CLEANER_H_

#include <cstddef>
#include <span>

#include "server/area/area_map.h"
#include "server/base/units.h"
#include "server/percpu/allocator/core.h"

namespace percpud {

// Sees to it that granted memory reads zero: clears what was freed behind those who
// free it (index/reclaimer.h), chunks that nobody uses, and after a restart whatever no
// area covers. A view over the core, which outlives it.
//
// REQUIRES of every method: the index lock is not held; but for Zero, the grow lock is.
class Cleaner {
 public:
  explicit Cleaner(AllocatorCore& core) : core_(core) {}

  // Clears parts of a chunk in every unit that has a CPU; returns the bytes cleared.
  // REQUIRES: nobody else has them. There is at least one part.
  Bytes Zero(const ChunkMemory& memory, std::span<const AreaSpan> parts) const;

  // Clears one chunk's pending areas, and gives them to the index for reuse. Takes a
  // chunk where they are worth it or, if there is none and with `any`, the first that
  // has some. False if there is no such chunk.
  bool ClearPending(bool any);
  // Clears dirty free runs of chunks in use, a chunk's worth at most; true if there may
  // be more.
  bool ClearDirty();
  // Clears one dirty free chunk; false if there is none. Nobody can be placed in it
  // meanwhile: a request that needs the chunk waits at the grow lock rather than growing.
  bool CleanOneFreeChunk();
  // Clears what is dirty in a withdrawn chunk.
  void CleanWithdrawn(Chunk& chunk);

 private:
  // Where a part of a unit lies in this process.
  [[nodiscard]] std::byte* CopyOf(const ChunkMemory& memory, std::size_t unit,
                                  const AreaSpan& part) const {
    const Bytes at = memory.base + core_.info().unit_offset[unit] + ToBytes(part.offset);
    return core_.pages().base() + at.value();
  }
  void ZeroCopies(const ChunkMemory& memory, std::span<const AreaSpan> parts) const;
  // The same, passing over pages that somebody took away.
  void ZeroByPages(const ChunkMemory& memory, std::span<const AreaSpan> parts) const;
  void Clear(const Index::Clearing& clearing);

  AllocatorCore& core_;
};

}  // namespace percpud

#endif  // PERCPUD_SERVER_PERCPU_ALLOCATOR_CLEANER_H_

// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_SERVER_PERCPU_SLOTS_H_
#define PERCPUD_SERVER_PERCPU_SLOTS_H_

#include <cstdint>
#include <vector>

#include "server/base/bit_tree.h"
#include "server/base/units.h"

namespace percpud {

// Chunks by the size class of their longest free run, so that the tightest
// chunk that can serve a request is looked at first. Class k holds runs of
// 2^(k+2) to 2^(k+3)-1 bytes, as the kernel's slots do; class 0 is full chunks
// and the last class entirely free ones.
//
// Within a class the lowest chunk id comes first, where the kernel has list
// order: allocations gather in old chunks and young ones drain, and placement
// depends on nothing but the sequence of operations.
//
// Guarded by the index lock.
class Slots {
 public:
  explicit Slots(Bytes unit_size);

  // The class of a run of that length. REQUIRES: not an entirely free chunk.
  [[nodiscard]] static std::uint32_t SlotOf(Bytes longest_run);
  [[nodiscard]] std::uint32_t free_slot() const { return count() - 1; }
  [[nodiscard]] std::uint32_t count() const { return static_cast<std::uint32_t>(slots_.size()); }
  // The shortest run of the class.
  [[nodiscard]] Bytes MinRun(std::uint32_t slot) const;

  void Insert(std::uint32_t slot, ChunkId chunk);
  void Remove(std::uint32_t slot, ChunkId chunk);
  [[nodiscard]] const BitTree& At(std::uint32_t slot) const { return slots_[slot]; }
  // The lowest class at or after `slot` that has a chunk; count() if none.
  [[nodiscard]] std::uint32_t NextOccupied(std::uint32_t slot) const;

 private:
  const Bytes unit_size_;
  // Per class, the ids of its chunks.
  std::vector<BitTree> slots_;
  // Bit i: class i has a chunk. A unit of 1 GiB has 30 classes.
  std::uint64_t occupied_ = 0;
};

}  // namespace percpud

#endif  // PERCPUD_SERVER_PERCPU_SLOTS_H_

// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_SERVER_PERCPU_INDEX_PAGE_RESERVE_H_
#define PERCPUD_SERVER_PERCPU_INDEX_PAGE_RESERVE_H_

#include <cassert>
#include <cstdint>
#include <optional>

#include "server/base/bit_tree.h"
#include "server/base/units.h"
#include "server/percpu/index/chunk.h"

namespace percpud {

// How much of the chunks is backed, how many backed pages are empty, and which chunks
// are to give theirs back. Counts blocks (pages of the unit), each in every unit.
//
// Guarded by the index lock.
class PageReserve {
 public:
  // `chunks`: ids lie below it.
  explicit PageReserve(std::uint64_t chunks) : to_depopulate_(chunks) {}

  // --- Counts ------------------------------------------------------------------
  // The blocks of a chunk that are a reserve: backed and empty. Those of a leased or
  // sidelined chunk are none, and the reserved chunk's count with the first.
  [[nodiscard]] static std::uint64_t ReserveOf(const Chunk& chunk) {
    return IsNoReserve(chunk) ? 0 : chunk.empty_populated_blocks();
  }
  [[nodiscard]] std::uint64_t empty_blocks() const { return empty_blocks_; }
  // Backed blocks of all chunks, leased ones too.
  [[nodiscard]] std::uint64_t populated_blocks() const { return populated_blocks_; }
  // Chunks with a block that is not backed.
  [[nodiscard]] std::uint32_t partly_populated() const { return partly_populated_; }
  // Blocks that were given back so far.
  [[nodiscard]] std::uint64_t blocks_depopulated() const { return blocks_depopulated_; }

  // --- Changes -----------------------------------------------------------------
  // A chunk comes, or goes. REQUIRES: not the reserved chunk.
  void Add(const Chunk& chunk);
  void Remove(const Chunk& chunk);
  void NotePopulated(Chunk& chunk, BlockRange blocks) {
    Recount(chunk, [&] { chunk.MarkPopulated(blocks); });
  }
  // REQUIRES: withdrawn, and no area lives in them.
  void NoteDepopulated(Chunk& chunk, BlockRange blocks) {
    Recount(chunk, [&] { chunk.MarkUnpopulated(blocks); });
    blocks_depopulated_ += blocks.count;
  }
  // The chunk had `before` empty blocks, and has others now.
  void NoteEmptied(const Chunk& chunk, std::uint32_t before) {
    if (IsNoReserve(chunk)) return;
    empty_blocks_ += chunk.empty_populated_blocks();
    empty_blocks_ -= before;
  }
  // Runs change(), which alters what is backed of the chunk or what its pages count as.
  template <typename Change>
  void Recount(Chunk& chunk, Change change) {
    Remove(chunk);
    change();
    Add(chunk);
  }

  // --- Chunks that are to give pages back ------------------------------------------
  void Queue(ChunkId chunk) { to_depopulate_.Set(chunk.value()); }
  void Unqueue(ChunkId chunk) { to_depopulate_.Clear(chunk.value()); }
  [[nodiscard]] bool IsQueued(ChunkId chunk) const { return to_depopulate_.Test(chunk.value()); }
  // The lowest that is queued, out of the queue.
  std::optional<ChunkId> TakeQueued();

 private:
  static bool IsNoReserve(const Chunk& chunk) {
    return chunk.kind() == ChunkKind::kReserved || chunk.state().lease_map() ||
           chunk.state().is_sidelined();
  }

  std::uint64_t empty_blocks_ = 0;
  std::uint64_t populated_blocks_ = 0;
  std::uint32_t partly_populated_ = 0;
  std::uint64_t blocks_depopulated_ = 0;
  BitTree to_depopulate_;
};

}  // namespace percpud

#endif  // PERCPUD_SERVER_PERCPU_INDEX_PAGE_RESERVE_H_

// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// The index of backends that back blocks one by one: which chunks have pages to
// give back, and what that does to the search and the counters.

#include <memory>
#include <optional>

#include "server/percpu/index/index.h"

namespace percpud {

template <typename Change>
void Index::CountPopulation(Chunk& chunk, Change change) {
  counters_.empty_pop_pages -= ReserveOf(chunk);
  populated_blocks_ -= chunk.populated_blocks();
  partly_populated_ -= std::uint32_t{!chunk.is_populated()};
  change();
  counters_.empty_pop_pages += ReserveOf(chunk);
  populated_blocks_ += chunk.populated_blocks();
  partly_populated_ += std::uint32_t{!chunk.is_populated()};
}

void Index::Sideline(Chunk& chunk) {
  if (sidelined_fits_ == nullptr) {
    sidelined_fits_ = std::make_unique<FitIndex>(fits_.SameShape());
  }
  counters_.empty_pop_pages -= ReserveOf(chunk);
  DropFromSearch(chunk);
  chunk.sidelined = true;
  ++sidelined_;
  AddToSearch(chunk);
}

// The kernel's rule (mm/percpu.c, pcpu_should_reclaim_chunk): once a quarter of a
// chunk is empty it is worth the trouble, and what empties later goes at once.
bool Index::QueueIfEmptying(Chunk& chunk, std::uint32_t reserve) {
  if (chunk.kind() != ChunkKind::kDynamic || chunk.is_free() || chunk.withdrawn) return false;
  const std::uint32_t empty = chunk.empty_populated_blocks();
  if (chunk.sidelined) {
    if (empty == 0 || IsToDepopulate(chunk)) return false;
  } else {
    if (empty * 4 < chunk.blocks() || counters_.empty_pop_pages <= reserve + empty) return false;
    Sideline(chunk);
  }
  to_depopulate_.Set(chunk.id().value());
  return true;
}

Chunk* Index::WithdrawToDepopulate() {
  const std::optional<std::uint64_t> id = to_depopulate_.FindFirst();
  if (!id) return nullptr;
  to_depopulate_.Clear(*id);
  Chunk* chunk = Find(ChunkId(*id));
  Withdraw(*chunk);
  return chunk;
}

void Index::Reintegrate(Chunk& chunk) {
  if (!chunk.withdrawn) DropFromSearch(chunk);
  chunk.sidelined = false;
  --sidelined_;
  if (!chunk.withdrawn) AddToSearch(chunk);
  to_depopulate_.Clear(chunk.id().value());
  counters_.empty_pop_pages += ReserveOf(chunk);
}

void Index::NotePopulated(Chunk& chunk, BlockRange blocks) {
  CountPopulation(chunk, [&] { chunk.MarkPopulated(blocks); });
}

void Index::NoteDepopulated(Chunk& chunk, BlockRange blocks) {
  CountPopulation(chunk, [&] { chunk.MarkUnpopulated(blocks); });
  counters_.blocks_depopulated += blocks.count;
}

}  // namespace percpud

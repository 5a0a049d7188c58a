// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// The background half of the allocator: what the kernel's balance worker does,
// with hysteresis, and clearing freed memory before anyone asks for it.

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/status/status.h"
#include "server/percpu/allocator/allocator.h"

namespace percpud {

bool Allocator::ReserveLow() const {
  const bool few = index_.stats().empty_pop_pages < options_.balance.empty_pages_low;
  return reserve_wanted_ || (reserve_in_use_ && few);
}

// `freed`: one more chunk is free, to be cleaned or, if too many are, let go; or
// has pages to give back.
bool Allocator::IsBalanceDue(bool freed) {
  const BalancePolicy& policy = options_.balance;
  const bool reserve_due = ReserveLow() && !reserve_blocked_ && policy.empty_pages_high > 0;
  const bool release_due = freed && (options_.zero || gives_pages_back_ ||
                                     index_.free_chunks().count() > policy.free_chunks_min);
  if (balance_pending_ || !(reserve_due || release_due)) return false;
  balance_pending_ = true;
  return true;
}

absl::Time Allocator::Balance() {
  RankedLock grow(&grow_mu_);
  {
    RankedLock index(&index_mu_);
    balance_pending_ = false;
  }
  while (ClearUncleared(/*any=*/false)) {
  }
  while (true) {
    std::optional<ChunkId> releasable;
    {
      RankedLock index(&index_mu_);
      releasable = PickReleasable();
    }
    if (!releasable) break;
    DestroyIfFree(*releasable);
    spare_.NoteReleased();
  }
  while (CleanOneFreeChunk()) {
  }
  ReclaimPages();
  FillReserve();
  if (ClearDirty()) return options_.clock->Now();
  RankedLock index(&index_mu_);
  return NextDue();
}

// The youngest free chunk that is one too many, or one too old.
std::optional<ChunkId> Allocator::PickReleasable() {
  const BalancePolicy& policy = options_.balance;
  const BitTree& free = index_.free_chunks();
  if (free.count() <= policy.free_chunks_min) return std::nullopt;
  const absl::Time now = options_.clock->Now();
  const bool too_many = free.count() > spare_.Most(policy, index_.stats().nr_chunks, now);
  const absl::Time oldest = now - policy.free_chunk_age;
  std::optional<ChunkId> pick;
  for (auto id = free.FindFirst(); id; id = free.FindFrom(*id + 1)) {
    const Chunk& chunk = *index_.Find(ChunkId(*id));
    if (chunk.pins == 0 && (too_many || chunk.free_since <= oldest)) pick = chunk.id();
  }
  return pick;
}

void Allocator::ReclaimPages() {
  if (!gives_pages_back_) return;
  // Each free chunk once: whether its pages could be given back or not.
  ChunkId next = Index::kFirstId;
  while (true) {
    Chunk* chunk = nullptr;
    {
      RankedLock index(&index_mu_);
      chunk = index_.WithdrawToDepopulate();
      if (chunk == nullptr) chunk = WithdrawBackedFreeChunk(next);
    }
    if (chunk == nullptr) return;
    DepopulateWithdrawn(*chunk);
    RankedLock index(&index_mu_);
    // The others' reserve fell short, so this one's pages are wanted after all.
    const bool wanted = index_.stats().empty_pop_pages < options_.balance.empty_pages_high;
    if (chunk->sidelined && wanted) index_.Reintegrate(*chunk);
    index_.Restore(*chunk);
  }
}

// The lowest free chunk at or after `next` that has pages beyond the reserve, out of
// the search; null if there is none. `next` is then behind it.
Chunk* Allocator::WithdrawBackedFreeChunk(ChunkId& next) {
  if (index_.stats().empty_pop_pages <= options_.balance.empty_pages_high) return nullptr;
  const BitTree& free = index_.free_chunks();
  for (auto id = free.FindFrom(next.value()); id; id = free.FindFrom(next.value())) {
    next = ChunkId(*id + 1);
    Chunk* chunk = index_.Find(ChunkId(*id));
    if (chunk->populated_blocks() == 0) continue;
    index_.Withdraw(*chunk);
    return chunk;
  }
  return nullptr;
}

// From the end down, so that what stays is low. Areas may be freed meanwhile, but
// none is placed.
void Allocator::DepopulateWithdrawn(Chunk& chunk) {
  for (std::uint32_t end = chunk.blocks(); end > 0;) {
    BlockRange run;
    {
      RankedLock index(&index_mu_);
      // Whoever still touches an area that was freed; from here on nobody can
      // find a way into the run.
      const auto left = [&chunk] { return chunk.pins == 0; };
      index_mu_.Await(left);
      run = PickEmpty(chunk, end);
    }
    if (run.count == 0) return;
    end = run.first;
    // What could not be given back stays as it was.
    if (!backend_->DepopulateChunk(chunk.memory(), run).ok()) continue;
    RankedLock index(&index_mu_);
    index_.NoteDepopulated(chunk, run);
  }
}

// The reserve is kept: that of others, for a sidelined chunk is none.
BlockRange Allocator::PickEmpty(const Chunk& chunk, std::uint32_t end) const {
  const std::uint64_t reserve = index_.stats().empty_pop_pages;
  const std::uint64_t wanted = options_.balance.empty_pages_high;
  if (chunk.sidelined) {
    return reserve < wanted ? BlockRange{} : chunk.LastEmptyPopulated(end, chunk.blocks());
  }
  return reserve <= wanted ? BlockRange{} : chunk.LastEmptyPopulated(end, reserve - wanted);
}

// Empty pages for requests that may not grow: by populating what chunks have,
// else by one more chunk.
void Allocator::FillReserve() {
  const BalancePolicy& policy = options_.balance;
  {
    RankedLock index(&index_mu_);
    if (!ReserveLow()) return;
    reserve_wanted_ = false;
  }
  while (true) {
    {
      RankedLock index(&index_mu_);
      if (index_.stats().empty_pop_pages >= policy.empty_pages_high) return;
    }
    if (gives_pages_back_ && PopulateOneRun()) continue;
    const absl::StatusOr<ChunkId> chunk = CreateChunk();
    RankedLock index(&index_mu_);
    if (!chunk.ok()) {
      reserve_blocked_ = true;
      return;
    }
    ++index_.mutable_stats().chunks_created_ahead;
  }
}

// Backs one unpopulated run of the first chunk that has one.
bool Allocator::PopulateOneRun() {
  Chunk* chunk = nullptr;
  BlockRange missing;
  {
    RankedLock index(&index_mu_);
    for (chunk = index_.FindFrom(Index::kFirstId); chunk != nullptr;
         chunk = index_.FindFrom(ChunkId(chunk->id().value() + 1))) {
      // A sidelined chunk's pages would be given back again.
      if (chunk->sidelined) continue;
      missing = chunk->UnpopulatedIn({Granules(0), chunk->areas().size()});
      if (missing.count > 0) break;
    }
  }
  if (chunk == nullptr) return false;
  missing.count = std::min(missing.count, options_.balance.empty_pages_high);
  if (!backend_->PopulateChunk(chunk->memory(), missing).ok()) return false;
  RankedLock index(&index_mu_);
  index_.NotePopulated(*chunk, missing);
  return true;
}

absl::Time Allocator::NextDue() const {
  const BitTree& free = index_.free_chunks();
  if (free.count() <= options_.balance.free_chunks_min) return absl::InfiniteFuture();
  absl::Time oldest = absl::InfiniteFuture();
  for (auto id = free.FindFirst(); id; id = free.FindFrom(*id + 1)) {
    oldest = std::min(oldest, index_.Find(ChunkId(*id))->free_since);
  }
  return oldest + options_.balance.free_chunk_age;
}

}  // namespace percpud

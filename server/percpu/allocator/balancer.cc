// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/percpu/allocator/balancer.h"

#include <algorithm>
#include <cstdint>
#include <optional>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace percpud {

BootTime Balancer::Pass() {
  RankedLock grow(&core_.grow_mu);
  {
    RankedLock lock(&core_.index_mu);
    core_.signal().BeginPass();
  }
  while (cleaner_.ClearPending(/*any=*/false)) {
  }
  while (true) {
    std::optional<ChunkId> releasable;
    {
      RankedLock lock(&core_.index_mu);
      releasable = PickReleasable();
    }
    if (!releasable) break;
    grower_.DestroyIfFree(*releasable);
    core_.spare().NoteReleased();
  }
  while (cleaner_.CleanOneFreeChunk()) {
  }
  ReclaimPages();
  FillReserve();
  const BootTime look = core_.strays().Look(core_);
  if (cleaner_.ClearDirty()) return core_.options().clock->Now();
  RankedLock lock(&core_.index_mu);
  return std::min(look, NextDue());
}

std::optional<ChunkId> Balancer::PickReleasable() {
  const BalancePolicy& policy = core_.options().balance;
  const BitTree& free = core_.index().runs().free_chunks();
  if (free.count() <= policy.free_chunks_min) return std::nullopt;
  const BootTime now = core_.options().clock->Now();
  const bool too_many =
      free.count() > core_.spare().MaxKept(policy, core_.index().counters().nr_chunks, now);
  const BootTime oldest = now - policy.free_chunk_age;
  std::optional<ChunkId> pick;
  for (auto id = free.FindFirst(); id; id = free.FindFrom(*id + 1)) {
    const Chunk& chunk = *core_.index().chunks().Find(ChunkId(*id));
    if (chunk.state().pins() == 0 && (too_many || chunk.state().free_since() <= oldest))
      pick = chunk.id();
  }
  return pick;
}

void Balancer::ReclaimPages() {
  if (!core_.gives_pages_back()) return;
  // Each free chunk once: whether its pages could be given back or not.
  ChunkId next = Index::kFirstId;
  while (true) {
    Chunk* chunk = nullptr;
    {
      RankedLock lock(&core_.index_mu);
      chunk = core_.index().runs().WithdrawQueued();
      if (chunk == nullptr) chunk = WithdrawBackedFreeChunk(next);
    }
    if (chunk == nullptr) return;
    DepopulateWithdrawn(*chunk);
    RankedLock lock(&core_.index_mu);
    // The reserve of the others fell short: this chunk's pages are wanted after all.
    const bool wanted =
        core_.index().reserve().empty_blocks() < core_.options().balance.empty_pages_high;
    if (chunk->state().is_sidelined() && wanted) core_.index().runs().Reintegrate(*chunk);
    core_.index().runs().Readmit(*chunk);
  }
}

Chunk* Balancer::WithdrawBackedFreeChunk(ChunkId& next) {
  if (core_.index().reserve().empty_blocks() <= core_.options().balance.empty_pages_high)
    return nullptr;
  const BitTree& free = core_.index().runs().free_chunks();
  for (auto id = free.FindFrom(next.value()); id; id = free.FindFrom(next.value())) {
    next = ChunkId(*id + 1);
    Chunk* chunk = core_.index().chunks().Find(ChunkId(*id));
    if (chunk->populated_blocks() == 0) continue;
    core_.index().runs().Withdraw(*chunk);
    return chunk;
  }
  return nullptr;
}

void Balancer::DepopulateWithdrawn(Chunk& chunk) {
  for (std::uint32_t end = chunk.blocks(); end > 0;) {
    BlockRange run;
    {
      RankedLock lock(&core_.index_mu);
      // Somebody may still touch an area that was freed. From here on nobody can find a
      // way into the run.
      const auto left = [&chunk] { return chunk.state().pins() == 0; };
      core_.index_mu.Await(left);
      run = PickEmpty(chunk, end);
    }
    if (run.count == 0) return;
    end = run.first;
    // What could not be given back stays as it was.
    if (!core_.backend().DepopulateChunk(chunk.memory(), run).ok()) continue;
    RankedLock lock(&core_.index_mu);
    core_.index().reserve().NoteDepopulated(chunk, run);
  }
}

BlockRange Balancer::PickEmpty(const Chunk& chunk, std::uint32_t end) const {
  const std::uint64_t reserve = core_.index().reserve().empty_blocks();
  const std::uint64_t wanted = core_.options().balance.empty_pages_high;
  if (chunk.state().is_sidelined()) {
    return reserve < wanted ? BlockRange{} : chunk.LastEmptyPopulated(end, chunk.blocks());
  }
  return reserve <= wanted ? BlockRange{} : chunk.LastEmptyPopulated(end, reserve - wanted);
}

void Balancer::FillReserve() {
  const BalancePolicy& policy = core_.options().balance;
  {
    RankedLock lock(&core_.index_mu);
    if (!core_.signal().reserve_low(core_.index())) return;
    core_.signal().NoteReserveFilled();
  }
  while (true) {
    {
      RankedLock lock(&core_.index_mu);
      if (core_.index().reserve().empty_blocks() >= policy.empty_pages_high) return;
    }
    if (core_.gives_pages_back() && PopulateOneRun()) continue;
    const absl::StatusOr<ChunkId> chunk = grower_.CreateChunk();
    RankedLock lock(&core_.index_mu);
    if (!chunk.ok()) {
      core_.signal().BlockReserve();
      return;
    }
    ++core_.index().counters().chunks_created_ahead;
  }
}

bool Balancer::PopulateOneRun() {
  Chunk* chunk = nullptr;
  BlockRange missing;
  {
    RankedLock lock(&core_.index_mu);
    for (chunk = core_.index().chunks().FindFrom(Index::kFirstId); chunk != nullptr;
         chunk = core_.index().chunks().FindFrom(ChunkId(chunk->id().value() + 1))) {
      // A sidelined chunk's pages would be given back again.
      if (chunk->state().is_sidelined()) continue;
      missing = chunk->UnpopulatedIn({Granules(0), chunk->areas().size()});
      if (missing.count > 0) break;
    }
  }
  if (chunk == nullptr) return false;
  missing.count = std::min(missing.count, core_.options().balance.empty_pages_high);
  if (!core_.backend().PopulateChunk(chunk->memory(), missing).ok()) return false;
  RankedLock lock(&core_.index_mu);
  core_.index().reserve().NotePopulated(*chunk, missing);
  return true;
}

BootTime Balancer::NextDue() const {
  const BitTree& free = core_.index().runs().free_chunks();
  if (free.count() <= core_.options().balance.free_chunks_min) return BootTime::InfiniteFuture();
  BootTime oldest = BootTime::InfiniteFuture();
  for (auto id = free.FindFirst(); id; id = free.FindFrom(*id + 1)) {
    oldest = std::min(oldest, core_.index().chunks().Find(ChunkId(*id))->state().free_since());
  }
  return oldest + core_.options().balance.free_chunk_age;
}

}  // namespace percpud

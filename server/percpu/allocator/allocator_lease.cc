// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// Leases: chunks that one client sub-allocates itself. Such a chunk is not
// searched and serves no request; its areas are the client's business, and the map
// of them lies in pages of the arena that the client writes.

#include <cstring>
#include <optional>
#include <utility>
#include <vector>

#include "server/area/lease_map.h"
#include "server/base/errors.h"
#include "server/percpu/allocator/allocator.h"

namespace percpud {
namespace {

// A map copied while its holder works can be torn: so often it is taken again.
constexpr int kCopies = 4;

}  // namespace

Bytes Allocator::lease_map_size() const {
  const Bytes storage(LeaseMap::StorageBytes(ToGranules(info_->unit_size)));
  return RoundUp(storage, pages_.page_size());
}

absl::StatusOr<LeasedChunk> Allocator::LeaseChunk() {
  RankedLock grow(&grow_mu_);
  const absl::StatusOr<Bytes> map = backend_->TakePages(lease_map_size());
  if (!map.ok()) return map.status();
  std::vector<ChunkId> created;
  const absl::StatusOr<Chunk*> chunk = WithdrawFreeChunk(created);
  absl::Status status = chunk.status();
  if (status.ok()) status = PopulateWhole(**chunk);
  if (!status.ok()) {
    if (chunk.ok()) {
      RankedLock index(&index_mu_);
      index_.Restore(**chunk);
    }
    for (const ChunkId id : created) DestroyIfFree(id);
    backend_->GivePages(*map, lease_map_size());
    return status;
  }
  CleanWithdrawn(**chunk);
  RankedLock index(&index_mu_);
  index_.Lease(**chunk, *map);
  return LeasedChunk{.id = (*chunk)->id(),
                     .base = (*chunk)->PointerTo(Granules(0)),
                     .unit_size = info_->unit_size,
                     .map_base = *map,
                     .map_size = lease_map_size()};
}

// The lowest free chunk, made if there is none, out of the search.
absl::StatusOr<Chunk*> Allocator::WithdrawFreeChunk(std::vector<ChunkId>& created) {
  const auto withdraw = [this]() -> Chunk* {
    RankedLock index(&index_mu_);
    const auto id = index_.free_chunks().FindFirst();
    if (!id) return nullptr;
    Chunk* chunk = index_.Find(ChunkId(*id));
    index_.Withdraw(*chunk);
    return chunk;
  };
  if (Chunk* chunk = withdraw()) return chunk;
  while (true) {
    const absl::StatusOr<ChunkId> made = CreateChunk();
    if (!made.ok()) return made.status();
    created.push_back(*made);
    // A request may have been quicker to place something in it.
    if (Chunk* chunk = withdraw()) return chunk;
  }
}

absl::Status Allocator::PopulateWhole(Chunk& chunk) {
  return Populate({.chunk = &chunk, .area = {Granules(0), chunk.areas().size()}});
}

absl::Status Allocator::ReturnLease(ChunkId id) {
  RankedLock grow(&grow_mu_);
  Chunk* chunk = nullptr;
  Bytes map;
  {
    RankedLock index(&index_mu_);
    chunk = index_.Find(id);
    if (chunk == nullptr || !chunk->lease_map) return errors::LeaseNotFound(id);
    map = index_.Unlease(*chunk);
    // Nobody finds a way in any more; who is inside writes before the zeroes.
    const auto left = [chunk] { return chunk->pins == 0; };
    index_mu_.Await(left);
    chunk->MarkDirty({Granules(0), chunk->areas().size()});
  }
  backend_->GivePages(map, lease_map_size());
  // The next holder gets zeroes, and no request waits for them to be written. Where
  // pages go back, they do.
  if (!gives_pages_back_) CleanWithdrawn(*chunk);
  chunk->free_since = options_.clock->Now();
  bool wake_balancer = false;
  {
    RankedLock index(&index_mu_);
    index_.Restore(*chunk);
    wake_balancer = TakeBalanceSignal(true);
  }
  if (wake_balancer && balance_wanted_) balance_wanted_();
  return absl::OkStatus();
}

absl::StatusOr<LeaseSnapshot> Allocator::GetLease(ChunkId id) const {
  // The lease is not returned meanwhile.
  RankedLock grow(&grow_mu_);
  const Chunk* chunk = nullptr;
  Bytes map;
  {
    RankedLock index(&index_mu_);
    chunk = index_.Find(id);
    if (chunk == nullptr || !chunk->lease_map) return errors::LeaseNotFound(id);
    map = *chunk->lease_map;
  }
  LeaseSnapshot out{.chunk = id, .base = chunk->PointerTo(Granules(0))};
  std::vector<std::byte> copy(lease_map_size().value());
  for (int i = 0; i < kCopies; ++i) {
    std::memcpy(copy.data(), pages_.base() + map.value(), copy.size());
    out.verdict = LeaseMap::Validate(copy, ToGranules(info_->unit_size));
    if (out.verdict.ok()) break;
  }
  if (!out.verdict.ok()) return out;
  LeaseMap(copy, ToGranules(info_->unit_size)).ForEachLive([&](AreaSpan area) {
    out.live_bytes += ToBytes(area.size);
    out.areas.push_back({.pointer = chunk->PointerTo(area.offset),
                         .chunk = id,
                         .offset = ToBytes(area.offset),
                         .size = ToBytes(area.size),
                         .tag = {}});
  });
  return out;
}

}  // namespace percpud

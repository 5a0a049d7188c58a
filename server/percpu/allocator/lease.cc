// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// Leases: chunks that one client sub-allocates itself. Such a chunk is not
// searched and serves no request; its areas are the client's business, and their map
// lies in pages of the arena that the client writes.

#include <vector>

#include "server/base/errors.h"
#include "server/base/status_macros.h"
#include "server/percpu/allocator/allocator.h"
#include "server/percpu/allocator/cleaner.h"
#include "server/percpu/allocator/core.h"
#include "server/percpu/allocator/grow.h"

namespace percpud {

absl::StatusOr<LeasedChunk> Allocator::LeaseChunk() {
  AllocatorCore& core = *core_;
  RankedLock grow(&core.grow_mu);
  Grower grower(core);
  ASSIGN_OR_RETURN(const Bytes map, core.backend().TakePages(core.lease_map_size()));
  std::vector<ChunkId> created;
  const absl::StatusOr<Chunk*> chunk = grower.WithdrawFreeChunk(created);
  absl::Status status = chunk.status();
  if (status.ok()) status = grower.PopulateWhole(**chunk);
  if (!status.ok()) {
    if (chunk.ok()) {
      RankedLock lock(&core.index_mu);
      core.index().runs().Readmit(**chunk);
    }
    for (const ChunkId id : created) grower.DestroyIfFree(id);
    core.backend().GivePages(map, core.lease_map_size());
    return status;
  }
  Cleaner(core).CleanWithdrawn(**chunk);
  RankedLock lock(&core.index_mu);
  core.index().runs().Lease(**chunk, map);
  return LeasedChunk{.id = (*chunk)->id(),
                     .base = (*chunk)->PointerTo(Granules(0)),
                     .unit_size = core.info().unit_size,
                     .map_base = map,
                     .map_size = core.lease_map_size()};
}

absl::Status Allocator::ReturnLease(ChunkId id) {
  AllocatorCore& core = *core_;
  RankedLock grow(&core.grow_mu);
  Chunk* chunk = nullptr;
  Bytes map;
  {
    RankedLock lock(&core.index_mu);
    chunk = core.index().chunks().Find(id);
    if (chunk == nullptr || !chunk->state().lease_map()) return errors::LeaseNotFound(id);
    map = core.index().runs().Unlease(*chunk);
    // Nobody finds a way in any more; who is inside writes before the zeroes.
    const auto left = [chunk] { return chunk->state().pins() == 0; };
    core.index_mu.Await(left);
    chunk->dirty().Mark({Granules(0), chunk->areas().size()});
  }
  core.backend().GivePages(map, core.lease_map_size());
  // The next holder gets zeroes, and no request waits for them to be written. Pages that
  // are given back need none.
  if (!core.gives_pages_back()) Cleaner(core).CleanWithdrawn(*chunk);
  chunk->state().set_free_since(core.options().clock->Now());
  BalancerWake wake(core);
  RankedLock lock(&core.index_mu);
  core.index().runs().Readmit(*chunk);
  wake.SetDue(core.TakeSignal(true));
  return absl::OkStatus();
}

}  // namespace percpud

// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_SERVER_PERCPU_ALLOCATOR_BALANCER_H_
#define PERCPUD_SERVER_PERCPU_ALLOCATOR_BALANCER_H_

#include <cstdint>
#include <optional>

#include "absl/base/thread_annotations.h"
#include "server/base/clock.h"
#include "server/base/units.h"
#include "server/percpu/allocator/cleaner.h"
#include "server/percpu/allocator/core.h"
#include "server/percpu/allocator/grow.h"

namespace percpud {

// The background half of the allocator: what the kernel's balance worker does, with
// hysteresis, and clearing freed memory before anyone asks for it. A view over the
// core, which outlives it.
class Balancer {
 public:
  explicit Balancer(AllocatorCore& core) : core_(core), grower_(core), cleaner_(core) {}

  // One pass: clears pending areas, releases free chunks that the policy does not keep,
  // cleans the others, gives empty and stray pages back and makes up the reserve. Returns
  // when the next pass is due for reasons of age, or for a look at stray pages;
  // InfiniteFuture if none. May sleep.
  BootTime Pass() ABSL_LOCKS_EXCLUDED(core_.grow_mu, core_.index_mu);

 private:
  // The youngest free chunk that is one too many, or one too old.
  [[nodiscard]] std::optional<ChunkId> PickReleasable()
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(core_.grow_mu, core_.index_mu);
  // Gives empty pages back, with backends that do.
  void ReclaimPages() ABSL_EXCLUSIVE_LOCKS_REQUIRED(core_.grow_mu);
  // The lowest free chunk at or after `next` that has pages beyond the reserve, out of
  // the search; null if there is none. Moves `next` behind it.
  [[nodiscard]] Chunk* WithdrawBackedFreeChunk(ChunkId& next)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(core_.index_mu);
  // Gives the empty pages of a withdrawn chunk back, from the end down, so that what
  // stays is low. Areas may be freed meanwhile, but none is placed.
  void DepopulateWithdrawn(Chunk& chunk) ABSL_EXCLUSIVE_LOCKS_REQUIRED(core_.grow_mu);
  // The last empty backed blocks before `end` that the reserve does not need. A
  // sidelined chunk's pages are no reserve.
  [[nodiscard]] BlockRange PickEmpty(const Chunk& chunk, std::uint32_t end) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(core_.index_mu);
  // Makes empty pages for requests that may not grow: populates what chunks have, else
  // makes one more chunk.
  void FillReserve() ABSL_EXCLUSIVE_LOCKS_REQUIRED(core_.grow_mu);
  // Backs one unpopulated run of the first chunk that has one; false if none has.
  bool PopulateOneRun() ABSL_EXCLUSIVE_LOCKS_REQUIRED(core_.grow_mu);
  [[nodiscard]] BootTime NextDue() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(core_.index_mu);

  AllocatorCore& core_;
  Grower grower_;
  Cleaner cleaner_;
};

}  // namespace percpud

#endif  // PERCPUD_SERVER_PERCPU_ALLOCATOR_BALANCER_H_

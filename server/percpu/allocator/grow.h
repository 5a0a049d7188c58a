// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_SERVER_PERCPU_ALLOCATOR_GROW_H_
#define PERCPUD_SERVER_PERCPU_ALLOCATOR_GROW_H_

#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/base/units.h"
#include "server/percpu/allocator/core.h"
#include "server/percpu/index/placement.h"

namespace percpud {

// Makes and destroys chunks, and backs what is to be granted: for requests, for leases
// and for the balancer. A view over the core, which outlives it.
//
// REQUIRES of every method: the grow lock is held, the index lock is not.
class Grower {
 public:
  explicit Grower(AllocatorCore& core) : core_(core) {}

  // The first chunk, with its static and its reserved part. Errors: the backend's,
  // MetadataExhausted.
  absl::Status CreateFirstChunk();
  // One more dynamic chunk, free and searched. Errors: the backend's,
  // MetadataExhausted.
  absl::StatusOr<ChunkId> CreateChunk();
  // Destroys the chunk. Does nothing if it is in use again.
  void DestroyIfFree(ChunkId id);
  // The lowest free chunk, out of the search; makes chunks if there is none, and adds
  // them to `created`. Errors: CreateChunk's.
  absl::StatusOr<Chunk*> WithdrawFreeChunk(std::vector<ChunkId>& created);

  // Backs the blocks that the area touches, in every unit. Errors: the backend's.
  absl::Status Populate(Placement placement);
  // Backs all blocks of the chunk.
  absl::Status PopulateWhole(Chunk& chunk);
  // The blocks of the first chunk that are backed from the start, and stay so.
  [[nodiscard]] BlockRange FirstBacked() const;

 private:
  AllocatorCore& core_;
};

}  // namespace percpud

#endif  // PERCPUD_SERVER_PERCPU_ALLOCATOR_GROW_H_

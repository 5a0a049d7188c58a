// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_SERVER_PERCPU_ALLOCATOR_RESTORE_H_
#define PERCPUD_SERVER_PERCPU_ALLOCATOR_RESTORE_H_

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/percpu/allocator/core.h"
#include "server/percpu/allocator/grow.h"
#include "server/percpu/allocator/restored_state.h"

namespace percpud {

// Makes a new core what an earlier one was: chunks, areas and leases put back where they
// lay. Each chunk is filled before the index sees it, so that restoring an area costs no
// search. A view over the core, which outlives it.
class Restorer {
 public:
  explicit Restorer(AllocatorCore& core) : core_(core), grower_(core) {}

  // Chunks that hold nothing are given back. Errors: NotRestorable, MetadataExhausted,
  // the backend's; then the core is of no use.
  absl::Status Restore(const RestoredState& state) ABSL_LOCKS_EXCLUDED(core_.grow_mu);

 private:
  using Areas = std::span<const RestoredState::Area>;
  // A chunk that holds something, and what.
  struct Filled {
    RestoredState::Chunk chunk;
    Areas areas;
    bool is_leased = false;
  };

  // A chunk's area maps, not yet the index's; the first chunk may have two.
  struct Made {
    std::unique_ptr<Chunk> reserved;
    std::unique_ptr<Chunk> whole;
  };

  // The chunks that hold something, by id; the others are told of as destroyed.
  [[nodiscard]] absl::StatusOr<std::vector<Filled>> Fill(const RestoredState& state) const;
  // Errors: MetadataExhausted.
  [[nodiscard]] absl::StatusOr<Made> Make(ChunkId id, const ChunkMemory& memory) const;
  absl::Status RestoreChunk(const Filled& filled) ABSL_EXCLUSIVE_LOCKS_REQUIRED(core_.grow_mu);
  // Gives back the empty blocks behind the first `kept`: nobody remembers which of them
  // were backed.
  absl::Status RestoreBacking(Chunk& chunk, std::uint32_t kept)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(core_.grow_mu);
  absl::Status RestoreAreas(Chunk& chunk, Areas areas)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(core_.index_mu);
  absl::Status RestoreLease(const RestoredState::Lease& lease)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(core_.grow_mu);

  AllocatorCore& core_;
  Grower grower_;
};

}  // namespace percpud

#endif  // PERCPUD_SERVER_PERCPU_ALLOCATOR_RESTORE_H_

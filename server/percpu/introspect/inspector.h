// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_SERVER_PERCPU_INTROSPECT_INSPECTOR_H_
#define PERCPUD_SERVER_PERCPU_INTROSPECT_INSPECTOR_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "server/base/units.h"
#include "server/percpu/allocator/allocator.h"
#include "server/percpu/allocator/area_spec.h"
#include "server/percpu/allocator/cleaner.h"
#include "server/percpu/allocator/core.h"
#include "server/percpu/backend/footprint.h"
#include "server/percpu/index/placement.h"
#include "server/percpu/introspect/snapshot.h"

namespace percpud {

// Looks at an allocator while it works: plain copies, each of one moment, figures
// computed outside the locks. A view: cheap to make, outlived by the allocator. Thread
// safe.
class Inspector {
 public:
  explicit Inspector(const Allocator& allocator)
      : allocator_(allocator), core_(allocator.core()), cleaner_(core_) {}

  // --- The backend -----------------------------------------------------------------
  [[nodiscard]] absl::string_view backend_name() const { return core_.backend().name(); }
  // What the operator should know of the backend; empty if nothing.
  [[nodiscard]] std::string backend_remark() const { return core_.backend().remark(); }
  [[nodiscard]] Footprint footprint() const { return core_.backend().footprint(); }
  [[nodiscard]] BuddyState GetBuddy() const ABSL_LOCKS_EXCLUDED(core_.grow_mu);

  // --- Chunks and areas ------------------------------------------------------------
  [[nodiscard]] Stats GetStats() const;
  // Chunks in the order of their ids, from `first` on, `limit` at most.
  [[nodiscard]] std::vector<ChunkSnapshot> GetChunks(ChunkId first, std::size_t limit) const;
  // Errors: ChunkNotFound.
  [[nodiscard]] absl::StatusOr<AreaMapSnapshot> GetAreaMap(ChunkId chunk) const;
  [[nodiscard]] std::vector<SlotSnapshot> GetSlots() const;
  // Reads a copy of the client's map. Errors: LeaseNotFound.
  [[nodiscard]] absl::StatusOr<LeaseSnapshot> GetLease(ChunkId chunk) const
      ABSL_LOCKS_EXCLUDED(core_.grow_mu);

  // --- Questions -------------------------------------------------------------------
  // Who has a byte of any unit. Errors: OUT_OF_RANGE beyond the arena.
  [[nodiscard]] absl::StatusOr<Resolution> Resolve(PercpuPtr pointer) const;
  // What an Alloc would do. May clear pending areas to see what fits then. Errors:
  // Validate's.
  [[nodiscard]] absl::StatusOr<Estimate> EstimateAlloc(AreaSpec spec, Region region)
      ABSL_LOCKS_EXCLUDED(core_.grow_mu);
  // Walks the invariants of areas, index and page allocator; INTERNAL names the first
  // that does not hold. Expensive, but requests go on meanwhile, unless they need
  // memory: the index lock is given up before each chunk.
  [[nodiscard]] absl::Status CheckInvariants() const ABSL_LOCKS_EXCLUDED(core_.grow_mu);

 private:
  [[nodiscard]] ChunkSnapshot Describe(const Chunk& chunk) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(core_.index_mu);
  [[nodiscard]] ChunkKind KindOf(const Chunk& chunk) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(core_.index_mu);
  [[nodiscard]] AreaSnapshot DescribeArea(Placement placement) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(core_.index_mu);
  // Arena pages behind that many blocks, in all units that have a CPU.
  [[nodiscard]] Pages PopulatedPages(std::uint64_t blocks) const;

  const Allocator& allocator_;
  AllocatorCore& core_;
  Cleaner cleaner_;
};

}  // namespace percpud

#endif  // PERCPUD_SERVER_PERCPU_INTROSPECT_INSPECTOR_H_

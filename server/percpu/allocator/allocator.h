// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// The percpu allocator.
//
//   chunk    one allocation of backing memory, a copy (unit) for every CPU
//   area     one allocation: the same offset and size in every unit
//
//      chunk 1           chunk 2
//     +----+----+----+  +----+----+----+
//     | u0 | u1 | u2 |  | u0 | u1 | u2 |   ptr + unit_offset[u] = unit u's copy
//     +-a--+-a--+-a--+  +----+-b--+----+
//
// An Alloc looks for the tightest class of free runs that some chunk has
// (index/fit_index.h), takes the lowest such chunk, splits one of its runs
// (area/area_map.h), and only when no chunk has an aligned run does it create one.
// Behaviour follows the kernel's mm/percpu.c; where it improves on it, the place
// says so.

#ifndef PERCPUD_SERVER_PERCPU_ALLOCATOR_ALLOCATOR_H_
#define PERCPUD_SERVER_PERCPU_ALLOCATOR_ALLOCATOR_H_

#include <functional>
#include <memory>
#include <span>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/arena/page_source.h"
#include "server/base/clock.h"
#include "server/base/pace.h"
#include "server/base/units.h"
#include "server/percpu/allocator/area_spec.h"
#include "server/percpu/allocator/options.h"
#include "server/percpu/allocator/pin.h"
#include "server/percpu/allocator/restored_state.h"
#include "server/percpu/backend/backend.h"
#include "server/percpu/layout/alloc_info.h"
#include "server/percpu/layout/static_layout.h"

namespace percpud {

class AllocatorCore;

// A chunk leased to a client. Offsets are the arena's.
struct LeasedChunk {
  ChunkId id;
  PercpuPtr base;
  Bytes unit_size;
  Bytes map_base;
  Bytes map_size;
};

// Grants areas, takes them back, leases chunks, and keeps memory ready for the next
// request. Looking at it is introspect/inspector.h.
//
// Owns the layout, the backend and all metadata; not the memory. Thread safe: see
// core.h for the two locks. A large batch gives the short one up now and then; its
// areas are held meanwhile (index/index.h).
class Allocator {
 public:
  using Options = AllocatorOptions;
  using Pin = percpud::Pin;

  // `backend` and `pages` belong to the same arena; `pages` outlives the
  // allocator. Verifies the layout with the backend and creates the first
  // chunk: errors are theirs.
  static absl::StatusOr<std::unique_ptr<Allocator>> Create(std::unique_ptr<const AllocInfo> info,
                                                           StaticLayout statics,
                                                           std::unique_ptr<Backend> backend,
                                                           PageSource& pages, Options options);
  // Does what Create does, with what another daemon had granted. Chunks that hold
  // nothing of it are given back; what is in no area counts as dirty. Errors
  // besides: NotRestorable, if the state contradicts itself or the layout.
  static absl::StatusOr<std::unique_ptr<Allocator>> Restore(std::unique_ptr<const AllocInfo> info,
                                                            StaticLayout statics,
                                                            std::unique_ptr<Backend> backend,
                                                            PageSource& pages, Options options,
                                                            const RestoredState& state);
  ~Allocator();
  Allocator(const Allocator&) = delete;
  Allocator& operator=(const Allocator&) = delete;

  // --- Granting -------------------------------------------------------------------
  // Whether the batch could be served at all: sizes, alignments, tag, region.
  [[nodiscard]] absl::Status Validate(std::span<const AreaSpec> specs,
                                      const AllocOptions& options) const;
  // Grants every area of the batch, zeroed in every unit, or none. `out` takes
  // one pointer per spec. REQUIRES: same lengths.
  absl::Status AllocBatch(std::span<const AreaSpec> specs, const AllocOptions& options,
                          std::span<PercpuPtr> out);
  // The same, but never sleeps: kWouldSleep where AllocBatch would have to create a
  // chunk or populate pages.
  Outcome TryAllocBatch(std::span<const AreaSpec> specs, const AllocOptions& options,
                        std::span<PercpuPtr> out);
  // A batch of one.
  absl::StatusOr<PercpuPtr> Alloc(AreaSpec spec, const AllocOptions& options = {});

  // Takes back every area, or none; returns the sum of their sizes in one unit.
  // Refuses unknown, interior, double and static pointers by name.
  absl::StatusOr<Bytes> FreeBatch(std::span<const PercpuPtr> pointers);
  absl::StatusOr<Bytes> Free(PercpuPtr pointer);
  // OK if a live area starts there; the error is what Free would say.
  [[nodiscard]] absl::Status CheckArea(PercpuPtr pointer) const;

  // --- Leasing --------------------------------------------------------------------
  // A whole chunk for one client: backed and zero in every unit, its map zero.
  // Errors: the arena is exhausted.
  absl::StatusOr<LeasedChunk> LeaseChunk();
  // Takes the chunk back, whatever the client left in it. Errors: LeaseNotFound.
  absl::Status ReturnLease(ChunkId chunk);
  [[nodiscard]] Bytes lease_map_size() const;

  // --- Touching -------------------------------------------------------------------
  // Finds [pointer, pointer + length) inside one live area or the static part, and
  // keeps its chunk while the pin lives. Errors: those of the pointer,
  // RangeLeavesArea.
  absl::StatusOr<Pin> Touch(PercpuPtr pointer, Bytes length) const;

  // --- Balancing: allocator/balancer.h --------------------------------------------
  // Called, on the thread that noticed and without any lock, when there is
  // something to balance. Set before the first Alloc.
  void set_balance_wanted(std::function<void()> wanted);
  // One pass: cleans dirty memory, releases free chunks the policy will not
  // keep, makes the reserve of empty pages it wants. Returns when the next
  // pass is due for reasons of age; InfiniteFuture if none.
  BootTime Balance();

  // --- Facts ----------------------------------------------------------------------
  [[nodiscard]] const AllocInfo& info() const;
  [[nodiscard]] const StaticLayout& statics() const;
  [[nodiscard]] PageSource& pages() const;
  // The largest size Alloc can serve: the dynamic part of a unit in the first chunk,
  // a whole unit in any other.
  [[nodiscard]] Bytes max_alloc_size() const { return info().unit_size; }
  // What the rooms above look into.
  [[nodiscard]] AllocatorCore& core() const { return *core_; }

 private:
  explicit Allocator(std::unique_ptr<AllocatorCore> core);

  const std::unique_ptr<AllocatorCore> core_;
};

}  // namespace percpud

#endif  // PERCPUD_SERVER_PERCPU_ALLOCATOR_ALLOCATOR_H_

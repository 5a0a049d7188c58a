// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_SERVER_PERCPU_ALLOCATOR_CORE_H_
#define PERCPUD_SERVER_PERCPU_ALLOCATOR_CORE_H_

#include <cassert>
#include <functional>
#include <memory>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "server/arena/page_source.h"
#include "server/base/ranked_mutex.h"
#include "server/base/short_mutex.h"
#include "server/base/units.h"
#include "server/percpu/allocator/balance_signal.h"
#include "server/percpu/allocator/options.h"
#include "server/percpu/allocator/spare_chunks.h"
#include "server/percpu/allocator/stray_pages.h"
#include "server/percpu/backend/backend.h"
#include "server/percpu/index/index.h"
#include "server/percpu/layout/alloc_info.h"
#include "server/percpu/layout/static_layout.h"

namespace percpud {

// What all parts of the allocator stand on: the layout, the backend, the memory, the
// index, and the two locks. Granting, freeing, growing, cleaning, balancing and looking
// are classes and functions over it.
//
// The grow lock may sleep: chunks are created, destroyed and populated under it. The
// index lock is short: no system call and no zeroing happen under it.
class AllocatorCore {
 public:
  // `backend` and `pages` belong to the same arena; `pages` outlives the core.
  AllocatorCore(std::unique_ptr<const AllocInfo> info, StaticLayout statics,
                std::unique_ptr<Backend> backend, PageSource& pages, AllocatorOptions options);

  // --- Constant after construction -------------------------------------------------
  [[nodiscard]] const AllocInfo& info() const { return *info_; }
  [[nodiscard]] const StaticLayout& statics() const { return statics_; }
  [[nodiscard]] const AllocatorOptions& options() const { return options_; }
  [[nodiscard]] PageSource& pages() const { return pages_; }
  [[nodiscard]] Bytes max_alignment() const { return max_alignment_; }
  // Chunks are backed block by block, and empty blocks are given back.
  [[nodiscard]] bool gives_pages_back() const { return gives_pages_back_; }
  // Bytes that the map of a leased chunk takes: whole pages.
  [[nodiscard]] Bytes lease_map_size() const;
  // Calls that create, change or walk chunks need the grow lock (backend.h).
  [[nodiscard]] Backend& backend() const { return *backend_; }
  // Whether the byte lies in the static part of the first chunk.
  [[nodiscard]] bool IsStatic(const Index::Location& location) const {
    return location.chunk->kind() == ChunkKind::kFirst && location.offset < info_->static_size;
  }

  // --- Under the locks -------------------------------------------------------------
  mutable RankedMutex grow_mu{LockRank::kGrow};
  mutable ShortMutex index_mu ABSL_ACQUIRED_AFTER(grow_mu){LockRank::kIndex};

  [[nodiscard]] StrayPages& strays() ABSL_EXCLUSIVE_LOCKS_REQUIRED(grow_mu) { return strays_; }
  [[nodiscard]] Bytes stray_bytes_released() const ABSL_NO_THREAD_SAFETY_ANALYSIS {
    return strays_.released();
  }
  [[nodiscard]] SpareChunks& spare() ABSL_EXCLUSIVE_LOCKS_REQUIRED(grow_mu) { return spare_; }
  [[nodiscard]] Index& index() ABSL_EXCLUSIVE_LOCKS_REQUIRED(index_mu) { return index_; }
  [[nodiscard]] const Index& index() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(index_mu) {
    return index_;
  }
  [[nodiscard]] BalanceSignal& signal() ABSL_EXCLUSIVE_LOCKS_REQUIRED(index_mu) { return signal_; }

  // Has on_chunk told of the chunk.
  void NotifyChunk(const Chunk& chunk, bool destroyed) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(index_mu);
  // OK if a live area starts there; the error is what Free says.
  [[nodiscard]] absl::Status CheckLive(PercpuPtr pointer) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(index_mu);
  // Whether the balancer has to do with a chunk of which an area was freed.
  bool NoteFreed(Chunk& chunk) ABSL_EXCLUSIVE_LOCKS_REQUIRED(index_mu) {
    return (chunk.is_free() || gives_pages_back_) ? NoteFreeChunk(chunk)
                                                  : index_.reclaimer().wants_clearing();
  }
  // Whether the caller has to wake the balancer, once it has no lock (BalanceSignal).
  [[nodiscard]] bool TakeSignal(bool freed) ABSL_EXCLUSIVE_LOCKS_REQUIRED(index_mu) {
    return signal_.Take(index_, freed);
  }

  // --- The balancer's thread -------------------------------------------------------
  // Set before the first request.
  void set_balance_wanted(std::function<void()> wanted) { balance_wanted_ = std::move(wanted); }
  void WakeBalancer() const ABSL_LOCKS_EXCLUDED(index_mu) {
    if (balance_wanted_) balance_wanted_();
  }

 private:
  bool NoteFreeChunk(Chunk& chunk) ABSL_EXCLUSIVE_LOCKS_REQUIRED(index_mu);

  const std::unique_ptr<const AllocInfo> info_;
  const StaticLayout statics_;
  const std::unique_ptr<Backend> backend_;
  const bool gives_pages_back_;
  PageSource& pages_;
  const AllocatorOptions options_;
  const Bytes max_alignment_;
  std::function<void()> balance_wanted_;

  SpareChunks spare_ ABSL_GUARDED_BY(grow_mu);
  StrayPages strays_ ABSL_GUARDED_BY(grow_mu);
  Index index_ ABSL_GUARDED_BY(index_mu);
  BalanceSignal signal_ ABSL_GUARDED_BY(index_mu);
};

// Wakes the balancer when it goes out of scope, if it was found due. Made before the
// lock is taken, so that the lock is given up first.
class BalancerWake {
 public:
  explicit BalancerWake(const AllocatorCore& core) : core_(core) {}
  BalancerWake(const BalancerWake&) = delete;
  BalancerWake& operator=(const BalancerWake&) = delete;
  ~BalancerWake() {
    if (due_) core_.WakeBalancer();
  }
  void SetDue(bool due) { due_ = due; }

 private:
  const AllocatorCore& core_;
  bool due_ = false;
};

}  // namespace percpud

#endif  // PERCPUD_SERVER_PERCPU_ALLOCATOR_CORE_H_

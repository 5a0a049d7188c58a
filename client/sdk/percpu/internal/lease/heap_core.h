// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_CLIENT_SDK_PERCPU_INTERNAL_LEASE_HEAP_CORE_H_
#define PERCPUD_CLIENT_SDK_PERCPU_INTERNAL_LEASE_HEAP_CORE_H_

#include <cstdint>
#include <memory>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "percpu/chunk_source.h"
#include "percpu/heap_options.h"
#include "percpu/internal/lease/chunk.h"
#include "percpu/internal/lease/chunk_table.h"
#include "percpu/internal/lease/thread_heap.h"
#include "server/base/ranked_mutex.h"

namespace percpu::lease {

// What the threads of a heap share: the source, chunks that no thread owns, and
// the table of all. Outlives the LeaseHeap while a thread that used it lives.
// Thread safety: any thread, but Close: no thread is in another call then. The
// source is never called under the lock.
class HeapCore {
 public:
  struct Got {
    Chunk* chunk;
    // Empty; otherwise an ended thread left it behind.
    bool is_fresh;
  };

  HeapCore(ChunkSource& source, HeapOptions holding);
  HeapCore(const HeapCore&) = delete;
  HeapCore& operator=(const HeapCore&) = delete;

  // A chunk for the calling thread to own: left behind, idle, or of the source.
  absl::StatusOr<Got> Get();
  // Takes an empty chunk that no thread owns.
  void Park(Chunk* chunk);
  // Leases ahead until the reserve is full. Errors: the source's.
  absl::Status TopUp();
  // A chunk from a kept lease, its map recovered.
  Chunk* OpenKept(const LeasedChunk& lease);

  // A heap for the calling thread, until Leave.
  ThreadHeap* Join();
  // The calling thread is done; others may have its chunks. Nothing after Close.
  void Leave(ThreadHeap* thread_heap);
  // Frees what is cached, marks kept maps clean, gives the other chunks back. If the
  // chunks were revoked: forgets them.
  void Close();
  // The chunks are not the heap's any more. They are neither written nor given back,
  // and no others are got. `why` is what callers are told.
  void Revoke(absl::Status why);
  // OK unless revoked.
  [[nodiscard]] absl::Status revoked();

  // Why a pointer in no table entry is refused: it lies in another unit of some
  // chunk, or in none.
  absl::Status Unknown(Pointer pointer);
  [[nodiscard]] HeapCounts GetCounts();
  [[nodiscard]] bool IsClosed();

  [[nodiscard]] ChunkTable& table() { return table_; }
  // Which process this belongs to: see fork.h.
  [[nodiscard]] std::uint64_t generation() const { return generation_; }

 private:
  Chunk* NewChunk() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  absl::StatusOr<Chunk*> Acquire();
  void Return(Chunk* chunk);
  [[nodiscard]] bool IsWatched(const Chunk* chunk) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void AskForTopUp();

  const std::uint64_t generation_;
  ChunkSource& source_;
  const HeapOptions holding_;
  ChunkTable table_;

  percpud::RankedMutex mu_{percpud::LockRank::kLeaf};
  std::vector<std::unique_ptr<Chunk>> chunks_ ABSL_GUARDED_BY(mu_);
  std::vector<std::unique_ptr<ThreadHeap>> thread_heaps_ ABSL_GUARDED_BY(mu_);
  // Objects for another lease, another thread.
  std::vector<Chunk*> unused_ ABSL_GUARDED_BY(mu_);
  std::vector<ThreadHeap*> unused_heaps_ ABSL_GUARDED_BY(mu_);
  std::vector<Chunk*> idle_ ABSL_GUARDED_BY(mu_);
  std::vector<Chunk*> orphans_ ABSL_GUARDED_BY(mu_);
  std::uint64_t acquired_ ABSL_GUARDED_BY(mu_) = 0;
  std::uint64_t returned_ ABSL_GUARDED_BY(mu_) = 0;
  std::uint64_t leaving_ ABSL_GUARDED_BY(mu_) = 0;
  bool is_topping_up_ ABSL_GUARDED_BY(mu_) = false;
  bool is_closed_ ABSL_GUARDED_BY(mu_) = false;
  absl::Status revoked_ ABSL_GUARDED_BY(mu_);
};

}  // namespace percpu::lease

#endif  // PERCPUD_CLIENT_SDK_PERCPU_INTERNAL_LEASE_HEAP_CORE_H_

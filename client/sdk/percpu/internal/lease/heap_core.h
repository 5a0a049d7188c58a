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

// The part of a heap that its threads share: the source, the chunks that no thread owns,
// and the table of all chunks. It outlives the LeaseHeap while a thread that used it
// lives.
// Thread safety: all methods from any thread; while Close runs, no thread is in another
// call. The source is never called under the lock.
class HeapCore {
 public:
  struct Got {
    Chunk* chunk;
    // The chunk is empty. Otherwise a thread that has ended left it behind.
    bool is_fresh;
  };

  HeapCore(ChunkSource& source, HeapOptions holding);
  HeapCore(const HeapCore&) = delete;
  HeapCore& operator=(const HeapCore&) = delete;

  // Returns a chunk for the calling thread to own: one left behind, an idle one, or one
  // from the source. Errors: the source's; why the heap was revoked.
  absl::StatusOr<Got> Get();
  // Takes a chunk back. REQUIRES: it is empty, and no thread owns it.
  void Park(Chunk* chunk);
  // Leases ahead until the reserve is full. Errors: the source's.
  absl::Status TopUp();
  // Returns the chunk of a kept lease whose map was recovered.
  Chunk* OpenKept(const LeasedChunk& lease);

  // Returns a thread heap for the calling thread, until Leave.
  ThreadHeap* Join();
  // Takes the calling thread's heap back. Other threads may have its chunks. Does nothing
  // after Close.
  void Leave(ThreadHeap* thread_heap);
  // Frees what is cached, marks kept maps clean, and gives the other chunks back. Forgets
  // the chunks if they were revoked.
  void Close();
  // Takes the chunks away from the heap: they are neither written nor given back, and no
  // others are got. Callers are told `why`. REQUIRES: `why` is not OK.
  void Revoke(absl::Status why);
  // Returns why the heap was revoked; OK if it was not.
  [[nodiscard]] absl::Status revoked();

  // Returns why a pointer that the table does not know is refused: it lies in another
  // unit of some chunk, or in no chunk.
  absl::Status Unknown(Pointer pointer);
  [[nodiscard]] HeapCounts GetCounts();
  [[nodiscard]] bool IsClosed();

  [[nodiscard]] ChunkTable& table() { return table_; }
  // Returns the process that this belongs to (fork.h).
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
  // Objects that the next lease, or the next thread, can use.
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

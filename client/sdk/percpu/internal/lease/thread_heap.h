// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_CLIENT_SDK_PERCPU_INTERNAL_LEASE_THREAD_HEAP_H_
#define PERCPUD_CLIENT_SDK_PERCPU_INTERNAL_LEASE_THREAD_HEAP_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "percpu/internal/lease/chunk.h"
#include "percpu/internal/lease/chunk_table.h"
#include "percpu/internal/lease/hot_heap.h"
#include "percpu/internal/lease/size_classes.h"

namespace percpu::lease {

class HeapCore;

// One thread's share of a heap: the chunks it owns, and the rare cases of Allocate and
// Free.
//
//   Allocate: pop the magazine. Empty: drain what other threads freed, else carve a
//             batch from an own chunk, else get a chunk from the heap.
//   Free:     push. Full: the older half goes back to the area maps.
//
// Thread safety: for its own thread alone, except `guard`. When the thread ends, the heap
// takes the chunks back and keeps the object for another thread.
class ThreadHeap final : public HotHeap {
 public:
  explicit ThreadHeap(HeapCore& core);
  // Makes a chunk this thread's. REQUIRES: no thread owns it.
  void Own(Chunk* chunk);
  // Empties the magazines, gives up every chunk, and returns them.
  std::vector<Chunk*> GiveUpAll();

  // Counts frees whose state byte had changed before the owner came to them, because two
  // threads freed one area in the same instant, and maps that were scribbled over.
  [[nodiscard]] std::uint64_t anomalies() const {
    return anomalies_.load(std::memory_order_relaxed);
  }

  // The chunk of another thread that this thread looks at. A chunk is not given back
  // while it stands in any thread's guard.
  std::atomic<const Chunk*> guard{nullptr};

 private:
  absl::StatusOr<Pointer> AllocateOther(std::uint64_t size, std::uint32_t alignment,
                                        bool zeroed) override;
  absl::StatusOr<Pointer> AllocateRefilled(std::uint32_t size_class, bool zeroed) override;
  absl::StatusOr<Pointer> AllocateCleared(std::uint32_t size_class) override;
  absl::Status FreeElsewhere(Pointer pointer) override;
  absl::Status FreeOther(HotChunk* chunk, std::uint32_t granule, std::uint8_t byte) override;
  absl::Status FreeIntoFull(HotChunk* chunk, std::uint32_t granule) override;

  absl::StatusOr<Pointer> AllocateLarge(std::uint32_t granules, std::uint32_t align, bool zeroed);
  absl::Status FreeOfAnother(Pointer pointer);
  // Returns the whole chunk: every chunk that a heap of this kind sees is a Chunk.
  static Chunk* Whole(HotChunk* chunk) { return static_cast<Chunk*>(chunk); }

  // Puts at least one area into the magazine. Errors: the source's.
  absl::Status Refill(std::uint32_t size_class);
  // Calls carve(chunk) for own chunks, the latest that had room first, until it returns
  // true. Then gets further chunks until one does. `granules` is for the message.
  template <typename Carve>
  absl::Status FromSomeChunk(std::uint32_t granules, Carve carve);
  template <typename Carve>
  bool FromOwnChunks(Carve carve);

  void DrainAll();
  void Drain(Chunk* chunk);
  void FlushHalf(Magazine& magazine);
  void Flush(Magazine& magazine, std::uint32_t slots);
  void FlushAll();
  // Returns an area to the area map. Of empty chunks the thread keeps one; another one
  // goes back to the heap.
  void Release(Chunk* chunk, std::uint32_t granule);
  void NoteEmpty(Chunk* chunk);
  void Disown(Chunk* chunk);

  HeapCore& core_;
  ChunkTable& table_;
  std::vector<Chunk*> chunks_;
  // The place in chunks_ where room was last found.
  std::size_t roomy_ = 0;
  // An own chunk that was empty at the last look, or null.
  Chunk* spare_ = nullptr;
  std::atomic<std::uint64_t> anomalies_{0};
  Chunk no_chunk_;
  percpud::ZeroedArray<Slot> slots_;
};

}  // namespace percpu::lease

#endif  // PERCPUD_CLIENT_SDK_PERCPU_INTERNAL_LEASE_THREAD_HEAP_H_

// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_CLIENT_SDK_PERCPU_INTERNAL_LEASE_THREAD_HEAP_H_
#define PERCPUD_CLIENT_SDK_PERCPU_INTERNAL_LEASE_THREAD_HEAP_H_

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <vector>

#include "absl/base/attributes.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "percpu/internal/lease/chunk.h"
#include "percpu/internal/lease/chunk_table.h"
#include "percpu/internal/lease/size_classes.h"

namespace percpu::lease {

class HeapCore;

// One thread's share of a heap: the chunks it owns, and per size class a
// magazine of areas that are taken in a chunk's area map but not live.
//
//   Allocate: pop the magazine. Empty: drain what others freed, else carve a
//             batch from an own chunk, else get a chunk from the heap.
//   Free:     push. Full: the older half goes back to the area maps.
//
// Thread safety: its thread's alone, except `guard`. When its thread ends the
// heap takes the chunks back and keeps the object for another thread.
class ThreadHeap {
 public:
  explicit ThreadHeap(HeapCore& core);
  ThreadHeap(const ThreadHeap&) = delete;
  ThreadHeap& operator=(const ThreadHeap&) = delete;

  // Both are inlined into the caller; whatever is rare is a call at the very
  // end, so that the common path saves no registers.
  ABSL_ATTRIBUTE_ALWAYS_INLINE absl::StatusOr<Pointer> Allocate(std::uint64_t size,
                                                                std::uint32_t alignment,
                                                                bool zeroed) {
    const std::uint64_t rounded = (size + alignment - 1) & ~std::uint64_t{alignment - 1};
    // One compare for zero and too large both.
    if (rounded - 1 >= kLargestSmall || alignment - 1 >= kMaxAlignment ||
        (alignment & (alignment - 1)) != 0) [[unlikely]] {
      return AllocateOther(size, alignment, zeroed);
    }
    const std::uint32_t size_class = ClassOf(rounded);
    if (magazines_[size_class].IsEmpty()) [[unlikely]]
      return AllocateRefilled(size_class, zeroed);
    if (!zeroed) return Pop(size_class, [](const Chunk&, std::uint32_t) {});
    if (kClassBytes[size_class] > Chunk::kShort) return AllocateCleared(size_class);
    return Pop(size_class, [size_class](const Chunk& chunk, std::uint32_t granule) {
      chunk.ZeroShort(granule, kClassBytes[size_class]);
    });
  }

  ABSL_ATTRIBUTE_ALWAYS_INLINE absl::Status Free(Pointer pointer) {
    const std::uint64_t granule = latest_->GranuleOf(pointer);
    if (granule >= latest_->granules()) [[unlikely]]
      return FreeElsewhere(pointer);
    return FreeIn(latest_, static_cast<std::uint32_t>(granule));
  }

  // Makes a chunk this thread's.
  void Own(Chunk* chunk);
  // Empties magazines and gives up every chunk, its owner null.
  std::vector<Chunk*> GiveUpAll();

  // Frees whose state byte had changed by the time the owner came to them: two
  // threads freed one area in the same instant. Also maps found scribbled over.
  [[nodiscard]] std::uint64_t anomalies() const {
    return anomalies_.load(std::memory_order_relaxed);
  }

  // The chunk of another thread that this thread is looking at. A chunk is not
  // given back while it stands in any thread's guard.
  std::atomic<const Chunk*> guard{nullptr};

 private:
  struct Slot {
    Chunk* chunk;
    std::uint32_t granule;
  };
  // Pointers rather than a count: no arithmetic to get at a slot, and one
  // compare tells empty or full.
  struct Magazine {
    Slot* top;
    Slot* begin;
    Slot* end;
    // Areas to carve at the next refill: doubles, so that a class used once
    // does not take a batch.
    std::uint32_t batch;

    [[nodiscard]] bool IsEmpty() const { return top == begin; }
    [[nodiscard]] bool IsFull() const { return top == end; }
    [[nodiscard]] std::uint32_t Count() const { return static_cast<std::uint32_t>(top - begin); }
    void Push(Chunk* chunk, std::uint32_t granule) {
      top->chunk = chunk;
      top->granule = granule;
      ++top;
    }
  };

  absl::StatusOr<Pointer> AllocateOther(std::uint64_t size, std::uint32_t alignment, bool zeroed);
  absl::StatusOr<Pointer> AllocateLarge(std::uint32_t granules, std::uint32_t align, bool zeroed);
  absl::StatusOr<Pointer> AllocateRefilled(std::uint32_t size_class, bool zeroed);
  absl::StatusOr<Pointer> AllocateCleared(std::uint32_t size_class);
  // Makes the youngest area of a magazine live, after clear(chunk, granule).
  // REQUIRES: there is one.
  template <typename Clear>
  ABSL_ATTRIBUTE_ALWAYS_INLINE Pointer Pop(std::uint32_t size_class, Clear clear) {
    Magazine& magazine = magazines_[size_class];
    const Slot& slot = *--magazine.top;
    Chunk* const chunk = slot.chunk;
    const std::uint32_t granule = slot.granule;
    clear(*chunk, granule);
    // Live from this store on: whatever is killed later leaves it so.
    chunk->StateAt(granule).store(static_cast<std::uint8_t>(size_class + 1),
                                  std::memory_order_release);
    return chunk->PointerTo(granule);
  }

  // An own chunk's.
  ABSL_ATTRIBUTE_ALWAYS_INLINE absl::Status FreeIn(Chunk* chunk, std::uint32_t granule) {
    const std::atomic_ref<std::uint8_t> state = chunk->StateAt(granule);
    const std::uint8_t byte = state.load(std::memory_order_relaxed);
    const auto size_class = static_cast<std::uint8_t>(byte - 1);
    if (size_class >= kClasses) [[unlikely]]
      return FreeOther(chunk, granule, byte);
    Magazine& magazine = magazines_[size_class];
    if (magazine.IsFull()) [[unlikely]]
      return FreeIntoFull(chunk, granule);
    state.store(static_cast<std::uint8_t>(byte + percpud::abi::v1::kLeaseCached),
                std::memory_order_release);
    magazine.Push(chunk, granule);
    return absl::OkStatus();
  }
  absl::Status FreeOther(Chunk* chunk, std::uint32_t granule, std::uint8_t byte);
  absl::Status FreeIntoFull(Chunk* chunk, std::uint32_t granule);
  // Not in the chunk of the last free.
  absl::Status FreeElsewhere(Pointer pointer);
  absl::Status FreeOfAnother(Pointer pointer);

  // At least one area in the magazine. Errors: the source's.
  absl::Status Refill(std::uint32_t size_class);
  // Calls carve(chunk) for own chunks, the latest that had room first, until it
  // returns true; then gets chunks until one does. `granules` is for the message.
  template <typename Carve>
  absl::Status FromSomeChunk(std::uint32_t granules, Carve carve);
  template <typename Carve>
  bool FromOwnChunks(Carve carve);

  void DrainAll();
  void Drain(Chunk* chunk);
  void FlushHalf(Magazine& magazine);
  void Flush(Magazine& magazine, std::uint32_t slots);
  void FlushAll();
  // Back to the area map; an empty chunk more than one goes back to the heap.
  void Release(Chunk* chunk, std::uint32_t granule);
  void NoteEmpty(Chunk* chunk);
  void Disown(Chunk* chunk);

  HeapCore& core_;
  ChunkTable& table_;
  // The own chunk of the last free; a chunk without a granule if there is none.
  Chunk* latest_;
  std::array<Magazine, kClasses> magazines_{};

  std::vector<Chunk*> chunks_;
  // Where room was last found.
  std::size_t roomy_ = 0;
  // An own chunk that was empty when last looked at, or null.
  Chunk* spare_ = nullptr;
  std::atomic<std::uint64_t> anomalies_{0};
  Chunk no_chunk_;
  percpud::ZeroedArray<Slot> slots_;
};

}  // namespace percpu::lease

#endif  // PERCPUD_CLIENT_SDK_PERCPU_INTERNAL_LEASE_THREAD_HEAP_H_

// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// The part of a heap that is inlined into its callers: the usual Allocate and Free. It is
// installed for that reason alone, so it has nothing that these two do not need.

#ifndef PERCPUD_CLIENT_SDK_PERCPU_INTERNAL_LEASE_HOT_HEAP_H_
#define PERCPUD_CLIENT_SDK_PERCPU_INTERNAL_LEASE_HOT_HEAP_H_

#include <array>
#include <atomic>
#include <bit>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <type_traits>

#include "absl/base/attributes.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "percpu/internal/lease/size_classes.h"
#include "percpu/types.h"

namespace percpu::lease {

// The part of a leased chunk that the usual Allocate and Free need. Chunk has the rest.
class HotChunk {
 public:
  HotChunk(const HotChunk&) = delete;
  HotChunk& operator=(const HotChunk&) = delete;

  // Returns where a byte lies, in granules from the base. For any thread. The result is
  // granules() or more unless a granule of this chunk begins at the pointer: a pointer
  // before the base wraps around, and one inside a granule has its low bits rotated to
  // the top.
  [[nodiscard]] std::uint64_t GranuleOf(Pointer pointer) const {
    return std::rotr(Value(pointer) - base_, 2);
  }
  [[nodiscard]] Pointer PointerTo(std::uint32_t granule) const {
    return Pointer{base_ + std::uint64_t{granule} * kGranule};
  }
  [[nodiscard]] std::atomic_ref<std::uint8_t> StateAt(std::uint64_t granule) const {
    return std::atomic_ref<std::uint8_t>(states_[granule]);
  }
  // Clears an area in every unit, by two stores per unit that may overlap. That is faster
  // than a call of memset for each unit. REQUIRES: 4 <= bytes <= kShort.
  void ZeroShort(std::uint32_t granule, std::uint32_t bytes) const;
  static constexpr std::uint32_t kShort = 64;

  [[nodiscard]] std::uint64_t base() const { return base_; }
  [[nodiscard]] std::uint64_t granules() const { return granules_; }

 protected:
  HotChunk() = default;
  ~HotChunk() = default;

  std::uint64_t base_ = 0;
  std::uint64_t granules_ = 0;
  // One byte per granule, in shared memory.
  std::uint8_t* states_ = nullptr;
  std::byte* unit0_ = nullptr;
  // In bytes from unit 0, one per unit that has memory.
  std::span<const std::uint64_t> unit_offsets_;
};

inline void HotChunk::ZeroShort(std::uint32_t granule, std::uint32_t bytes) const {
  assert(bytes >= 4 && bytes <= kShort && granule < granules_);
  std::byte* const at = unit0_ + std::size_t{granule} * kGranule;
  const auto ends = [&]<std::size_t kPart>(std::integral_constant<std::size_t, kPart>) {
    for (const std::uint64_t offset : unit_offsets_) {
      std::memset(at + offset, 0, kPart);
      std::memset(at + offset + bytes - kPart, 0, kPart);
    }
  };
  if (bytes >= 32) {
    ends(std::integral_constant<std::size_t, 32>());
  } else if (bytes >= 16) {
    ends(std::integral_constant<std::size_t, 16>());
  } else if (bytes >= 8) {
    ends(std::integral_constant<std::size_t, 8>());
  } else {
    ends(std::integral_constant<std::size_t, 4>());
  }
}

// The part of one thread's share of a heap that the usual Allocate and Free need: for
// each size class a magazine of areas that are taken in a chunk's area map but not live.
//
//   Allocate: pop the magazine. Empty: ThreadHeap refills it.
//   Free:     push. Full: ThreadHeap makes room.
//
// Thread safety: for its own thread alone.
class HotHeap {
 public:
  HotHeap(const HotHeap&) = delete;
  HotHeap& operator=(const HotHeap&) = delete;

  // Both are inlined into the caller. Rare cases are calls at the very end, so that the
  // common path saves no registers.
  ABSL_ATTRIBUTE_ALWAYS_INLINE absl::StatusOr<Pointer> Allocate(std::uint64_t size,
                                                                std::uint32_t alignment,
                                                                bool zeroed) {
    const std::uint64_t rounded = (size + alignment - 1) & ~std::uint64_t{alignment - 1};
    // One comparison finds both zero and too large.
    if (rounded - 1 >= kLargestSmall || alignment - 1 >= kMaxAlignment ||
        (alignment & (alignment - 1)) != 0) [[unlikely]] {
      return AllocateOther(size, alignment, zeroed);
    }
    const std::uint32_t size_class = ClassOf(rounded);
    if (magazines_[size_class].IsEmpty()) [[unlikely]]
      return AllocateRefilled(size_class, zeroed);
    if (!zeroed) return Pop(size_class, [](const HotChunk&, std::uint32_t) {});
    if (kClassBytes[size_class] > HotChunk::kShort) return AllocateCleared(size_class);
    return Pop(size_class, [size_class](const HotChunk& chunk, std::uint32_t granule) {
      chunk.ZeroShort(granule, kClassBytes[size_class]);
    });
  }

  ABSL_ATTRIBUTE_ALWAYS_INLINE absl::Status Free(Pointer pointer) {
    const std::uint64_t granule = latest_->GranuleOf(pointer);
    if (granule >= latest_->granules()) [[unlikely]]
      return FreeElsewhere(pointer);
    return FreeIn(latest_, static_cast<std::uint32_t>(granule));
  }

 protected:
  struct Slot {
    HotChunk* chunk;
    std::uint32_t granule;
  };
  // A magazine has pointers rather than a count: a slot is found without arithmetic, and
  // one comparison tells empty or full.
  struct Magazine {
    Slot* top;
    Slot* begin;
    Slot* end;
    // The areas to carve at the next refill. It doubles each time, so that a class that
    // is used once does not take a large batch.
    std::uint32_t batch;

    [[nodiscard]] bool IsEmpty() const { return top == begin; }
    [[nodiscard]] bool IsFull() const { return top == end; }
    [[nodiscard]] std::uint32_t Count() const { return static_cast<std::uint32_t>(top - begin); }
    void Push(HotChunk* chunk, std::uint32_t granule) {
      assert(!IsFull());
      top->chunk = chunk;
      top->granule = granule;
      ++top;
    }
  };

  // `chunk` has no granule, and outlives this.
  explicit HotHeap(HotChunk* chunk) : latest_(chunk) {}
  ~HotHeap() = default;

  // Makes the youngest area of a magazine live, after clear(chunk, granule).
  // REQUIRES: the magazine is not empty.
  template <typename Clear>
  ABSL_ATTRIBUTE_ALWAYS_INLINE Pointer Pop(std::uint32_t size_class, Clear clear) {
    Magazine& magazine = magazines_[size_class];
    assert(!magazine.IsEmpty());
    const Slot& slot = *--magazine.top;
    HotChunk* const chunk = slot.chunk;
    const std::uint32_t granule = slot.granule;
    clear(*chunk, granule);
    // The area is live from this store on, also if the process is killed later.
    chunk->StateAt(granule).store(static_cast<std::uint8_t>(size_class + 1),
                                  std::memory_order_release);
    return chunk->PointerTo(granule);
  }

  // Frees an area of a chunk that this thread owns.
  ABSL_ATTRIBUTE_ALWAYS_INLINE absl::Status FreeIn(HotChunk* chunk, std::uint32_t granule) {
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

  // The own chunk of the last free. Before the first free it is a chunk without granules.
  HotChunk* latest_;
  std::array<Magazine, kClasses> magazines_{};

 private:
  // Allocates for a size or alignment that no class has.
  virtual absl::StatusOr<Pointer> AllocateOther(std::uint64_t size, std::uint32_t alignment,
                                                bool zeroed) = 0;
  // Allocates when the magazine is empty.
  virtual absl::StatusOr<Pointer> AllocateRefilled(std::uint32_t size_class, bool zeroed) = 0;
  // Allocates when more than kShort bytes have to be cleared.
  virtual absl::StatusOr<Pointer> AllocateCleared(std::uint32_t size_class) = 0;
  // Frees a pointer that is not in the chunk of the last free.
  virtual absl::Status FreeElsewhere(Pointer pointer) = 0;
  // Frees, or refuses, when no live area of a class begins at the granule.
  virtual absl::Status FreeOther(HotChunk* chunk, std::uint32_t granule, std::uint8_t byte) = 0;
  // Frees when the magazine is full.
  virtual absl::Status FreeIntoFull(HotChunk* chunk, std::uint32_t granule) = 0;
};

// The heap that this thread used last, and the thread's share of it. Every call reads it,
// so it has neither a constructor nor a wrapper, and needs no call of the loader.
struct Latest {
  std::uint64_t heap_id;
  HotHeap* heap;
};
[[gnu::tls_model("initial-exec")]] extern constinit thread_local Latest latest;

}  // namespace percpu::lease

#endif  // PERCPUD_CLIENT_SDK_PERCPU_INTERNAL_LEASE_HOT_HEAP_H_

// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_CLIENT_SDK_PERCPU_INTERNAL_LEASE_CHUNK_TABLE_H_
#define PERCPUD_CLIENT_SDK_PERCPU_INTERNAL_LEASE_CHUNK_TABLE_H_

#include <atomic>
#include <cassert>
#include <cstddef>
#include <cstdint>

#include "percpu/types.h"
#include "server/base/limits.h"
#include "server/base/zeroed_array.h"

namespace percpu::lease {

class Chunk;

// Finds the chunk that has a byte in its unit 0, by two loads. The root spans the largest
// arena that there may be, and each leaf 256 MiB. Both are only address space until they
// are used.
// Thread safety: Find from any thread, without a lock. Set from one thread at a time.
class ChunkTable {
 public:
  ChunkTable() : root_(kRoot) {}
  ~ChunkTable() {
    for (const Branch& branch : root_) {
      if (branch.leaf != nullptr) percpud::FreeZeroed(branch.leaf, kLeafBytes);
    }
  }
  ChunkTable(const ChunkTable&) = delete;
  ChunkTable& operator=(const ChunkTable&) = delete;

  // Returns null if the byte lies in no chunk.
  [[nodiscard]] Chunk* Find(Pointer pointer) {
    const std::uint64_t page = Value(pointer) / kPage;
    if (page / kLeaf >= kRoot) return nullptr;
    Entry* const leaf = At(page / kLeaf).load(std::memory_order_acquire);
    if (leaf == nullptr) return nullptr;
    // This is sequentially consistent because ThreadHeap::guard relies on it.
    return std::atomic_ref<Chunk*>(leaf[page % kLeaf].chunk).load(std::memory_order_seq_cst);
  }

  // Makes every page that [base, base + bytes) touches lead to `chunk`.
  // REQUIRES: the range lies within the largest arena.
  void Set(std::uint64_t base, std::uint64_t bytes, Chunk* chunk) {
    assert(base <= percpud::kMaxArenaSize.value());
    assert(bytes <= percpud::kMaxArenaSize.value() - base);
    for (std::uint64_t page = base / kPage; page * kPage < base + bytes; ++page) {
      const std::atomic_ref<Entry*> slot = At(page / kLeaf);
      Entry* leaf = slot.load(std::memory_order_relaxed);
      if (leaf == nullptr) {
        leaf = static_cast<Entry*>(percpud::AllocateZeroed(kLeafBytes));
        slot.store(leaf, std::memory_order_release);
      }
      std::atomic_ref<Chunk*>(leaf[page % kLeaf].chunk).store(chunk, std::memory_order_seq_cst);
    }
  }

 private:
  struct Entry {
    Chunk* chunk;
  };
  struct Branch {
    Entry* leaf;
  };
  static constexpr std::uint64_t kPage = percpud::kBasePageSize.value();
  static constexpr std::uint64_t kLeaf = 1 << 16;
  static constexpr std::size_t kLeafBytes = kLeaf * sizeof(Entry);
  static constexpr std::uint64_t kRoot = percpud::kMaxArenaSize.value() / kPage / kLeaf;

  std::atomic_ref<Entry*> At(std::uint64_t index) {
    return std::atomic_ref<Entry*>(root_[index].leaf);
  }

  percpud::ZeroedArray<Branch> root_;
};

}  // namespace percpu::lease

#endif  // PERCPUD_CLIENT_SDK_PERCPU_INTERNAL_LEASE_CHUNK_TABLE_H_

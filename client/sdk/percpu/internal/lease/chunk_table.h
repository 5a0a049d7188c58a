// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_CLIENT_SDK_PERCPU_INTERNAL_LEASE_CHUNK_TABLE_H_
#define PERCPUD_CLIENT_SDK_PERCPU_INTERNAL_LEASE_CHUNK_TABLE_H_

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "percpu/types.h"
#include "server/base/limits.h"
#include "server/base/zeroed_array.h"

namespace percpu::lease {

class Chunk;

// From any byte of a chunk's unit 0 to the chunk: two loads. The root spans the
// largest arena there may be, the leaves 256 MiB each; both are address space
// until they are used.
// Thread safety: Find from any thread, without a lock; Set from one at a time.
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

  [[nodiscard]] Chunk* Find(Pointer pointer) {
    const std::uint64_t page = Value(pointer) / kPage;
    if (page / kLeaf >= kRoot) return nullptr;
    Entry* const leaf = At(page / kLeaf).load(std::memory_order_acquire);
    if (leaf == nullptr) return nullptr;
    // Sequentially consistent for the sake of ThreadHeap::guard.
    return std::atomic_ref<Chunk*>(leaf[page % kLeaf].chunk).load(std::memory_order_seq_cst);
  }

  // Every page that [base, base + bytes) touches now leads to `chunk`.
  // REQUIRES: within the largest arena.
  void Set(std::uint64_t base, std::uint64_t bytes, Chunk* chunk) {
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

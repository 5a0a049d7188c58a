// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_CLIENT_SDK_LEASE_CHUNK_TABLE_H_
#define PERCPUD_CLIENT_SDK_LEASE_CHUNK_TABLE_H_

#include <array>
#include <atomic>
#include <bit>
#include <cstdint>

#include "client/sdk/percpu/types.h"
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
    for (const std::uint64_t page : root_) {
      if (page != 0) percpud::FreeZeroed(std::bit_cast<void*>(page), kLeaf * sizeof(Chunk*));
    }
  }
  ChunkTable(const ChunkTable&) = delete;
  ChunkTable& operator=(const ChunkTable&) = delete;

  [[nodiscard]] Chunk* Find(Pointer pointer) {
    const std::uint64_t page = Value(pointer) / kPage;
    if (page / kLeaf >= kRoot) return nullptr;
    const std::uint64_t leaf = At(page / kLeaf).load(std::memory_order_acquire);
    if (leaf == 0) return nullptr;
    // Sequentially consistent for the sake of ThreadHeap::guard.
    return std::atomic_ref<Chunk*>(std::bit_cast<Chunk**>(leaf)[page % kLeaf])
        .load(std::memory_order_seq_cst);
  }

  // Every page that [base, base + bytes) touches now leads to `chunk`.
  // REQUIRES: within the largest arena.
  void Set(std::uint64_t base, std::uint64_t bytes, Chunk* chunk) {
    for (std::uint64_t page = base / kPage; page * kPage < base + bytes; ++page) {
      const std::atomic_ref<std::uint64_t> slot = At(page / kLeaf);
      std::uint64_t leaf = slot.load(std::memory_order_relaxed);
      if (leaf == 0) {
        leaf = std::bit_cast<std::uint64_t>(percpud::AllocateZeroed(kLeaf * sizeof(Chunk*)));
        slot.store(leaf, std::memory_order_release);
      }
      std::atomic_ref<Chunk*>(std::bit_cast<Chunk**>(leaf)[page % kLeaf])
          .store(chunk, std::memory_order_seq_cst);
    }
  }

 private:
  static constexpr std::uint64_t kPage = percpud::kBasePageSize.value();
  static constexpr std::uint64_t kLeaf = 1 << 16;
  static constexpr std::uint64_t kRoot = percpud::kMaxArenaSize.value() / kPage / kLeaf;

  std::atomic_ref<std::uint64_t> At(std::uint64_t index) {
    return std::atomic_ref<std::uint64_t>(root_[index]);
  }

  percpud::ZeroedArray<std::uint64_t> root_;
};

}  // namespace percpu::lease

#endif  // PERCPUD_CLIENT_SDK_LEASE_CHUNK_TABLE_H_

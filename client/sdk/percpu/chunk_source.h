// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_CLIENT_SDK_PERCPU_CHUNK_SOURCE_H_
#define PERCPUD_CLIENT_SDK_PERCPU_CHUNK_SOURCE_H_

#include <cstddef>
#include <cstdint>
#include <span>

#include "absl/status/statusor.h"
#include "percpu/types.h"

namespace percpu {

// A chunk that this process may sub-allocate alone, as mapped here. A view: the
// source owns the mappings, which stay until Return.
struct LeasedChunk {
  // The chunk's, for messages.
  ChunkId id{};
  // Unit 0's first byte; a multiple of 4096, not 0.
  Pointer base{};
  // Of each unit; a multiple of 4.
  std::uint64_t usable_bytes = 0;
  // Where `base` lies in this process.
  std::byte* unit0 = nullptr;
  // In bytes from unit 0, one per unit that has memory, the first 0.
  std::span<const std::uint64_t> unit_offsets;
  // Shared pages for the map, aligned to 64; percpud::LeaseMap::StorageBytes or
  // more.
  std::span<std::byte> map;
};

class LeaseHeap;

// Where a heap's chunks come from: the daemon, or memory of a test's own.
// Thread safety: any thread may call at any time, several at once.
class ChunkSource {
 public:
  ChunkSource() = default;
  ChunkSource(const ChunkSource&) = delete;
  ChunkSource& operator=(const ChunkSource&) = delete;
  virtual ~ChunkSource() = default;

  // Returns a chunk that is populated and zero in every unit, with a zero map. May
  // block for a call to the daemon. Errors: what the caller of Allocate gets to see.
  virtual absl::StatusOr<LeasedChunk> Acquire() = 0;
  // Takes a chunk back: the heap holds nothing in it any more, and its memory may be
  // anything.
  virtual void Return(const LeasedChunk& chunk) = 0;

  // Told which heaps use the source, so that it can revoke them (LeaseHeap::Revoke)
  // when their chunks are gone. A heap leaves before it is destroyed.
  virtual void Join(LeaseHeap& /*heap*/) {}
  virtual void Leave(LeaseHeap& /*heap*/) {}
};

// Never has a chunk: for a heap that shall live in its kept leases alone.
class NoMoreChunks : public ChunkSource {
 public:
  absl::StatusOr<LeasedChunk> Acquire() override {
    return absl::ResourceExhaustedError("lease: this heap has its kept chunks, and no others");
  }
  void Return(const LeasedChunk& /*chunk*/) override {}
};

}  // namespace percpu

#endif  // PERCPUD_CLIENT_SDK_PERCPU_CHUNK_SOURCE_H_

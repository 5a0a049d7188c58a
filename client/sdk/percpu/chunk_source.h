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

// A chunk that this process alone sub-allocates, as it is mapped here. A view: the source
// owns the mappings, which stay until Return.
struct LeasedChunk {
  // The chunk's number, for messages.
  ChunkId id{};
  // Unit 0's first byte. A multiple of 4096, not 0.
  Pointer base{};
  // The bytes of each unit. A multiple of 4.
  std::uint64_t usable_bytes = 0;
  // Where `base` lies in this process.
  std::byte* unit0 = nullptr;
  // Where each unit that has memory begins, in bytes from unit 0. The first is 0.
  std::span<const std::uint64_t> unit_offsets;
  // Shared pages for the map, aligned to 64: a header of 64 bytes, and a byte for each 4
  // bytes of a unit, padded (proto/percpud/abi/v1/lease_map.h).
  std::span<std::byte> map;
};

class LeaseHeap;

// Provides the chunks of heaps: from the daemon, or from memory of a test.
// Thread safety: any thread may call at any time, several at once.
class ChunkSource {
 public:
  ChunkSource() = default;
  ChunkSource(const ChunkSource&) = delete;
  ChunkSource& operator=(const ChunkSource&) = delete;
  virtual ~ChunkSource() = default;

  // Returns a chunk that is populated and zero in every unit, with a zero map. May block
  // for a call to the daemon. The caller of Allocate sees its errors.
  virtual absl::StatusOr<LeasedChunk> Acquire() = 0;
  // Takes back a chunk in which the heap holds nothing any more. Its memory may hold
  // anything.
  virtual void Return(const LeasedChunk& chunk) = 0;

  // Hear which heaps use the source, so that it can revoke them (LeaseHeap::Revoke) when
  // their chunks are gone. A heap leaves before it is destroyed.
  virtual void Join(LeaseHeap& /*heap*/) {}
  virtual void Leave(LeaseHeap& /*heap*/) {}
};

// A source without chunks, for a heap that lives in its kept leases alone.
class NoMoreChunks : public ChunkSource {
 public:
  absl::StatusOr<LeasedChunk> Acquire() override {
    return absl::ResourceExhaustedError("lease: this heap has its kept chunks, and no others");
  }
  void Return(const LeasedChunk& /*chunk*/) override {}
};

}  // namespace percpu

#endif  // PERCPUD_CLIENT_SDK_PERCPU_CHUNK_SOURCE_H_

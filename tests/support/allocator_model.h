// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_TESTS_SUPPORT_ALLOCATOR_MODEL_H_
#define PERCPUD_TESTS_SUPPORT_ALLOCATOR_MODEL_H_

#include <cstdint>
#include <map>
#include <random>
#include <span>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "server/percpu/allocator/allocator.h"
#include "server/percpu/introspect/snapshot.h"
#include "tests/support/interval_model.h"

namespace percpud::testing {

// What a random run does and how often, in shares of 100; the rest are frees.
struct Mix {
  int alloc = 52;
  int bad_free = 1;
  int balance = 1;
  // Percentages of the allocations:
  int no_grow = 10;
  int reserved = 0;
  int aligned = 40;
  int batched = 5;
  Bytes largest{2048};
  // Stop allocating above this many live areas.
  std::size_t most_live = 5000;
};

// Drives an allocator with random operations and holds every answer against
// naive intervals: each chunk a sorted map of what is taken. Checks that areas
// are disjoint, aligned and inside their chunk's part of the unit; that a
// refusal is true and changes nothing; that no chunk is created while any
// other has an aligned run; that every bad free is refused.
class AllocatorModel {
 public:
  // With `canaries`, every byte of every unit of every live area carries a
  // mark that is checked when the area is freed, and granted memory must read
  // zero in every unit.
  AllocatorModel(Allocator& allocator, const Mix& mix, std::uint64_t seed, bool canaries);

  // One random operation. The error says what went wrong, and after which one.
  absl::Status Step();

  // One operation of the caller's choice; errors as above.
  absl::Status Alloc(std::span<const AreaSpec> specs, const AllocOptions& options);
  // The same while steps of the backend fail: any refusal is accepted that
  // leaves no trace.
  absl::Status AllocFailing(std::span<const AreaSpec> specs, const AllocOptions& options);
  // Frees the live area with that number. REQUIRES: pick < live().
  absl::Status Free(std::size_t pick);
  // Frees `count` live areas, or all there are, from number `first` on; with
  // `twice` one of them is named a second time, and all must be refused.
  absl::Status FreeBatch(std::size_t first, std::size_t count, bool twice);
  // Does nothing if an area begins there: it must be refused otherwise.
  absl::Status BadFree(PercpuPtr pointer);
  // A whole chunk for a client, who writes all over it and its map; a refusal leaves no
  // trace.
  absl::Status Lease();
  // REQUIRES: pick < leases().
  absl::Status ReturnLease(std::size_t pick);
  absl::Status Balance();

  // Everything against everything; also frees nothing and changes nothing.
  absl::Status CheckAll() const;
  // Returns and frees what there is; the allocator is then as after creation.
  absl::Status Drain();

  [[nodiscard]] std::size_t live() const { return live_.size(); }
  [[nodiscard]] std::size_t leases() const { return leases_.size(); }
  // REQUIRES: pick < live().
  [[nodiscard]] PercpuPtr pointer(std::size_t pick) const { return live_[pick].pointer; }
  [[nodiscard]] std::uint64_t operations() const { return operations_; }
  [[nodiscard]] std::uint64_t growths() const { return growths_; }

 private:
  struct Area {
    PercpuPtr pointer;
    ChunkId chunk;
    Bytes offset;
    Bytes size;
    std::uint8_t mark;
  };

  absl::Status RandomAlloc();
  absl::Status RandomBadFree();
  absl::Status AllGranted(std::span<const AreaSpec> specs, const AllocOptions& options,
                          std::span<const PercpuPtr> pointers, std::uint64_t created_before);
  absl::Status Granted(const AreaSpec& spec, const AllocOptions& options, PercpuPtr pointer);
  absl::Status Refused(std::span<const AreaSpec> specs, const AllocOptions& options,
                       const absl::Status& status, const Stats& before);
  [[nodiscard]] absl::Status CheckNoTrace(const Stats& before) const;
  absl::Status CheckGrowth(std::span<const AreaSpec> specs, std::uint64_t created_before);
  [[nodiscard]] bool HasRoom(ChunkId id, const IntervalModel& model, const AreaSpec& spec,
                             const AllocOptions& options) const;
  // The interval model of a chunk, made when the chunk is first met.
  IntervalModel& ModelOf(ChunkId chunk);
  void ForgetDeadChunks();
  [[nodiscard]] bool IsLeased(ChunkId chunk) const;
  // Checks that the client's memory reads zero, and fills it.
  absl::Status Scribble(const LeasedChunk& lease);
  absl::Status Paint(const Area& area);
  absl::Status CheckMark(const Area& area) const;
  [[nodiscard]] absl::Status Fail(const std::string& what) const;

  Allocator& allocator_;
  const Mix mix_;
  const bool canaries_;
  std::mt19937_64 random_;
  std::map<ChunkId, IntervalModel> chunks_;
  std::vector<Area> live_;
  std::vector<LeasedChunk> leases_;
  std::uint64_t operations_ = 0;
  std::uint64_t growths_ = 0;
};

}  // namespace percpud::testing

#endif  // PERCPUD_TESTS_SUPPORT_ALLOCATOR_MODEL_H_

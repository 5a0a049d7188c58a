// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_CLIENT_SDK_PERCPU_INTERNAL_LEASE_CHUNK_H_
#define PERCPUD_CLIENT_SDK_PERCPU_INTERNAL_LEASE_CHUNK_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "percpu/chunk_source.h"
#include "percpu/internal/lease/hot_heap.h"
#include "percpu/internal/lease/size_classes.h"
#include "server/area/area_map.h"
#include "server/area/lease_map.h"
#include "server/base/zeroed_array.h"

namespace percpu::lease {

class ThreadHeap;

// One leased chunk as this process uses it. The state bytes are in shared memory.
// Private memory has what follows from them (the area map), and what no other process
// needs (the list of areas that other threads freed).
//
// Thread safety: at most one thread owns a chunk. The owner alone calls the methods that
// are not said to be for any thread. Chunks are reused, and not destroyed while their
// heap lives, so a stale pointer to one may always read `owner`.
class Chunk final : public HotChunk {
 public:
  // Returns OK if a heap can work with this lease. INTERNAL names what its source got
  // wrong.
  static absl::Status Check(const LeasedChunk& lease);

  // Begins a lease, and formats its map. REQUIRES: Check(lease); no lease is open.
  void Open(const LeasedChunk& lease);
  // Begins a kept lease, from a map that this process has recovered. REQUIRES: as Open.
  void OpenKept(const LeasedChunk& lease);
  // Ends the lease. REQUIRES: one is open; no thread uses the chunk.
  void Close();

  // Clears an area in every unit. REQUIRES: it lies in the chunk.
  void Zero(std::uint32_t granule, std::uint32_t bytes) const;

  // Takes a free range in the area map, and returns its first granule. The shared map
  // does not show it yet. Returns nothing if no range fits.
  // REQUIRES: granules > 0; `align` is a power of two.
  std::optional<std::uint32_t> Carve(std::uint32_t granules, std::uint32_t align);
  // Takes an area off both maps. Returns false, and does nothing, if the shared map was
  // scribbled over and names an area that does not exist. REQUIRES: a granule of the
  // chunk.
  bool Release(std::uint32_t granule);
  // Takes a large area, which is live at once; zero if `zeroed`. Returns as Carve does.
  std::optional<std::uint32_t> TakeLarge(std::uint32_t granules, std::uint32_t align, bool zeroed);

  // Frees an area, for the owner to find. For any thread. Errors: as Refusal.
  absl::Status FreeRemotely(Pointer pointer);
  [[nodiscard]] bool HasRemote() const { return remote_.load(std::memory_order_relaxed) != 0; }
  // Calls visit(granule) for every area that other threads freed since the last call.
  template <typename Visit>
  void DrainRemote(Visit visit) {
    std::uint32_t link = remote_.exchange(0, std::memory_order_acquire);
    while (link != 0) {
      const std::uint32_t granule = link - 1;
      link = (*links_)[granule];
      visit(granule);
    }
  }

  // Returns why the pointer cannot be freed. REQUIRES: it lies in a page of unit 0.
  [[nodiscard]] absl::Status Refusal(Pointer pointer) const;
  // Returns whether a live area begins there. For any thread.
  [[nodiscard]] bool IsLive(Pointer pointer) const {
    const std::uint64_t granule = GranuleOf(pointer);
    if (granule >= granules_) return false;
    const std::uint8_t byte = StateAt(granule).load(std::memory_order_relaxed);
    return byte != 0 && byte <= percpud::abi::v1::kLeaseLarge;
  }
  // Returns the unit that the pointer lies in, if any.
  [[nodiscard]] std::optional<std::uint32_t> UnitAt(Pointer pointer) const;

  [[nodiscard]] bool IsEmpty() const { return areas_.live() == 0; }
  [[nodiscard]] bool is_kept() const { return is_kept_; }
  [[nodiscard]] const LeasedChunk& lease() const { return lease_; }
  [[nodiscard]] percpud::LeaseMap& map() { return map_; }

  // Null while the heap itself holds the chunk. A thread sets it to itself, or from
  // itself to null. Any thread may read it.
  std::atomic<ThreadHeap*> owner{nullptr};
  // The place in the owner's list. For the owner.
  std::size_t index = 0;

 private:
  // REQUIRES: Check(lease).
  void Bind(const LeasedChunk& lease);

  percpud::LeaseMap map_;
  LeasedChunk lease_;
  bool is_kept_ = false;
  // Granules from here on were never handed out in this lease. They are zero, as granted.
  std::uint32_t used_end_ = 0;
  percpud::AreaMap areas_;
  std::vector<percpud::AreaMap::Word> area_words_;
  // The list of areas that other threads freed: its head, and a link per granule. A link
  // is a granule + 1; 0 ends the list.
  std::atomic<std::uint32_t> remote_{0};
  std::optional<percpud::ZeroedArray<std::uint32_t>> links_;
};

}  // namespace percpu::lease

#endif  // PERCPUD_CLIENT_SDK_PERCPU_INTERNAL_LEASE_CHUNK_H_

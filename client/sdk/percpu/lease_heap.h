// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// A heap of percpu areas in leased chunks: allocation without the daemon.
//
//   thread A            thread B            LeaseHeap            daemon
//   magazines           magazines           idle, orphaned
//   own chunks          own chunks          chunks               every chunk
//     carve, flush  ->    ...            <- adopt, park ->       lease, return
//          ^ list of frees by B, per chunk
//
// Each chunk is owned by one thread, so the common path has no lock, no atomic
// read-modify-write and no restartable sequence. Another thread frees by one
// compare-exchange of the area's state byte and a push on the chunk's list. The owner
// picks the list up when a magazine runs out. The map of live areas is in shared memory
// (proto/percpud/abi/v1/lease_map.h): introspection sees it there, and it outlives the
// process if the lease is a kept one.

#ifndef PERCPUD_CLIENT_SDK_PERCPU_LEASE_HEAP_H_
#define PERCPUD_CLIENT_SDK_PERCPU_LEASE_HEAP_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <vector>

#include "absl/base/attributes.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "percpu/chunk_source.h"
#include "percpu/heap_options.h"
#include "percpu/internal/lease/hot_heap.h"
#include "percpu/types.h"

namespace percpu {
namespace lease {
class HeapCore;
}  // namespace lease

// Whether Allocate clears an area in every unit. Freed memory is not cleared until it is
// handed out again: the lines are then hot for the caller, and a caller that does not
// ask for zeroes does not pay for them.
enum class Zeroing : std::uint8_t { kZeroed, kAsItIs };

// What a heap found in a kept lease.
struct Adoption {
  struct Area {
    Pointer pointer;
    std::uint64_t size_bytes;
  };
  // The areas and bytes of the last holder are there. Otherwise the chunk was
  // cleared, in every unit.
  bool is_warm = false;
  // Why it is cold; OK if it is warm.
  absl::Status reason;
  // By rising pointer. Sizes are those of size classes. The last holder may have been
  // killed before it noted an area down, so the caller should free the areas that its own
  // data does not know.
  std::vector<Area> live;
  // The root that SetRoot noted; null if it does not name a live area.
  Pointer root = kNull;
};

// A heap of percpu areas, shared by the threads of a process.
//
// Ownership: the heap holds chunks of its source until they have been empty for a while,
// or until it is destroyed. Areas in them are gone then. The source must outlive the
// heap. A thread that ends leaves its chunks to the other threads.
//
// Thread safety: any thread may call at any time, and may free what another allocated. At
// destruction no thread may be in a call. Threads that used the heap may live on.
//
// Units: sizes and alignments are in bytes, and pointers are to unit 0's copy. Sizes are
// rounded to a class: exact up to 64 bytes, at most an eighth more up to 4096, exact
// again above, up to a whole unit.
//
// Errors: a refused call changed nothing, and its message names the pointer or the limit.
//   UNAUTHENTICATED: the session is lost, and the leases with it.
//   INVALID_ARGUMENT: the size; the alignment; a pointer to the inside of an area or into
//     another unit.
//   NOT_FOUND: a double free; a pointer into no chunk of this heap.
//   FAILED_PRECONDITION: this process is a child of a fork(). The leases stay the
//     parent's, so the child makes a heap of its own, in a session of its own.
//   Any other is the source's.
// If several threads free one area, and one call happens before the other, the second is
// refused. If the calls race, the area is freed once, but both may return OK.
class LeaseHeap {
 public:
  explicit LeaseHeap(ChunkSource& source, HeapOptions options = {});
  ~LeaseHeap();
  LeaseHeap(const LeaseHeap&) = delete;
  LeaseHeap& operator=(const LeaseHeap&) = delete;

  // Allocates an area. `alignment` is a power of two up to 64. This is always inlined, as
  // Free is: for a constant size the class is a constant too, and the result stays in
  // registers, which together saves half of the time.
  ABSL_ATTRIBUTE_ALWAYS_INLINE absl::StatusOr<Pointer> Allocate(
      std::uint64_t size_bytes, std::uint32_t alignment = 8, Zeroing zeroing = Zeroing::kZeroed) {
    const bool zeroed = zeroing == Zeroing::kZeroed;
    if (lease::latest.heap_id != id_.load(std::memory_order_relaxed))
      return AllocateEntering(size_bytes, alignment, zeroed);
    return lease::latest.heap->Allocate(size_bytes, alignment, zeroed);
  }
  // Frees an area.
  ABSL_ATTRIBUTE_ALWAYS_INLINE absl::Status Free(Pointer pointer) {
    if (lease::latest.heap_id != id_.load(std::memory_order_relaxed)) return FreeEntering(pointer);
    return lease::latest.heap->Free(pointer);
  }

  // Takes up a kept lease for the calling thread: validates a copy of its map, frees what
  // was not live, and starts cold if the map is not sound. The heap never returns a kept
  // chunk; at destruction it leaves the map clean. A heap whose source is NoMoreChunks
  // allocates in its kept chunks alone. Errors: INTERNAL for a lease that no heap can
  // work with, ALREADY_EXISTS for one that this heap has.
  absl::StatusOr<Adoption> Adopt(const LeasedChunk& kept);
  // Notes where the next holder of the lease starts to read: a live area of a kept chunk
  // of this heap. Errors: as Free; FAILED_PRECONDITION if the chunk is not kept.
  absl::Status SetRoot(Pointer pointer);

  // Leases chunks until the reserve is full. Errors: the source's.
  absl::Status TopUp();
  // Returns counts of this moment.
  [[nodiscard]] HeapCounts GetCounts() const;

  // Refuses every call from now on, with `why`, and forgets the chunks, whose memory may
  // belong to others now. A source calls it, from any thread, when its leases have ended.
  // A call that is under way may still write once.
  // REQUIRES: `why` is not OK.
  void Revoke(const absl::Status& why);

 private:
  // Returns op(thread heap) of the calling thread, which gets one now if it has none.
  template <typename Result, typename Op>
  Result Enter(Op op);
  absl::StatusOr<Pointer> AllocateEntering(std::uint64_t size_bytes, std::uint32_t alignment,
                                           bool zeroed);
  absl::Status FreeEntering(Pointer pointer);

  ChunkSource& source_;
  // No other heap of the process has or had this id. It changes when the heap is revoked,
  // so that no thread takes the short way any more.
  std::atomic<std::uint64_t> id_;
  std::shared_ptr<lease::HeapCore> core_;
};

}  // namespace percpu

#endif  // PERCPUD_CLIENT_SDK_PERCPU_LEASE_HEAP_H_

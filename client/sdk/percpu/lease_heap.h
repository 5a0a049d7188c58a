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
// read-modify-write and no restartable sequence. Other threads free by one
// compare-exchange of the area's state byte and a push on the chunk's list;
// the owner picks the list up when a magazine runs out. What lives where is in
// shared memory (proto/percpud/abi/v1/lease_map.h), where introspection sees it
// and where it outlives the process if the lease is a kept one.

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

// Whether Allocate clears an area in every unit. Freed memory is not cleared
// until it is handed out again: the lines are then hot for the caller, and who
// does not ask does not pay.
enum class Zeroing : std::uint8_t { kZeroed, kAsItIs };

// What became of a kept lease.
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
  // In order. Sizes are those of size classes. The last holder may have been
  // killed before it noted one of them down: what the caller does not know from
  // its own data it should free.
  std::vector<Area> live;
  // As SetRoot left it; null if it no longer names a live area.
  Pointer root = kNull;
};

// Ownership: holds chunks of its source until they are empty for a while, or it
// is destroyed; then areas in them are gone. The source must outlive it. A
// thread that ends leaves its chunks to the other threads.
//
// Thread safety: any thread may call at any time; any thread may free what
// another allocated. At destruction no thread may be in a call; threads that
// used the heap may live on.
//
// Units: sizes and alignments in bytes, pointers are unit 0's copy. Sizes are
// rounded to a class: exact to 64 bytes, at most an eighth more up to 4096, exact
// again above, up to a whole unit.
//
// Errors: a refused call changed nothing, and its message names the pointer or
// the limit. UNAUTHENTICATED: the session is lost, and the leases with it. INVALID_ARGUMENT: size,
// alignment, or a pointer to the inside of an area or into another unit. NOT_FOUND: a double free
// or a pointer of no chunk of this heap. FAILED_PRECONDITION: a child after fork(); the leases stay
// the parent's, so the child makes a heap of its own, with a source of its own session. Anything
// else is the source's. Frees of one area by several threads: if one happens before the other, the
// second is refused. If they race, the area is still freed once, but its owner's call may report OK
// too.
class LeaseHeap {
 public:
  explicit LeaseHeap(ChunkSource& source, HeapOptions options = {});
  ~LeaseHeap();
  LeaseHeap(const LeaseHeap&) = delete;
  LeaseHeap& operator=(const LeaseHeap&) = delete;

  // `alignment` is a power of two up to 64. Inlined always, as Free is: where
  // the size is a constant its class is one too, and the result stays in
  // registers, which together is half of the time.
  ABSL_ATTRIBUTE_ALWAYS_INLINE absl::StatusOr<Pointer> Allocate(
      std::uint64_t size_bytes, std::uint32_t alignment = 8, Zeroing zeroing = Zeroing::kZeroed) {
    const bool zeroed = zeroing == Zeroing::kZeroed;
    if (lease::latest.heap_id != id_.load(std::memory_order_relaxed))
      return AllocateEntering(size_bytes, alignment, zeroed);
    return lease::latest.heap->Allocate(size_bytes, alignment, zeroed);
  }
  ABSL_ATTRIBUTE_ALWAYS_INLINE absl::Status Free(Pointer pointer) {
    if (lease::latest.heap_id != id_.load(std::memory_order_relaxed)) return FreeEntering(pointer);
    return lease::latest.heap->Free(pointer);
  }

  // Goes on with a kept lease, owned by the calling thread: validates a copy of
  // its map, frees what did not live, and starts cold if the map is not sound.
  // The heap never returns a kept chunk; at destruction its map is left clean.
  // What is allocated lies in a kept chunk only if the heap has no others: give
  // it NoMoreChunks. Errors: INTERNAL for a lease that no heap can work with,
  // ALREADY_EXISTS for one it has.
  absl::StatusOr<Adoption> Adopt(const LeasedChunk& kept);
  // Where the next holder of the lease starts reading: a live area of a kept
  // chunk of this heap. Errors: as Free, or FAILED_PRECONDITION: not kept.
  absl::Status SetRoot(Pointer pointer);

  // Leases chunks until the reserve is full. Errors: the source's.
  absl::Status TopUp();
  // Returns counts of this moment.
  [[nodiscard]] HeapCounts GetCounts() const;

  // Refuses every call from now on, with `why`, and forgets the chunks: their memory
  // is somebody else's. Called by a source whose leases have ended, from any thread;
  // a call that is under way may still write once.
  void Revoke(const absl::Status& why);

 private:
  // Calls op(thread heap) with the calling thread's, made now if there is none.
  template <typename Result, typename Op>
  Result Enter(Op op);
  absl::StatusOr<Pointer> AllocateEntering(std::uint64_t size_bytes, std::uint32_t alignment,
                                           bool zeroed);
  absl::Status FreeEntering(Pointer pointer);

  ChunkSource& source_;
  // No other heap of the process has or had it. Changes when the heap is revoked, so
  // that no thread takes the short way any more.
  std::atomic<std::uint64_t> id_;
  std::shared_ptr<lease::HeapCore> core_;
};

}  // namespace percpu

#endif  // PERCPUD_CLIENT_SDK_PERCPU_LEASE_HEAP_H_

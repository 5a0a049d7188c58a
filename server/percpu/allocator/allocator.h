// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// The percpu allocator.
//
//   chunk    one allocation of backing memory, a copy (unit) for every CPU
//   area     one allocation: the same offset and size in every unit
//
//      chunk 1           chunk 2
//     +----+----+----+  +----+----+----+
//     | u0 | u1 | u2 |  | u0 | u1 | u2 |   ptr + unit_offset[u] = unit u's copy
//     +-a--+-a--+-a--+  +----+-b--+----+
//
// An Alloc looks for the tightest class of free runs that some chunk has
// (fit_index.h), takes the lowest such chunk, splits one of its runs
// (area/area_map.h), and only when no chunk has an aligned run does it create one.
// Behaviour follows the kernel's mm/percpu.c; where it improves on it, the place
// says so.

#ifndef PERCPUD_SERVER_PERCPU_ALLOCATOR_ALLOCATOR_H_
#define PERCPUD_SERVER_PERCPU_ALLOCATOR_ALLOCATOR_H_

#include <algorithm>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "server/arena/page_source.h"
#include "server/base/clock.h"
#include "server/base/limits.h"
#include "server/base/ranked_mutex.h"
#include "server/base/short_mutex.h"
#include "server/base/units.h"
#include "server/percpu/allocator/balance_policy.h"
#include "server/percpu/allocator/restored_state.h"
#include "server/percpu/allocator/spare_chunks.h"
#include "server/percpu/backend/backend.h"
#include "server/percpu/index/index.h"
#include "server/percpu/introspect/snapshot.h"
#include "server/percpu/layout/alloc_info.h"
#include "server/percpu/layout/static_layout.h"

namespace percpud {

// One area wanted.
struct AreaSpec {
  Bytes size;
  // Below kMinAlign counts as kMinAlign.
  Bytes alignment = kDefaultAlign;
};

inline Granules AlignGranules(Bytes alignment) {
  return ToGranules(std::max(alignment, kMinAlign));
}

// Whether an area like that can be, in a unit that has room for `limit`.
inline bool IsSound(AreaSpec spec, Bytes limit, Bytes max_alignment) {
  return spec.size > Bytes(0) && spec.size <= limit && spec.alignment <= max_alignment &&
         IsPowerOfTwo(std::max(spec.alignment, kMinAlign));
}

// What holds for every area of a call.
struct AllocOptions {
  Region region = Region::kDynamic;
  // Never create a chunk, never populate a page.
  bool no_grow = false;
  absl::string_view tag;
};

// What became of a chunk.
struct ChunkEvent {
  ChunkId id;
  Bytes base;
  Order order;
  bool destroyed = false;
};

// A chunk leased to a client. Offsets are the arena's.
struct LeasedChunk {
  ChunkId id;
  PercpuPtr base;
  Bytes unit_size;
  Bytes map_base;
  Bytes map_size;
};

// Thread safe. Two locks: the grow lock (sleeps: creating, destroying and
// populating chunks) and the index lock (short: everything that is looked up).
// Neither system calls nor zeroing happen under the index lock, and a batch gives
// it up now and then: its areas are held meanwhile (index.h).
class Allocator {
 public:
  struct Options {
    BalancePolicy balance;
    // Outlives the allocator.
    const Clock* clock = nullptr;
    // Granted memory reads zero. Off only in benchmarks of the metadata work.
    bool zero = true;
    // Where bitmaps come from; tests fail the n-th.
    MetadataSource metadata = HeapMetadata;
    // Told of every chunk that is made or destroyed, under the index lock, in
    // order, and before an area of it can be granted: it must not block.
    std::function<void(const ChunkEvent&)> on_chunk;
  };

  // `backend` and `pages` belong to the same arena; `pages` outlives the
  // allocator. Verifies the layout with the backend and creates the first
  // chunk: errors are theirs.
  static absl::StatusOr<std::unique_ptr<Allocator>> Create(std::unique_ptr<const AllocInfo> info,
                                                           StaticLayout statics,
                                                           std::unique_ptr<Backend> backend,
                                                           PageSource& pages, Options options);
  // As Create, but with what another daemon had granted (allocator_restore.cc).
  // Chunks that hold nothing of it are given back; whatever is not in an area
  // is taken for dirty. Errors besides: NotRestorable, if it contradicts itself
  // or the layout.
  static absl::StatusOr<std::unique_ptr<Allocator>> Restore(std::unique_ptr<const AllocInfo> info,
                                                            StaticLayout statics,
                                                            std::unique_ptr<Backend> backend,
                                                            PageSource& pages, Options options,
                                                            const RestoredState& state);
  ~Allocator();
  Allocator(const Allocator&) = delete;
  Allocator& operator=(const Allocator&) = delete;

  // --- Granting -------------------------------------------------------------
  // Whether the batch could be served at all: sizes, alignments, tag, region.
  [[nodiscard]] absl::Status Validate(std::span<const AreaSpec> specs,
                                      const AllocOptions& options) const;
  // Grants every area of the batch, zeroed in every unit, or none. `out` takes
  // one pointer per spec. REQUIRES: same lengths.
  absl::Status AllocBatch(std::span<const AreaSpec> specs, const AllocOptions& options,
                          std::span<PercpuPtr> out) ABSL_LOCKS_EXCLUDED(grow_mu_);
  // The same, but never sleeps: nullopt, with nothing changed, where AllocBatch
  // would have to create a chunk or populate pages.
  std::optional<absl::Status> TryAllocBatch(std::span<const AreaSpec> specs,
                                            const AllocOptions& options, std::span<PercpuPtr> out);
  absl::StatusOr<PercpuPtr> Alloc(AreaSpec spec, const AllocOptions& options = {});

  // Takes back every area, or none; returns their sizes summed, of one unit.
  // Every pointer is checked: unknown, interior, double and static ones are
  // refused by name.
  absl::StatusOr<Bytes> FreeBatch(std::span<const PercpuPtr> pointers);
  absl::StatusOr<Bytes> Free(PercpuPtr pointer);
  // Whether a live area starts there; the error is what Free would say.
  [[nodiscard]] absl::Status CheckArea(PercpuPtr pointer) const;

  // --- Leasing (allocator_lease.cc) ------------------------------------------------
  // A whole chunk for one client: backed and zero in every unit, its map zero.
  // Errors: the arena is exhausted.
  absl::StatusOr<LeasedChunk> LeaseChunk() ABSL_LOCKS_EXCLUDED(grow_mu_);
  // Takes it back, whatever the client left in it. Errors: LeaseNotFound.
  absl::Status ReturnLease(ChunkId chunk) ABSL_LOCKS_EXCLUDED(grow_mu_);
  // From a copy of the client's map. Errors: LeaseNotFound.
  [[nodiscard]] absl::StatusOr<LeaseSnapshot> GetLease(ChunkId chunk) const
      ABSL_LOCKS_EXCLUDED(grow_mu_);
  [[nodiscard]] Bytes lease_map_size() const;

  // --- Looking at it (allocator_inspect.cc) -------------------------------------
  [[nodiscard]] const AllocInfo& info() const { return *info_; }
  [[nodiscard]] const StaticLayout& statics() const { return statics_; }
  [[nodiscard]] absl::string_view backend_name() const { return backend_->name(); }
  [[nodiscard]] std::string backend_remark() const { return backend_->remark(); }
  [[nodiscard]] FootprintSnapshot footprint() const { return backend_->footprint(); }
  [[nodiscard]] PageSource& pages() const { return pages_; }
  // Largest size Alloc can serve: the dynamic part of a unit (first chunk) or
  // a whole unit (any other).
  [[nodiscard]] Bytes max_alloc_size() const { return info_->unit_size; }

  [[nodiscard]] Stats GetStats() const;
  // Ascending ids, from `first` on, `limit` at most.
  [[nodiscard]] std::vector<ChunkSnapshot> GetChunks(ChunkId first, std::size_t limit) const;
  [[nodiscard]] absl::StatusOr<AreaMapSnapshot> GetAreaMap(ChunkId chunk) const;
  [[nodiscard]] std::vector<SlotSnapshot> GetSlots() const;
  [[nodiscard]] BuddySnapshot GetBuddy() const ABSL_LOCKS_EXCLUDED(grow_mu_);
  // Any byte of any unit. OUT_OF_RANGE beyond the arena.
  [[nodiscard]] absl::StatusOr<Resolution> Resolve(PercpuPtr pointer) const;
  // May clear what waits to be cleared, to see what fits then.
  [[nodiscard]] absl::StatusOr<Estimate> EstimateAlloc(AreaSpec spec, Region region)
      ABSL_LOCKS_EXCLUDED(grow_mu_);
  // The invariants of area, index and page allocator, all walked; INTERNAL
  // names the first that does not hold. Expensive, but requests go on meanwhile,
  // unless they need memory: the index is given up before each chunk.
  [[nodiscard]] absl::Status CheckInvariants() const ABSL_LOCKS_EXCLUDED(grow_mu_);

  // --- Touching it --------------------------------------------------------------
  // Keeps a chunk from being destroyed while its memory is touched.
  class Pin {
   public:
    Pin(Pin&& other) noexcept
        : allocator_(std::exchange(other.allocator_, nullptr)),
          chunk_(other.chunk_),
          offset_(other.offset_),
          area_(other.area_) {}
    Pin& operator=(Pin&&) = delete;
    ~Pin();

    // Unit `unit`'s copy of the byte the pin was asked for.
    // REQUIRES: unit < info().units().
    [[nodiscard]] std::byte* address(UnitId unit) const;
    // Where the area it lies in starts; null in the static part.
    [[nodiscard]] PercpuPtr area() const { return area_; }

   private:
    friend class Allocator;
    Pin(const Allocator* allocator, Chunk* chunk, Bytes offset, PercpuPtr area)
        : allocator_(allocator), chunk_(chunk), offset_(offset), area_(area) {}

    const Allocator* allocator_;
    Chunk* chunk_;
    Bytes offset_;
    PercpuPtr area_;
  };
  // Finds [pointer, pointer + length) inside one live area or the static part.
  // An area freed while pinned may be granted anew: the client's own race.
  absl::StatusOr<Pin> Touch(PercpuPtr pointer, Bytes length) const;

  // --- Balancing (balancer.h) -----------------------------------------------------
  // Called, on the thread that noticed and without any lock, when there is
  // something to balance. Set before the first Alloc.
  void set_balance_wanted(std::function<void()> wanted) { balance_wanted_ = std::move(wanted); }
  // One pass: cleans dirty memory, releases free chunks the policy will not
  // keep, makes the reserve of empty pages it wants. Returns when the next
  // pass is due for reasons of age; InfiniteFuture if none.
  absl::Time Balance() ABSL_LOCKS_EXCLUDED(grow_mu_);

 private:
  struct Granting;

  Allocator(std::unique_ptr<const AllocInfo> info, StaticLayout statics,
            std::unique_ptr<Backend> backend, PageSource& pages, Options options);

  // allocator.cc: the steps of a grant, in order.
  absl::Status CreateFirstChunk() ABSL_LOCKS_EXCLUDED(grow_mu_);
  // What is backed of the first chunk from the start, and stays so.
  [[nodiscard]] BlockRange FirstBacked() const;
  void TellOf(const Chunk& chunk, bool destroyed) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(index_mu_);

  // allocator_restore.cc
  absl::Status RestoreChunks(const RestoredState& state) ABSL_LOCKS_EXCLUDED(grow_mu_);
  absl::Status RestoreChunk(const RestoredState::Chunk& chunk,
                            std::span<const RestoredState::Area> areas, bool is_leased)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(grow_mu_);
  absl::Status RestoreBacking(Chunk& chunk, std::uint32_t kept)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(grow_mu_);
  absl::Status RestoreAreas(Chunk& chunk, std::span<const RestoredState::Area> areas)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(index_mu_);
  absl::Status RestoreLease(const RestoredState::Lease& lease)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(grow_mu_);
  // allocator_single.cc: an area without demands; nullopt, with nothing changed, if it
  // is not so simple.
  std::optional<PercpuPtr> TryAllocOne(AreaSpec spec, const AllocOptions& options)
      ABSL_LOCKS_EXCLUDED(index_mu_);
  // The rest of it, where none is parked.
  std::optional<PercpuPtr> TryAllocInRoom(Granules count, Granules align)
      ABSL_UNLOCK_FUNCTION(index_mu_);
  // Alloc, as a batch of one.
  absl::StatusOr<PercpuPtr> AllocInSteps(AreaSpec spec, const AllocOptions& options);
  // Whether to wake the balancer.
  bool ClearAndGrant(Placement held, const AreaSpan& dirty) ABSL_LOCKS_EXCLUDED(index_mu_);
  Placement PlaceBacked(Granules count, Granules align) ABSL_EXCLUSIVE_LOCKS_REQUIRED(index_mu_);
  absl::Status AcquireTag(Granting& granting) ABSL_EXCLUSIVE_LOCKS_REQUIRED(index_mu_);
  // `lock` is of index_mu_.
  bool Place(Granting& granting, SlicedLock& lock) ABSL_EXCLUSIVE_LOCKS_REQUIRED(index_mu_);
  void Undo(Granting& granting, SlicedLock& lock) ABSL_EXCLUSIVE_LOCKS_REQUIRED(index_mu_);
  void Commit(Granting& granting, SlicedLock& lock) ABSL_EXCLUSIVE_LOCKS_REQUIRED(index_mu_);
  void Finish(Granting& granting, std::span<PercpuPtr> out);
  absl::Status PlaceGrowing(Granting& granting, std::vector<ChunkId>& created)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(grow_mu_);
  absl::Status Populate(Placement placement) ABSL_EXCLUSIVE_LOCKS_REQUIRED(grow_mu_);
  absl::Status Refuse(const Granting& granting) ABSL_EXCLUSIVE_LOCKS_REQUIRED(index_mu_);
  // Whether the balancer has to do with a chunk of which an area was freed.
  bool NoteFreed(Chunk& chunk) ABSL_EXCLUSIVE_LOCKS_REQUIRED(index_mu_) {
    return (chunk.is_free() || gives_pages_back_) ? NoteFreeChunk(chunk) : index_.wants_clearing();
  }
  bool NoteFreeChunk(Chunk& chunk) ABSL_EXCLUSIVE_LOCKS_REQUIRED(index_mu_);
  absl::Status RefuseFree(PercpuPtr pointer, std::span<const Placement> freed, SlicedLock& lock)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(index_mu_);
  // OK if a live area starts there.
  [[nodiscard]] absl::Status ExplainNoArea(PercpuPtr pointer) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(index_mu_);
  [[nodiscard]] bool IsStatic(const Index::Location& location) const;

  // Growing and shrinking, by a request or by the balancer.
  absl::StatusOr<ChunkId> CreateChunk() ABSL_EXCLUSIVE_LOCKS_REQUIRED(grow_mu_);
  // Does nothing if the chunk is in use again.
  void DestroyIfFree(ChunkId id) ABSL_EXCLUSIVE_LOCKS_REQUIRED(grow_mu_);
  // allocator_clear.cc
  // Clears parts of a chunk in every unit; returns the bytes cleared.
  Bytes Zero(const ChunkMemory& memory, std::span<const AreaSpan> parts) const;
  // Clears what was taken to be, and puts it back.
  void Clear(const Index::Clearing& clearing) ABSL_LOCKS_EXCLUDED(index_mu_);
  // Clears the uncleared areas of a chunk: of one where they are worth it, or of any;
  // false if there is none.
  bool ClearUncleared(bool any) ABSL_EXCLUSIVE_LOCKS_REQUIRED(grow_mu_);
  // Clears dirty room of chunks in use, a chunk's worth at most; whether there is more.
  bool ClearDirty() ABSL_EXCLUSIVE_LOCKS_REQUIRED(grow_mu_);
  // Clears what is dirty in a withdrawn chunk.
  void CleanWithdrawn(Chunk& chunk) ABSL_EXCLUSIVE_LOCKS_REQUIRED(grow_mu_);
  // Clears one dirty free chunk; false if there is none.
  bool CleanOneFreeChunk() ABSL_EXCLUSIVE_LOCKS_REQUIRED(grow_mu_);

  // allocator_lease.cc
  absl::StatusOr<Chunk*> WithdrawFreeChunk(std::vector<ChunkId>& created)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(grow_mu_);
  absl::Status PopulateWhole(Chunk& chunk) ABSL_EXCLUSIVE_LOCKS_REQUIRED(grow_mu_);

  // allocator_balance.cc
  [[nodiscard]] bool ReserveLow() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(index_mu_);
  // True once per need: the caller then calls balance_wanted_ without locks.
  bool TakeBalanceSignal(bool freed) ABSL_EXCLUSIVE_LOCKS_REQUIRED(index_mu_) {
    return (freed || reserve_wanted_ || reserve_in_use_) && IsBalanceDue(freed);
  }
  bool IsBalanceDue(bool freed) ABSL_EXCLUSIVE_LOCKS_REQUIRED(index_mu_);
  [[nodiscard]] std::optional<ChunkId> PickReleasable()
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(grow_mu_, index_mu_);
  // Of backends that give pages back.
  void ReclaimPages() ABSL_EXCLUSIVE_LOCKS_REQUIRED(grow_mu_);
  void DepopulateWithdrawn(Chunk& chunk) ABSL_EXCLUSIVE_LOCKS_REQUIRED(grow_mu_);
  [[nodiscard]] Chunk* WithdrawBackedFreeChunk(ChunkId& next)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(index_mu_);
  [[nodiscard]] BlockRange PickEmpty(const Chunk& chunk, std::uint32_t end) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(index_mu_);
  void FillReserve() ABSL_EXCLUSIVE_LOCKS_REQUIRED(grow_mu_);
  bool PopulateOneRun() ABSL_EXCLUSIVE_LOCKS_REQUIRED(grow_mu_);
  [[nodiscard]] absl::Time NextDue() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(index_mu_);

  // allocator_inspect.cc
  [[nodiscard]] ChunkSnapshot Describe(const Chunk& chunk) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(index_mu_);
  [[nodiscard]] ChunkKind KindOf(const Chunk& chunk) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(index_mu_);
  [[nodiscard]] AreaSnapshot DescribeArea(Placement placement) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(index_mu_);
  [[nodiscard]] Pages PopulatedPages(std::uint64_t blocks) const;

  // Constant after construction.
  const std::unique_ptr<const AllocInfo> info_;
  const StaticLayout statics_;
  const std::unique_ptr<Backend> backend_;
  // Chunks are backed block by block, and empty blocks given back.
  const bool gives_pages_back_;
  PageSource& pages_;
  const Options options_;
  const Bytes max_alignment_;
  std::function<void()> balance_wanted_;

  mutable RankedMutex grow_mu_{LockRank::kGrow};
  SpareChunks spare_ ABSL_GUARDED_BY(grow_mu_);
  mutable ShortMutex index_mu_ ABSL_ACQUIRED_AFTER(grow_mu_){LockRank::kIndex};
  Index index_ ABSL_GUARDED_BY(index_mu_);
  // balance_wanted_ was called and Balance has not run since.
  bool balance_pending_ ABSL_GUARDED_BY(index_mu_) = false;
  // A request that may not grow was seen: from then on a reserve is kept for
  // more of them. Without any, it would be a chunk that nobody uses.
  bool reserve_in_use_ ABSL_GUARDED_BY(index_mu_) = false;
  // A request that may not grow failed: the reserve is made up whatever is left.
  bool reserve_wanted_ ABSL_GUARDED_BY(index_mu_) = false;
  // The arena had no room for the reserve; not tried again before some is freed.
  bool reserve_blocked_ ABSL_GUARDED_BY(index_mu_) = false;
};

}  // namespace percpud

#endif  // PERCPUD_SERVER_PERCPU_ALLOCATOR_ALLOCATOR_H_

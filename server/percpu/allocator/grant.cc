// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// A batch of areas granted: all of them, or none.

#include <algorithm>
#include <cassert>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/inlined_vector.h"
#include "server/base/errors.h"
#include "server/base/status_macros.h"
#include "server/percpu/allocator/allocator.h"
#include "server/percpu/allocator/cleaner.h"
#include "server/percpu/allocator/core.h"
#include "server/percpu/allocator/grant_one.h"
#include "server/percpu/allocator/grow.h"
#include "server/percpu/index/index_hot.h"

namespace percpud {
namespace {

absl::Status CheckTag(absl::string_view tag) {
  if (tag.size() > kMaxTagLength) return errors::TagOverLimit(tag.size(), kMaxTagLength);
  const bool has_control = std::any_of(tag.begin(), tag.end(), [](char c) {
    return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
  });
  return has_control ? errors::TagNotText() : absl::OkStatus();
}

// `part` names what has `limit` bytes.
absl::Status ExplainUnsound(const AreaSpec& spec, Bytes limit, absl::string_view part,
                            const AllocInfo& info) {
  if (spec.size == Bytes(0)) return errors::SizeIsZero();
  if (spec.size > limit) return errors::SizeOverLimit(spec.size, limit, part);
  if (!IsPowerOfTwo(spec.alignment)) {
    return errors::AlignmentNotPowerOfTwo(spec.alignment);
  }
  if (spec.alignment > kMaxAlign) return errors::AlignmentOverLimit(spec.alignment, kMaxAlign);
  return CheckAlignment(info, spec.alignment);
}

// One batch on its way: what is asked for, and what has been placed so far. Placed areas
// are held, so the index lock may be given up in between.
class BatchGrant {
 public:
  // `specs` and `options` outlive it.
  BatchGrant(AllocatorCore& core, std::span<const AreaSpec> specs, const AllocOptions& options)
      : core_(core), specs_(specs), options_(options) {}

  // Grants the batch from what there is; kWouldSleep if that takes a
  // chunk, pages, or clearing what waits for it.
  Outcome Try(std::span<PercpuPtr> out);
  // Grants the batch, and makes what it takes.
  absl::Status GrantGrowing(std::span<PercpuPtr> out);

 private:
  // A part of an area that may not read zero.
  struct Cleaning {
    ChunkMemory memory;
    AreaSpan dirty;
  };

  [[nodiscard]] bool may_grow() const {
    return !options_.no_grow && options_.region == Region::kDynamic;
  }
  absl::Status AcquireTag() ABSL_EXCLUSIVE_LOCKS_REQUIRED(core_.index_mu);
  // Places what is not placed yet; false if some area has no room.
  bool Place(SlicedLock& lock) ABSL_EXCLUSIVE_LOCKS_REQUIRED(core_.index_mu);
  // Makes chunks until everything is placed, and backs it. `created` takes the chunks.
  absl::Status PlaceGrowing(std::vector<ChunkId>& created)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(core_.grow_mu);
  // Makes the first chunk that the batch needs, unless the arena cannot hold all of it.
  absl::StatusOr<ChunkId> CreateIfAllFit() ABSL_EXCLUSIVE_LOCKS_REQUIRED(core_.grow_mu);
  [[nodiscard]] bool IsBacked() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(core_.index_mu);
  void Undo(SlicedLock& lock) ABSL_EXCLUSIVE_LOCKS_REQUIRED(core_.index_mu);
  // Counts the refusal of the first area that is not placed, and says why.
  absl::Status Refuse() ABSL_EXCLUSIVE_LOCKS_REQUIRED(core_.index_mu);
  // Makes the placed areas live.
  void Commit(SlicedLock& lock) ABSL_EXCLUSIVE_LOCKS_REQUIRED(core_.index_mu);
  // Clears what is dirty, commits what is not committed, and hands the pointers out.
  void Finish(std::span<PercpuPtr> out) ABSL_LOCKS_EXCLUDED(core_.index_mu);

  AllocatorCore& core_;
  const std::span<const AreaSpec> specs_;
  const AllocOptions& options_;
  // Acquired once for each area.
  std::optional<TagId> tag_;
  absl::InlinedVector<Placement, 4> placed_;
  // Finish clears them without the lock.
  absl::InlinedVector<Cleaning, 4> cleanings_;
  bool is_committed_ = false;
  bool wakes_balancer_ = false;
};

absl::Status BatchGrant::AcquireTag() {
  tag_ = core_.index().tags().Acquire(options_.tag, specs_.size());
  return tag_ ? absl::OkStatus() : errors::TooManyTags(kMaxTags);
}

// The dirty part is noted at once: the rest of a chunk's dirty room may be cleared before
// the area is granted.
bool BatchGrant::Place(SlicedLock& lock) {
  Index& index = core_.index();
  while (placed_.size() < specs_.size()) {
    lock.Step();
    const AreaSpec& spec = specs_[placed_.size()];
    const Placement placement = index.Place(ToGranules(spec.size), AlignGranules(spec.alignment),
                                            options_.region, options_.no_grow);
    if (!placement) return false;
    const AreaSpan dirty = placement.chunk->dirty().In(placement.area);
    if (core_.options().zero && dirty.size > Granules(0)) {
      cleanings_.push_back({placement.chunk->memory(), dirty});
    }
    index.held().Hold(placement);
    placed_.push_back(placement);
  }
  return true;
}

void BatchGrant::Undo(SlicedLock& lock) {
  Index& index = core_.index();
  for (; !placed_.empty(); placed_.pop_back()) {
    lock.Step();
    index.held().Unhold(placed_.back());
    // What was dirty still is.
    if (cleanings_.empty()) {
      index.runs().Release(placed_.back());
    } else {
      index.reclaimer().ReleaseDirty(placed_.back());
    }
  }
  cleanings_.clear();
  index.tags().Release(*std::exchange(tag_, std::nullopt), specs_.size());
}

absl::Status BatchGrant::Refuse() {
  const AreaSpec& spec = specs_[placed_.size()];
  ++core_.index().counters().failed_allocs;
  if (options_.region == Region::kReserved) {
    return errors::NoReservedSpace(spec.size, spec.alignment);
  }
  core_.signal().WantReserve();
  return errors::NoSpaceWithoutGrowing(spec.size, spec.alignment);
}

bool BatchGrant::IsBacked() const {
  return std::none_of(placed_.begin(), placed_.end(), [](Placement placement) {
    const Chunk& chunk = *placement.chunk;
    return !chunk.is_populated() && chunk.UnpopulatedIn(placement.area).count > 0;
  });
}

void BatchGrant::Commit(SlicedLock& lock) {
  for (const Placement placement : placed_) {
    lock.Step();
    core_.index().held().Unhold(placement);
    core_.index().CommitGrant(placement, *tag_);
  }
  is_committed_ = true;
  wakes_balancer_ = core_.TakeSignal(!cleanings_.empty());
}

// What is dirty is cleared without the lock while the areas are held: nobody else reads
// or writes them, and no chunk of theirs goes.
void BatchGrant::Finish(std::span<PercpuPtr> out) {
  if (!is_committed_) {
    const Cleaner cleaner(core_);
    Bytes cleared;
    for (const Cleaning& cleaning : cleanings_) {
      cleared += cleaner.Zero(cleaning.memory, std::span(&cleaning.dirty, 1));
    }
    SlicedLock lock(&core_.index_mu);
    core_.index().counters().zeroed_inline += cleared;
    Commit(lock);
  }
  std::transform(placed_.begin(), placed_.end(), out.begin(),
                 [](Placement placement) { return placement.pointer(); });
  if (wakes_balancer_) core_.WakeBalancer();
}

Outcome BatchGrant::Try(std::span<PercpuPtr> out) {
  {
    SlicedLock lock(&core_.index_mu);
    if (options_.no_grow) core_.signal().UseReserve();
    RETURN_IF_ERROR(AcquireTag());
    const bool placed = Place(lock);
    const Index& index = core_.index();
    // There may be room in what is being cleared, or waits for it: worth a wait.
    if (!placed &&
        (may_grow() || index.runs().withdrawn() > 0 || index.reclaimer().has_pending())) {
      Undo(lock);
      return kWouldSleep;
    }
    if (!placed) {
      absl::Status refused = Refuse();
      Undo(lock);
      return refused;
    }
    if (!IsBacked()) {
      Undo(lock);
      return kWouldSleep;
    }
    if (cleanings_.empty()) Commit(lock);
  }
  Finish(out);
  return absl::OkStatus();
}

absl::Status BatchGrant::GrantGrowing(std::span<PercpuPtr> out) {
  {
    RankedLock grow(&core_.grow_mu);
    {
      RankedLock lock(&core_.index_mu);
      RETURN_IF_ERROR(AcquireTag());
    }
    std::vector<ChunkId> created;
    if (absl::Status status = PlaceGrowing(created); !status.ok()) {
      {
        SlicedLock lock(&core_.index_mu);
        Undo(lock);
      }
      for (const ChunkId chunk : created) Grower(core_).DestroyIfFree(chunk);
      return status;
    }
  }
  Finish(out);
  return absl::OkStatus();
}

// A batch that cannot fit backs nothing: else the whole arena would be backed for it,
// chunk by chunk, and be given back again.
absl::StatusOr<ChunkId> BatchGrant::CreateIfAllFit() {
  Bytes missing;
  std::uint64_t larger_than_half = 0;
  for (const AreaSpec& spec : specs_.subspan(placed_.size())) {
    missing += ToBytes(ToGranules(spec.size));
    // No chunk holds two of these.
    larger_than_half += std::uint64_t{spec.size * 2 > core_.info().unit_size};
  }
  const Footprint footprint = core_.backend().footprint();
  const BuddyState buddy = core_.backend().Buddy();
  const Pages run = footprint.returns_tail ? footprint.pages_per_chunk : footprint.block_pages;
  const std::uint64_t can_make = buddy.free_pages / run;
  Bytes room = core_.info().unit_size * can_make;
  std::uint64_t chunks = can_make;
  {
    RankedLock lock(&core_.index_mu);
    const Counters& counters = core_.index().counters();
    chunks += counters.nr_chunks;
    room += core_.info().unit_size * counters.nr_chunks - core_.info().static_size -
            counters.live_bytes;
  }
  if (missing > room || larger_than_half > chunks) {
    return errors::ArenaFull(missing * core_.info().units(), core_.pages().size(),
                             buddy.free_pages);
  }
  return Grower(core_).CreateChunk();
}

absl::Status BatchGrant::PlaceGrowing(std::vector<ChunkId>& created) {
  Grower grower(core_);
  Cleaner cleaner(core_);
  while (true) {
    {
      SlicedLock lock(&core_.index_mu);
      if (Place(lock)) break;
      if (!may_grow() && !core_.index().reclaimer().has_pending()) return Refuse();
    }
    if (cleaner.ClearPending(/*any=*/true)) continue;
    absl::StatusOr<ChunkId> chunk = created.empty() ? CreateIfAllFit() : grower.CreateChunk();
    if (!chunk.ok()) {
      RankedLock lock(&core_.index_mu);
      ++core_.index().counters().failed_allocs;
      return chunk.status();
    }
    created.push_back(*chunk);
    core_.spare().NoteMade(core_.options().balance, core_.options().clock->Now());
  }
  for (const Placement placement : placed_) RETURN_IF_ERROR(grower.Populate(placement));
  return absl::OkStatus();
}

}  // namespace

absl::Status Allocator::Validate(std::span<const AreaSpec> specs,
                                 const AllocOptions& options) const {
  if (specs.empty()) return errors::BatchIsEmpty("sizes");
  if (!options.tag.empty()) RETURN_IF_ERROR(CheckTag(options.tag));
  const bool reserved = options.region == Region::kReserved;
  if (reserved && info().reserved_size == Bytes(0)) return errors::NoReservedRegion();
  const Bytes limit = reserved ? info().reserved_size : max_alloc_size();
  for (const AreaSpec& spec : specs) {
    if (!IsSound(spec, limit, core_->max_alignment())) {
      return ExplainUnsound(spec, limit, reserved ? "the reserved part of a unit" : "a whole unit",
                            info());
    }
  }
  return absl::OkStatus();
}

Outcome Allocator::TryAllocBatch(std::span<const AreaSpec> specs, const AllocOptions& options,
                                 std::span<PercpuPtr> out) {
  assert(specs.size() == out.size());
  if (specs.size() == 1) {
    if (const std::optional<PercpuPtr> one = TryGrantOne(*core_, specs.front(), options)) {
      out.front() = *one;
      return absl::OkStatus();
    }
  }
  RETURN_IF_ERROR(Validate(specs, options));
  return BatchGrant(*core_, specs, options).Try(out);
}

absl::Status Allocator::AllocBatch(std::span<const AreaSpec> specs, const AllocOptions& options,
                                   std::span<PercpuPtr> out) {
  if (Outcome status = TryAllocBatch(specs, options, out)) return *status;
  return BatchGrant(*core_, specs, options).GrantGrowing(out);
}

}  // namespace percpud

// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// One area at a time, which is what most calls are about, with none of a batch's
// steps. What has a tag or other demands, needs memory, or has to be refused, goes
// the batch's way.

#include <algorithm>
#include <optional>
#include <span>

#include "server/percpu/allocator/allocator.h"
#include "server/percpu/index/index_hot.h"

namespace percpud {

// Not granted yet; none if there is no room, or none that is backed.
ABSL_ATTRIBUTE_ALWAYS_INLINE Placement Allocator::PlaceBacked(Granules count, Granules align) {
  const Placement placed =
      index_.PlaceInRoom(count, align, Region::kDynamic, /*populated_only=*/false);
  if (!gives_pages_back_ || !placed) return placed;
  const Chunk& chunk = *placed.chunk;
  if (chunk.is_populated() || chunk.UnpopulatedIn(placed.area).count == 0) return placed;
  index_.Release(placed);
  return {};
}

// What is parked is clean and backed: granted at once. All else is out of line, so that
// this does with few registers.
ABSL_ATTRIBUTE_ALWAYS_INLINE std::optional<PercpuPtr> Allocator::TryAllocOne(
    AreaSpec spec, const AllocOptions& options) {
  const bool plain = options.region == Region::kDynamic && !options.no_grow && options.tag.empty();
  if (!plain || !IsSound(spec, max_alloc_size(), max_alignment_)) return std::nullopt;
  const Granules count = ToGranules(spec.size);
  const Granules align = AlignGranules(spec.alignment);
  index_mu_.Lock();
  const Placement parked = index_.TakeParked(count, align);
  if (!parked) return TryAllocInRoom(count, align);
  index_.CommitGrant(parked, kNoTag);
  const PercpuPtr pointer = parked.pointer();
  index_mu_.Unlock();
  return pointer;
}

std::optional<PercpuPtr> Allocator::TryAllocInRoom(Granules count, Granules align) {
  const Placement placement = PlaceBacked(count, align);
  if (!placement) {
    index_mu_.Unlock();
    return std::nullopt;
  }
  const AreaSpan dirty = options_.zero ? placement.chunk->DirtyIn(placement.area) : AreaSpan{};
  bool wake_balancer = false;
  if (dirty.size == Granules(0)) [[likely]] {
    index_.CommitGrant(placement, kNoTag);
    wake_balancer = TakeBalanceSignal(false);
    index_mu_.Unlock();
  } else {
    index_.Hold(placement);
    index_mu_.Unlock();
    wake_balancer = ClearAndGrant(placement, dirty);
  }
  if (wake_balancer && balance_wanted_) balance_wanted_();
  return placement.pointer();
}

// As in Finish.
bool Allocator::ClearAndGrant(Placement held, const AreaSpan& dirty) {
  const Bytes cleared = Zero(held.chunk->memory(), std::span(&dirty, 1));
  RankedLock index(&index_mu_);
  index_.mutable_stats().zeroed_inline += cleared;
  index_.Unhold(held);
  index_.CommitGrant(held, kNoTag);
  // The next ones had better be clean.
  return TakeBalanceSignal(true);
}

absl::StatusOr<PercpuPtr> Allocator::Alloc(AreaSpec spec, const AllocOptions& options) {
  if (const std::optional<PercpuPtr> one = TryAllocOne(spec, options)) return *one;
  return AllocInSteps(spec, options);
}

absl::StatusOr<PercpuPtr> Allocator::AllocInSteps(AreaSpec spec, const AllocOptions& options) {
  PercpuPtr pointer;
  absl::Status status = AllocBatch(std::span(&spec, 1), options, std::span(&pointer, 1));
  if (!status.ok()) return status;
  return pointer;
}

absl::StatusOr<Bytes> Allocator::Free(PercpuPtr pointer) {
  bool wake_balancer = false;
  Bytes size;
  {
    RankedLock index(&index_mu_);
    const Placement area = index_.FindLive(pointer);
    if (!area) {
      ++index_.mutable_stats().refused_frees;
      return ExplainNoArea(pointer);
    }
    size = ToBytes(area.area.size);
    if (index_.CommitFree(area)) wake_balancer = TakeBalanceSignal(NoteFreed(*area.chunk));
  }
  if (wake_balancer && balance_wanted_) balance_wanted_();
  return size;
}

}  // namespace percpud

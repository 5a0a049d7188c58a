// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// One area at a time, which is what most calls are about, with none of a batch's
// steps. What has a tag or other demands, needs memory, or has to be refused, goes
// the batch's way.

#include <algorithm>
#include <optional>
#include <span>

#include "server/percpu/allocator.h"
#include "server/percpu/index_inline.h"

namespace percpud {

// Not granted yet; nullopt if there is no room, or none that is backed.
ABSL_ATTRIBUTE_ALWAYS_INLINE std::optional<Placement> Allocator::PlaceBacked(const AreaSpec& spec) {
  const Granules align = ToGranules(std::max(spec.alignment, kMinAlign));
  const std::optional<Placement> placed =
      index_.Place(ToGranules(spec.size), align, Region::kDynamic, /*populated_only=*/false);
  if (!placed || !gives_pages_back_) return placed;
  const Chunk& chunk = *placed->chunk;
  if (chunk.is_populated() || chunk.UnpopulatedIn(placed->area).count == 0) return placed;
  index_.Release(*placed);
  return std::nullopt;
}

std::optional<PercpuPtr> Allocator::TryAllocOne(const AreaSpec& spec, const AllocOptions& options) {
  const bool plain = options.region == Region::kDynamic && !options.no_grow && options.tag.empty();
  if (!plain || !IsSound(spec, max_alloc_size(), info_->max_alignment())) return std::nullopt;
  Placement placement;
  AreaSpan dirty;
  bool wake_balancer = false;
  {
    RankedLock index(&index_mu_);
    const std::optional<Placement> placed = PlaceBacked(spec);
    if (!placed) return std::nullopt;
    placement = *placed;
    if (options_.zero) dirty = placement.chunk->DirtyIn(placement.area);
    if (dirty.size == Granules(0)) {
      index_.CommitGrant(placement, kNoTag);
      wake_balancer = TakeBalanceSignal(false);
    } else {
      index_.Hold(placement);
    }
  }
  if (dirty.size > Granules(0)) {
    // As in Finish.
    const Bytes cleared = Zero(placement.chunk->memory(), dirty);
    RankedLock index(&index_mu_);
    index_.mutable_stats().zeroed_inline += cleared;
    index_.Unhold(placement);
    index_.CommitGrant(placement, kNoTag);
    wake_balancer = TakeBalanceSignal(false);
  }
  if (wake_balancer && balance_wanted_) balance_wanted_();
  return placement.pointer();
}

absl::StatusOr<PercpuPtr> Allocator::Alloc(AreaSpec spec, const AllocOptions& options) {
  if (const std::optional<PercpuPtr> one = TryAllocOne(spec, options)) return *one;
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
    const std::optional<Placement> area = index_.FindLive(pointer);
    if (!area) {
      ++index_.mutable_stats().refused_frees;
      return ExplainNoArea(pointer);
    }
    index_.CommitFree(*area);
    size = ToBytes(area->area.size);
    wake_balancer = TakeBalanceSignal(NoteFreed(*area->chunk));
  }
  if (wake_balancer && balance_wanted_) balance_wanted_();
  return size;
}

}  // namespace percpud

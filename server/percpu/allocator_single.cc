// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// One area at a time, which is what most calls are about: a small one is granted
// from what is parked, and any is freed, with none of a batch's steps. What is not
// as simple as that, and every refusal to allocate, goes the batch's way.

#include <algorithm>
#include <optional>
#include <span>

#include "server/percpu/allocator.h"

namespace percpud {

std::optional<PercpuPtr> Allocator::TryAllocQuick(const AreaSpec& spec,
                                                  const AllocOptions& options) {
  const bool plain = options.region == Region::kDynamic && !options.no_grow && options.tag.empty();
  if (!plain || !Index::IsQuick(spec.size, spec.alignment) ||
      spec.alignment > info_->max_alignment()) {
    return std::nullopt;
  }
  Placement placement;
  AreaSpan dirty;
  {
    RankedLock index(&index_mu_);
    const std::optional<Placement> quick =
        index_.PlaceQuick(ToGranules(spec.size), ToGranules(std::max(spec.alignment, kMinAlign)));
    if (!quick) return std::nullopt;
    placement = *quick;
    if (options_.zero) dirty = placement.chunk->DirtyIn(placement.area);
    if (dirty.size == Granules(0)) {
      index_.CommitGrant(placement, kNoTag);
      return placement.pointer();
    }
  }
  // Held meanwhile, as in Finish.
  const Bytes cleared = Zero(placement.chunk->memory(), dirty);
  RankedLock index(&index_mu_);
  index_.mutable_stats().zeroed_inline += cleared;
  index_.CommitGrant(placement, kNoTag);
  return placement.pointer();
}

absl::StatusOr<PercpuPtr> Allocator::Alloc(AreaSpec spec, const AllocOptions& options) {
  if (const std::optional<PercpuPtr> quick = TryAllocQuick(spec, options)) return *quick;
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
    index_.Hold(*area);
    index_.CommitFree(*area);
    size = ToBytes(area->area.size);
    wake_balancer = TakeBalanceSignal(NoteFreed(*area->chunk));
  }
  if (wake_balancer && balance_wanted_) balance_wanted_();
  return size;
}

}  // namespace percpud

// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// One area at a time, granted and freed: the common case, with none of a batch's steps.
// What has a tag or other demands, needs memory, or has to be refused, goes the batch's
// way.

#include "server/percpu/allocator/grant_one.h"

#include <optional>
#include <span>

#include "absl/base/attributes.h"
#include "server/base/status_macros.h"
#include "server/percpu/allocator/allocator.h"
#include "server/percpu/allocator/cleaner.h"
#include "server/percpu/index/index_hot.h"

namespace percpud {
namespace {

// Places an area that is not granted yet; no area if there is no room, or none that is
// backed.
ABSL_ATTRIBUTE_ALWAYS_INLINE inline Placement PlaceBacked(AllocatorCore& core, Granules count,
                                                          Granules align)
    ABSL_EXCLUSIVE_LOCKS_REQUIRED(core.index_mu) {
  Index& index = core.index();
  const Placement placed =
      index.PlaceInRun(count, align, Region::kDynamic, /*populated_only=*/false);
  if (!core.gives_pages_back() || !placed) return placed;
  const Chunk& chunk = *placed.chunk;
  if (chunk.is_populated() || chunk.UnpopulatedIn(placed.area).count == 0) return placed;
  index.runs().Release(placed);
  return {};
}

// Clears a held area without the lock and grants it; whether to wake the balancer.
bool ClearAndGrant(AllocatorCore& core, Placement held, const AreaSpan& dirty)
    ABSL_LOCKS_EXCLUDED(core.index_mu) {
  const Bytes cleared = Cleaner(core).Zero(held.chunk->memory(), std::span(&dirty, 1));
  RankedLock lock(&core.index_mu);
  core.index().counters().zeroed_inline += cleared;
  core.index().held().Unhold(held);
  core.index().CommitGrant(held, kNoTag);
  // The next areas had better be clean.
  return core.TakeSignal(true);
}

// The way of an area where none is parked.
std::optional<PercpuPtr> TryGrantInRun(AllocatorCore& core, Granules count, Granules align)
    ABSL_UNLOCK_FUNCTION(core.index_mu) {
  const Placement placement = PlaceBacked(core, count, align);
  if (!placement) {
    core.index_mu.Unlock();
    return std::nullopt;
  }
  const AreaSpan dirty =
      core.options().zero ? placement.chunk->dirty().In(placement.area) : AreaSpan{};
  bool wakes_balancer = false;
  if (dirty.size == Granules(0)) [[likely]] {
    core.index().CommitGrant(placement, kNoTag);
    wakes_balancer = core.TakeSignal(false);
    core.index_mu.Unlock();
  } else {
    core.index().held().Hold(placement);
    core.index_mu.Unlock();
    wakes_balancer = ClearAndGrant(core, placement, dirty);
  }
  if (wakes_balancer) core.WakeBalancer();
  return placement.pointer();
}

// What is parked is clean and backed: granted at once. All else is out of line, so that
// this does with few registers.
ABSL_ATTRIBUTE_ALWAYS_INLINE inline std::optional<PercpuPtr> TryGrantOneHot(
    AllocatorCore& core, AreaSpec spec, const AllocOptions& options)
    ABSL_LOCKS_EXCLUDED(core.index_mu) {
  const bool plain = options.region == Region::kDynamic && !options.no_grow && options.tag.empty();
  if (!plain || !IsSound(spec, core.info().unit_size, core.max_alignment())) return std::nullopt;
  const Granules count = ToGranules(spec.size);
  const Granules align = AlignGranules(spec.alignment);
  core.index_mu.Lock();
  const Placement parked = core.index().reclaimer().TakeParked(count, align);
  if (!parked) return TryGrantInRun(core, count, align);
  core.index().CommitGrant(parked, kNoTag);
  const PercpuPtr pointer = parked.pointer();
  core.index_mu.Unlock();
  return pointer;
}

}  // namespace

std::optional<PercpuPtr> TryGrantOne(AllocatorCore& core, AreaSpec spec,
                                     const AllocOptions& options) {
  return TryGrantOneHot(core, spec, options);
}

absl::StatusOr<PercpuPtr> Allocator::Alloc(AreaSpec spec, const AllocOptions& options) {
  if (const std::optional<PercpuPtr> one = TryGrantOneHot(*core_, spec, options)) return *one;
  PercpuPtr pointer;
  RETURN_IF_ERROR(AllocBatch(std::span(&spec, 1), options, std::span(&pointer, 1)));
  return pointer;
}

absl::StatusOr<Bytes> Allocator::Free(PercpuPtr pointer) {
  AllocatorCore& core = *core_;
  BalancerWake wake(core);
  RankedLock lock(&core.index_mu);
  const Placement area = core.index().chunks().FindLive(pointer);
  if (!area) {
    ++core.index().counters().refused_frees;
    return core.CheckLive(pointer);
  }
  const Bytes size = ToBytes(area.area.size);
  if (core.index().CommitFree(area)) wake.SetDue(core.TakeSignal(core.NoteFreed(*area.chunk)));
  return size;
}

}  // namespace percpud

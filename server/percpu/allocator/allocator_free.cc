// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// Taking areas back: all of a batch or none, every pointer checked.

#include <algorithm>
#include <optional>
#include <span>

#include "absl/container/inlined_vector.h"
#include "server/base/errors.h"
#include "server/percpu/allocator/allocator.h"
#include "server/percpu/index/index_hot.h"

namespace percpud {

absl::StatusOr<Bytes> Allocator::FreeBatch(std::span<const PercpuPtr> pointers) {
  if (pointers.empty()) return errors::BatchIsEmpty("pointers");
  if (pointers.size() == 1) return Free(pointers.front());
  absl::InlinedVector<Placement, 4> freed;
  freed.reserve(pointers.size());
  Bytes total;
  bool worth_balancing = false;
  bool wake_balancer = false;
  {
    SlicedLock index(&index_mu_);
    for (const PercpuPtr pointer : pointers) {
      index.Step();
      absl::StatusOr<Placement> area = index_.FindArea(pointer);
      if (!area.ok()) return RefuseFree(pointer, freed, index);
      index_.HoldLive(*area);
      freed.push_back(*area);
    }
    for (const Placement placement : freed) {
      index.Step();
      index_.UnholdLive(placement);
      index_.CommitFree(placement);
      total += ToBytes(placement.area.size);
      worth_balancing |= NoteFreed(*placement.chunk);
    }
    wake_balancer = TakeBalanceSignal(worth_balancing);
  }
  if (wake_balancer && balance_wanted_) balance_wanted_();
  return total;
}

bool Allocator::NoteFreeChunk(Chunk& chunk) {
  if (chunk.is_free()) {
    chunk.free_since = options_.clock->Now();
    return true;
  }
  return index_.QueueIfEmptying(chunk, options_.balance.empty_pages_high);
}

// Puts back what the batch holds, all before `pointer`, and only then says what
// is wrong: an interior pointer to one of those is that.
absl::Status Allocator::RefuseFree(PercpuPtr pointer, std::span<const Placement> freed,
                                   SlicedLock& lock) {
  ++index_.mutable_stats().refused_frees;
  const bool twice = std::any_of(freed.begin(), freed.end(), [&](Placement placement) {
    return placement.pointer() == pointer;
  });
  for (const Placement placement : freed) {
    lock.Step();
    index_.UnholdLive(placement);
  }
  return twice ? errors::DuplicateInBatch(pointer) : ExplainNoArea(pointer);
}

absl::Status Allocator::ExplainNoArea(PercpuPtr pointer) const {
  const std::optional<Index::Location> location = index_.Locate(pointer);
  if (location && location->unit == UnitId(0) && IsStatic(*location)) {
    const StaticVariable* variable = statics_.At(location->offset);
    return errors::PointerIsStatic(pointer, variable == nullptr ? "" : variable->name);
  }
  return index_.FindArea(pointer).status();
}

absl::Status Allocator::CheckArea(PercpuPtr pointer) const {
  RankedLock index(&index_mu_);
  return ExplainNoArea(pointer);
}

bool Allocator::IsStatic(const Index::Location& location) const {
  return location.chunk->kind() == ChunkKind::kFirst && location.offset < info_->static_size;
}

}  // namespace percpud

// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// A batch of areas taken back: all of them or none, every pointer checked.

#include <algorithm>
#include <span>

#include "absl/container/inlined_vector.h"
#include "server/base/errors.h"
#include "server/percpu/allocator/allocator.h"
#include "server/percpu/allocator/core.h"
#include "server/percpu/index/index_hot.h"

namespace percpud {
namespace {

// Puts back what the batch holds, all before `pointer`, and only then says what is wrong
// with it: a pointer into one of those is an interior one.
absl::Status RefuseFree(AllocatorCore& core, PercpuPtr pointer, std::span<const Placement> freed,
                        SlicedLock& lock) ABSL_EXCLUSIVE_LOCKS_REQUIRED(core.index_mu) {
  ++core.index().counters().refused_frees;
  const bool twice = std::any_of(freed.begin(), freed.end(), [&](Placement placement) {
    return placement.pointer() == pointer;
  });
  for (const Placement placement : freed) {
    lock.Step();
    core.index().held().UnholdLive(placement);
  }
  return twice ? errors::DuplicateInBatch(pointer) : core.CheckLive(pointer);
}

}  // namespace

absl::StatusOr<Bytes> Allocator::FreeBatch(std::span<const PercpuPtr> pointers) {
  if (pointers.empty()) return errors::BatchIsEmpty("pointers");
  if (pointers.size() == 1) return Free(pointers.front());
  AllocatorCore& core = *core_;
  absl::InlinedVector<Placement, 4> freed;
  freed.reserve(pointers.size());
  Bytes total;
  bool worth_balancing = false;
  BalancerWake wake(core);
  SlicedLock lock(&core.index_mu);
  for (const PercpuPtr pointer : pointers) {
    lock.Step();
    absl::StatusOr<Placement> area = core.index().chunks().FindArea(pointer);
    if (!area.ok()) return RefuseFree(core, pointer, freed, lock);
    core.index().held().HoldLive(*area);
    freed.push_back(*area);
  }
  for (const Placement placement : freed) {
    lock.Step();
    core.index().held().UnholdLive(placement);
    core.index().CommitFree(placement);
    total += ToBytes(placement.area.size);
    worth_balancing |= core.NoteFreed(*placement.chunk);
  }
  wake.SetDue(core.TakeSignal(worth_balancing));
  return total;
}

absl::Status Allocator::CheckArea(PercpuPtr pointer) const {
  AllocatorCore& core = *core_;
  RankedLock lock(&core.index_mu);
  return core.CheckLive(pointer);
}

}  // namespace percpud

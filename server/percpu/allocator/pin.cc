// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/percpu/allocator/pin.h"

#include <cassert>
#include <optional>

#include "server/base/errors.h"
#include "server/percpu/allocator/core.h"
#include "server/percpu/index/index_hot.h"

namespace percpud {

absl::StatusOr<Pin> Pin::Find(AllocatorCore& core, PercpuPtr pointer, Bytes length) {
  RankedLock lock(&core.index_mu);
  const std::optional<Index::Location> location = core.index().chunks().Locate(pointer);
  if (!location || location->unit != UnitId(0))
    return core.index().chunks().FindArea(pointer).status();
  Chunk& chunk = *location->chunk;
  AreaSpan area{Granules(0), ToGranules(core.info().static_size)};
  if (chunk.state().lease_map()) {
    // The whole chunk counts as one area: what lies where is the client's business.
    area = {Granules(0), chunk.areas().size()};
  } else if (!core.IsStatic(*location)) {
    const Granules at(location->offset.value() / kGranuleSize.value());
    const std::optional<AreaSpan> found = chunk.LiveAt(at);
    if (!found) return errors::AreaNotLive(pointer, chunk.id());
    area = *found;
  }
  const Bytes room = ToBytes(area.end()) - location->offset;
  if (length > room) {
    return errors::RangeLeavesArea(pointer, length, chunk.PointerTo(area.offset),
                                   ToBytes(area.size));
  }
  chunk.state().Pin();
  const PercpuPtr start = core.IsStatic(*location) ? PercpuPtr(0) : chunk.PointerTo(area.offset);
  return Pin(&core, &chunk, location->offset, start);
}

Pin::~Pin() {
  if (core_ == nullptr) return;
  RankedLock lock(&core_->index_mu);
  chunk_->state().Unpin();
}

std::byte* Pin::address(UnitId unit) const {
  assert(unit.value() < core_->info().units());
  const Bytes at = chunk_->memory().base + core_->info().unit_offset[unit.value()] + offset_;
  return core_->pages().base() + at.value();
}

}  // namespace percpud

// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// Memory that is read and written: found inside one live area, and pinned.

#include <optional>

#include "server/base/errors.h"
#include "server/percpu/allocator/allocator.h"
#include "server/percpu/index/index_hot.h"

namespace percpud {

absl::StatusOr<Allocator::Pin> Allocator::Touch(PercpuPtr pointer, Bytes length) const {
  RankedLock index(&index_mu_);
  const std::optional<Index::Location> location = index_.Locate(pointer);
  if (!location || location->unit != UnitId(0)) return index_.FindArea(pointer).status();
  Chunk& chunk = *location->chunk;
  AreaSpan area{Granules(0), ToGranules(info_->static_size)};
  if (chunk.lease_map) {
    // One area as far as we know: what lies where is the client's business.
    area = {Granules(0), chunk.areas().size()};
  } else if (!IsStatic(*location)) {
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
  ++chunk.pins;
  const PercpuPtr start = IsStatic(*location) ? PercpuPtr(0) : chunk.PointerTo(area.offset);
  return Pin(this, &chunk, location->offset, start);
}

Allocator::Pin::~Pin() {
  if (allocator_ == nullptr) return;
  RankedLock index(&allocator_->index_mu_);
  --chunk_->pins;
}

std::byte* Allocator::Pin::address(UnitId unit) const {
  const Bytes at = chunk_->memory().base + allocator_->info_->unit_offset[unit.value()] + offset_;
  return allocator_->pages_.base() + at.value();
}

}  // namespace percpud

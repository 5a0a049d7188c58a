// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/percpu/allocator/pin.h"

#include <cassert>
#include <cstring>
#include <optional>

#include "server/arena/guarded_access.h"
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
  if (core.IsStatic(*location)) return FindStatic(core, pointer, length, *location);
  // A leased chunk counts as one area: what lies where is the client's business.
  AreaSpan area{Granules(0), chunk.areas().size()};
  if (!chunk.state().lease_map()) {
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
  return Pin(&core, &chunk, location->offset, length, chunk.PointerTo(area.offset));
}

// Every variable is bounded: what lies between them, and before them, is nobody's.
absl::StatusOr<Pin> Pin::FindStatic(AllocatorCore& core, PercpuPtr pointer, Bytes length,
                                    const ChunkTable::Location& location) {
  const StaticVariable* const variable = core.statics().At(location.offset);
  if (variable == nullptr) return errors::PointerInNoVariable(pointer);
  if (length > variable->offset + variable->size - location.offset) {
    const Bytes start = location.chunk->memory().base + variable->offset;
    return errors::RangeLeavesArea(pointer, length, PercpuPtr(start.value()), variable->size);
  }
  location.chunk->state().Pin();
  return Pin(&core, location.chunk, location.offset, length, PercpuPtr(0));
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

absl::Status Pin::Access(absl::FunctionRef<void()> access) const {
  const PageSource& pages = core_->pages();
  if (GuardedAccess(pages.base(), pages.size(), access)) return absl::OkStatus();
  return errors::MemoryTaken(PercpuPtr((chunk_->memory().base + offset_).value()));
}

absl::Status Pin::Read(UnitId unit, std::span<std::byte> out) const {
  assert(Bytes(out.size()) <= length_);
  const std::byte* const from = address(unit);
  return Access([&] { std::memcpy(out.data(), from, out.size()); });
}

absl::Status Pin::Write(UnitId unit, std::span<const std::byte> data) const {
  assert(Bytes(data.size()) <= length_);
  std::byte* const to = address(unit);
  return Access([&] { std::memcpy(to, data.data(), data.size()); });
}

}  // namespace percpud

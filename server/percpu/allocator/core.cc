// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/percpu/allocator/core.h"

#include <optional>

#include "server/area/lease_map.h"
#include "server/base/errors.h"
#include "server/percpu/index/index_hot.h"

namespace percpud {

AllocatorCore::AllocatorCore(std::unique_ptr<const AllocInfo> info, StaticLayout statics,
                             std::unique_ptr<Backend> backend, PageSource& pages,
                             AllocatorOptions options)
    : info_(std::move(info)),
      statics_(std::move(statics)),
      backend_(std::move(backend)),
      gives_pages_back_(!backend_->populates_at_creation()),
      pages_(pages),
      options_(std::move(options)),
      max_alignment_(info_->max_alignment()),
      index_(*info_,
             {.size = pages.size(),
              .page_size = pages.page_size(),
              .frame_size = backend_->frame_size()},
             gives_pages_back_ ? ReusePolicy::kFreeRun
             : options_.zero   ? ReusePolicy::kCleared
                               : ReusePolicy::kParked),
      signal_(options_.balance, options_.zero || gives_pages_back_) {}

Bytes AllocatorCore::lease_map_size() const {
  const Bytes storage(LeaseMap::StorageBytes(ToGranules(info_->unit_size)));
  return RoundUp(storage, pages_.page_size());
}

void AllocatorCore::NotifyChunk(const Chunk& chunk, bool destroyed) const {
  if (!options_.on_chunk) return;
  options_.on_chunk({.id = chunk.id(),
                     .base = chunk.memory().base,
                     .order = chunk.memory().block_order,
                     .destroyed = destroyed});
}

absl::Status AllocatorCore::CheckLive(PercpuPtr pointer) const {
  const std::optional<Index::Location> location = index_.chunks().Locate(pointer);
  if (location && location->unit == UnitId(0) && IsStatic(*location)) {
    const StaticVariable* variable = statics_.At(location->offset);
    return errors::PointerIsStatic(pointer, variable == nullptr ? "" : variable->name);
  }
  return index_.chunks().FindArea(pointer).status();
}

bool AllocatorCore::NoteFreeChunk(Chunk& chunk) {
  if (chunk.is_free()) {
    chunk.state().set_free_since(options_.clock->Now());
    return true;
  }
  return index_.runs().QueueIfEmptying(chunk, options_.balance.empty_pages_high);
}

}  // namespace percpud

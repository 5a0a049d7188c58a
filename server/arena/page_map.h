// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_SERVER_ARENA_PAGE_MAP_H_
#define PERCPUD_SERVER_ARENA_PAGE_MAP_H_

#include <optional>

#include "server/base/units.h"
#include "server/base/zeroed_array.h"

namespace percpud {

// Page -> chunk: the back pointer that every page of a chunk carries, so that
// any address finds its owner in O(1). Thread compatible: readers and writers
// are kept apart by the allocator's index lock.
class PageMap {
 public:
  explicit PageMap(Pages total) : owner_(total.value()) {}

  // REQUIRES: the pages exist.
  void Set(PageId first, Pages count, ChunkId chunk);
  void Clear(PageId first, Pages count);
  // The chunk the page belongs to; nullopt also beyond the last page.
  [[nodiscard]] std::optional<ChunkId> Find(PageId page) const {
    if (page.value() >= owner_.size()) return std::nullopt;
    const ChunkId::Rep owner = owner_[page.value()];
    if (owner == kNone) return std::nullopt;
    return ChunkId(owner - 1);
  }
  [[nodiscard]] Pages size() const { return Pages(owner_.size()); }

 private:
  static constexpr ChunkId::Rep kNone = 0;

  void Fill(PageId first, Pages count, ChunkId::Rep owner);

  // Chunk id + 1, so that untouched memory means "no chunk".
  ZeroedArray<ChunkId::Rep> owner_;
};

}  // namespace percpud

#endif  // PERCPUD_SERVER_ARENA_PAGE_MAP_H_

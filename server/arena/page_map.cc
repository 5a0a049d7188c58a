// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/arena/page_map.h"

#include <algorithm>
#include <cassert>
#include <optional>

namespace percpud {

void PageMap::Set(PageId first, Pages count, ChunkId chunk) {
  assert(chunk != ChunkId(ChunkId::Rep(-1)));
  Fill(first, count, chunk.value() + 1);
}

void PageMap::Clear(PageId first, Pages count) { Fill(first, count, kNone); }

void PageMap::Fill(PageId first, Pages count, ChunkId::Rep owner) {
  assert(first.value() <= owner_.size() && count <= Pages(owner_.size() - first.value()));
  std::fill_n(owner_.begin() + first.value(), count.value(), owner);
}

}  // namespace percpud

// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_SERVER_PERCPU_INDEX_PLACEMENT_H_
#define PERCPUD_SERVER_PERCPU_INDEX_PLACEMENT_H_

#include "server/area/area_map.h"
#include "server/base/units.h"
#include "server/percpu/index/chunk.h"

namespace percpud {

// One area of one chunk, or none. The chunk stays the index's.
struct Placement {
  Chunk* chunk = nullptr;
  AreaSpan area;

  [[nodiscard]] explicit operator bool() const { return chunk != nullptr; }

  // REQUIRES: it is one.
  [[nodiscard]] PercpuPtr pointer() const { return chunk->PointerTo(area.offset); }
};

}  // namespace percpud

#endif  // PERCPUD_SERVER_PERCPU_INDEX_PLACEMENT_H_

// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_SERVER_PERCPU_ALLOCATOR_RESTORED_STATE_H_
#define PERCPUD_SERVER_PERCPU_ALLOCATOR_RESTORED_STATE_H_

#include <vector>

#include "absl/strings/string_view.h"
#include "server/base/units.h"

namespace percpud {

// What a daemon had granted, as its successor learns it. Nothing of it is
// trusted: what cannot be is refused.
struct RestoredState {
  struct Chunk {
    ChunkId id;
    Bytes base;
  };
  struct Area {
    PercpuPtr pointer;
    Granules size;
    absl::string_view tag;
  };
  struct Lease {
    ChunkId chunk;
    Bytes map_base;
  };

  // At most one of each id, in any order.
  std::vector<Chunk> chunks;
  // Ascending pointers. The tags outlive the restoring.
  std::vector<Area> areas;
  std::vector<Lease> leases;
};

}  // namespace percpud

#endif  // PERCPUD_SERVER_PERCPU_ALLOCATOR_RESTORED_STATE_H_

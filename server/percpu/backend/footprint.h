// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// What chunks take of the arena, and what the arena has left: plain copies.

#ifndef PERCPUD_SERVER_PERCPU_BACKEND_FOOTPRINT_H_
#define PERCPUD_SERVER_PERCPU_BACKEND_FOOTPRINT_H_

#include <cstdint>
#include <vector>

#include "server/base/units.h"

namespace percpud {

// The page allocator's free lists, and how much they hold.
struct BuddyState {
  // Indexed by order.
  std::vector<std::uint64_t> free_blocks;
  Pages free_pages;
  Pages total_pages;
  Bytes page_size;
};

// Sizes of a chunk that follow from the layout and the backend.
struct Footprint {
  // Pages that belong to the chunk.
  Pages pages_per_chunk;
  Order block_order;
  Pages block_pages;
  // Pages of the block that are lost: neither the chunk's nor given back.
  Pages wasted_pages;
  // Pages of the chunk that back ghosts.
  Pages ghost_pages;
  // Pages of the block behind the last unit that is no ghost: what a tail return
  // gives back, or would.
  Pages tail_pages;
  bool returns_tail = false;
};

}  // namespace percpud

#endif  // PERCPUD_SERVER_PERCPU_BACKEND_FOOTPRINT_H_

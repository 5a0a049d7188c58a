// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_SERVER_PERCPU_INDEX_COUNTERS_H_
#define PERCPUD_SERVER_PERCPU_INDEX_COUNTERS_H_

#include <cstdint>

#include "server/base/units.h"

namespace percpud {

// What the index counts as things happen: percpu_stats' global part, then what the
// kernel does not count.
struct Counters {
  std::uint64_t nr_alloc = 0;
  std::uint64_t nr_dealloc = 0;
  std::uint64_t nr_max_alloc = 0;
  // The reserved chunk is not counted, as in the kernel.
  std::uint64_t nr_chunks = 0;
  std::uint64_t nr_max_chunks = 0;
  // unit_size until the first allocation, as in the kernel.
  Bytes min_alloc_size;
  Bytes max_alloc_size;

  std::uint64_t chunks_created = 0;
  std::uint64_t chunks_destroyed = 0;
  std::uint64_t chunks_created_ahead = 0;
  Bytes live_bytes;
  std::uint64_t failed_allocs = 0;
  std::uint64_t refused_frees = 0;
  // Bytes cleared by a request, and by the balancer.
  Bytes zeroed_inline;
  Bytes zeroed_background;
};

}  // namespace percpud

#endif  // PERCPUD_SERVER_PERCPU_INDEX_COUNTERS_H_

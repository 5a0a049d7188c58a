// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_SERVER_PERCPU_ALLOCATOR_BALANCE_POLICY_H_
#define PERCPUD_SERVER_PERCPU_ALLOCATOR_BALANCE_POLICY_H_

#include <cstdint>

#include "absl/time/time.h"
#include "server/base/limits.h"

namespace percpud {

// When the balancer creates and when it lets go. The kernel keeps one free
// chunk and destroys the rest at once, which on a load that swings makes it
// create 356 chunks where 56 are ever in use; count and age give hysteresis.
struct BalancePolicy {
  // Fewer empty populated pages than `low` are topped up to `high`; 0, 0: off.
  std::uint32_t empty_pages_low = kEmptyPagesLow;
  std::uint32_t empty_pages_high = kEmptyPagesHigh;
  // Free chunks kept whatever their age ...
  std::uint32_t free_chunks_min = 1;
  // ... and kept at most, as a share of all chunks, while younger than `age`: as many
  // as would have been of use (spare_chunks.h).
  std::uint32_t free_chunks_max_percent = 16;
  absl::Duration free_chunk_age = absl::Seconds(10);
};

}  // namespace percpud

#endif  // PERCPUD_SERVER_PERCPU_ALLOCATOR_BALANCE_POLICY_H_

// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_SERVER_CELLS_HISTOGRAM_H_
#define PERCPUD_SERVER_CELLS_HISTOGRAM_H_

#include <cassert>
#include <cstddef>
#include <cstdint>
#include <span>

#include "server/cells/sum.h"

namespace percpud::cells {

// What a histogram shows, from its cells' totals: count and sum are derived, so that
// the last bucket always equals the count. `cells` are cell 0 and one for each bucket.
// Writes the cumulative counts, as `le` means them, to `buckets`.
// REQUIRES: one bucket fewer than cells.
constexpr CountSum Accumulate(std::span<const CountSum> cells, std::span<std::uint64_t> buckets) {
  assert(!cells.empty() && buckets.size() == cells.size() - 1);
  // Cell 0 counts nothing: what was added to the sum without an observation.
  CountSum total{.count = 0, .sum = cells[0].sum};
  for (std::size_t bucket = 0; bucket < buckets.size(); ++bucket) {
    total = Plus(total, cells[bucket + 1]);
    buckets[bucket] = total.count;
  }
  return total;
}

}  // namespace percpud::cells

#endif  // PERCPUD_SERVER_CELLS_HISTOGRAM_H_

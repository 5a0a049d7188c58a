// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_SERVER_CELLS_BUCKET_H_
#define PERCPUD_SERVER_CELLS_BUCKET_H_

#include <cassert>
#include <cstddef>
#include <span>

namespace percpud::cells {

// True if the bounds are finite and rise: what BucketOf requires. The last bucket has
// no bound and is not among them.
constexpr bool AreBounds(std::span<const double> bounds) {
  for (std::size_t i = 0; i < bounds.size(); ++i) {
    const bool finite = bounds[i] - bounds[i] == 0;
    if (!finite || (i > 0 && !(bounds[i - 1] < bounds[i]))) return false;
  }
  return true;
}

// The bucket that `value` falls into: the first one whose bound is not below it, or
// bounds.size() if all are. A value on a bound belongs to the bucket it closes, as
// Prometheus's `le` says. Not-a-number is below nothing and gets the last.
// Halves without a branch on what it compares: values are not predictable.
// REQUIRES: AreBounds(bounds).
constexpr std::size_t BucketOf(std::span<const double> bounds, double value) {
  std::size_t first = 0;
  std::size_t left = bounds.size();
  while (left > 0) {
    const std::size_t half = (left + 1) / 2;
    // `value <= bound` is false for not-a-number too.
    const bool above = !(value <= bounds[first + half - 1]);
    first += above ? half : 0;
    left = above ? left - half : half - 1;
  }
  return first;
}

// Where the bucket's cell is among a histogram's cells.
constexpr std::size_t CellOfBucket(std::size_t bucket) { return bucket + 1; }

}  // namespace percpud::cells

#endif  // PERCPUD_SERVER_CELLS_BUCKET_H_

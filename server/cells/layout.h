// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// How much of a unit a series' cells take, and where each is. The cells themselves
// are in proto/percpud/abi/v1/cells.h.

#ifndef PERCPUD_SERVER_CELLS_LAYOUT_H_
#define PERCPUD_SERVER_CELLS_LAYOUT_H_

#include <cassert>
#include <cstddef>
#include <cstdint>

#include "proto/percpud/abi/v1/cells.h"

namespace percpud::cells {

using abi::v1::CountSum;
using abi::v1::WriterCell;

enum class CellKind : std::uint8_t {
  // One number per CPU.
  kInteger,
  kDouble,
  // One {count, sum} per CPU and bucket, and one that has a sum alone.
  kHistogram,
  // One {count, sum} per CPU.
  kSummary,
};

// The most buckets of a histogram, the last one included. Its cells fit into a page.
inline constexpr std::size_t kMostBuckets = 255;

// Cells of a histogram: cell 0, then one for each bucket. `bounds` are the finite upper
// bounds; the last bucket has none.
constexpr std::size_t HistogramCells(std::size_t bounds) {
  assert(bounds < kMostBuckets);
  return 1 + bounds + 1;
}

// Bytes of one unit. `bounds` is of histograms, and else without meaning.
constexpr std::size_t SeriesBytes(CellKind kind, std::size_t bounds = 0) {
  switch (kind) {
    case CellKind::kInteger:
      return sizeof(std::uint64_t);
    case CellKind::kDouble:
      return sizeof(double);
    case CellKind::kHistogram:
      return HistogramCells(bounds) * sizeof(CountSum);
    case CellKind::kSummary:
      return sizeof(CountSum);
  }
  return 0;
}

constexpr std::size_t SeriesAlignment(CellKind kind) {
  const bool pairs = kind == CellKind::kHistogram || kind == CellKind::kSummary;
  return pairs ? alignof(CountSum) : sizeof(std::uint64_t);
}

}  // namespace percpud::cells

#endif  // PERCPUD_SERVER_CELLS_LAYOUT_H_

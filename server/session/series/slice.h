// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_SERVER_SESSION_SERIES_SLICE_H_
#define PERCPUD_SERVER_SESSION_SERIES_SLICE_H_

#include <cstddef>
#include <vector>

#include "server/metrics/metric_tables.h"
#include "server/metrics/writer_table.h"
#include "server/percpu/allocator/allocator.h"
#include "server/session/transaction.h"

namespace percpud {

// A series that one commit changes.
struct ChosenSeries {
  metrics::Family* family = nullptr;
  metrics::Series* series = nullptr;
  // What its cells come to; empty if that is no baseline. Of writers, what each has, live or
  // dead, as a pair of the value's bits and the timestamp.
  std::vector<metrics::CountSum> sums;
  // The cells of live writers, and what is in them.
  struct Cell {
    metrics::CellPlace place;
    metrics::WriterCell value{};
  };
  std::vector<Cell> cells;

  [[nodiscard]] bool IsOfWriters() const { return family->shape.cells == metrics::Cells::kWriter; }
  // Nothing can be subtracted from its cells: it is to give way to another series.
  [[nodiscard]] bool HasNoBaseline() const { return sums.empty() && !IsOfWriters(); }
};

// Series of one commit.
using SeriesSlice = std::vector<ChosenSeries>;
inline constexpr std::size_t kSeriesSlice = 1024;

// Adds up the cells of a slice of a namespace that the transaction holds. The lock is free
// meanwhile.
void SumSlice(Transaction& tx, const Allocator& allocator, SeriesSlice& slice);

// Whether nobody has counted since the baseline. Of writers: whether nobody has set it.
bool IsAtBaseline(const ChosenSeries& one);

}  // namespace percpud

#endif  // PERCPUD_SERVER_SESSION_SERIES_SLICE_H_

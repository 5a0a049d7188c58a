// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_SERVER_SESSION_SERIES_SLICE_H_
#define PERCPUD_SERVER_SESSION_SERIES_SLICE_H_

#include <cstddef>
#include <span>
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

  // What one that all processes share held when it was made 0.
  double taken = 0;

  [[nodiscard]] bool IsOfWriters() const { return family->shape.cells == metrics::Cells::kWriter; }
  [[nodiscard]] bool IsShared() const { return family->shape.cells == metrics::Cells::kShared; }
  // Nothing can be subtracted from its cells: it is to give way to another series.
  [[nodiscard]] bool HasNoBaseline() const { return sums.empty() && !IsOfWriters(); }
};

// Series of one commit.
using SeriesSlice = std::vector<ChosenSeries>;
inline constexpr std::size_t kSeriesSlice = 1024;

// A writer's cell as one of a series' sums: the value's bits, and the timestamp.
metrics::CountSum AsPair(const metrics::WriterCell& cell);
// Adds what the series' dead writers have left, and where the cells of the live ones are.
void CopyWriters(const metrics::Series& series, std::vector<metrics::CountSum>& left,
                 std::vector<metrics::CellPlace>& live);

// Adds up the cells of a slice of a namespace that the transaction holds. The lock is free
// meanwhile.
void SumSlice(Transaction& tx, const Allocator& allocator, SeriesSlice& slice);

// Whether nobody has counted since the baseline, null if there is none. Of writers: whether
// nobody has set it.
bool IsAtBaseline(metrics::Cells kind, std::span<const metrics::CountSum> sums,
                  const std::vector<metrics::CountSum>* baseline);
bool IsAtBaseline(const ChosenSeries& one);
// Whether readers leave the series out: it is hidden, and has not moved since.
bool IsUnseen(const ChosenSeries& one);

}  // namespace percpud

#endif  // PERCPUD_SERVER_SESSION_SERIES_SLICE_H_

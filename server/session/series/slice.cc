// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/session/series/slice.h"

#include <algorithm>
#include <bit>
#include <cstdint>
#include <utility>

#include "absl/status/statusor.h"
#include "server/cells/fold.h"
#include "server/cells/sum.h"
#include "server/session/series/sums.h"
#include "server/session/series/writer_cells.h"

namespace percpud {
namespace {

using metrics::CountSum;

bool AreBaseline(const std::vector<CountSum>& sums) {
  return std::all_of(sums.begin(), sums.end(),
                     [](const CountSum& cell) { return cells::CanBeBaseline(cell.sum); });
}

CountSum AsPair(const metrics::WriterCell& cell) {
  return {.count = std::bit_cast<std::uint64_t>(cell.value), .sum = cell.timestamp};
}

// The places of the live, and what the dead have left.
void CopyWriters(ChosenSeries& one) {
  if (!one.IsOfWriters() || one.series->writers == nullptr) return;
  for (const auto& [id, writer] : *one.series->writers) {
    if (writer.IsLive()) {
      one.cells.push_back({.place = writer.place});
    } else {
      one.sums.push_back(AsPair(writer.left));
    }
  }
}

}  // namespace

void SumSlice(Transaction& tx, const Allocator& allocator, SeriesSlice& slice) {
  for (ChosenSeries& one : slice) CopyWriters(one);
  // Nobody else changes rows of a namespace that is held, so they stay.
  tx.Unlocked([&] {
    for (ChosenSeries& one : slice) {
      for (ChosenSeries::Cell& cell : one.cells) {
        cell.value = ReadCell(allocator, cell.place);
        one.sums.push_back(AsPair(cell.value));
      }
      // A value that is set has no baseline: what comes later is no addition to it.
      if (one.IsOfWriters() || one.family->shape.cells == metrics::Cells::kShared) continue;
      absl::StatusOr<std::vector<CountSum>> sums =
          SumCells(allocator, one.family->shape, one.series->cells);
      if (sums.ok() && AreBaseline(*sums)) one.sums = *std::move(sums);
    }
    return 0;
  });
}

bool IsAtBaseline(const ChosenSeries& one) {
  if (one.IsOfWriters()) {
    return std::all_of(one.sums.begin(), one.sums.end(),
                       [](const CountSum& cell) { return cell.sum == cells::kUnset.timestamp; });
  }
  for (std::size_t i = 0; i < one.sums.size(); ++i) {
    const CountSum base = one.series->baseline == nullptr ? CountSum{} : (*one.series->baseline)[i];
    if (one.sums[i].count != base.count || one.sums[i].sum != base.sum) return false;
  }
  return true;
}

}  // namespace percpud

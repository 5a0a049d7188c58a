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

}  // namespace

CountSum AsPair(const metrics::WriterCell& cell) {
  return {.count = std::bit_cast<std::uint64_t>(cell.value), .sum = cell.timestamp};
}

void CopyWriters(const metrics::Series& series, std::vector<CountSum>& left,
                 std::vector<metrics::CellPlace>& live) {
  if (series.writers == nullptr) return;
  for (const auto& [id, writer] : *series.writers) {
    if (writer.IsLive()) {
      live.push_back(writer.place);
    } else {
      left.push_back(AsPair(writer.left));
    }
  }
}

void SumSlice(Transaction& tx, const Allocator& allocator, SeriesSlice& slice) {
  for (ChosenSeries& one : slice) {
    std::vector<metrics::CellPlace> live;
    CopyWriters(*one.series, one.sums, live);
    for (const metrics::CellPlace& place : live) one.cells.push_back({.place = place});
  }
  // Nobody else changes rows of a namespace that is held, so they stay.
  tx.Unlocked([&] {
    for (ChosenSeries& one : slice) {
      for (ChosenSeries::Cell& cell : one.cells) {
        cell.value = ReadCell(allocator, cell.place);
        one.sums.push_back(AsPair(cell.value));
      }
      if (one.IsOfWriters()) continue;
      absl::StatusOr<std::vector<CountSum>> sums =
          SumCells(allocator, one.family->shape, one.series->cells);
      // A value that is set has no baseline: what comes later is no addition to it.
      if (sums.ok() && (one.IsShared() || AreBaseline(*sums))) one.sums = *std::move(sums);
    }
    return 0;
  });
}

bool IsAtBaseline(metrics::Cells kind, std::span<const CountSum> sums,
                  const std::vector<CountSum>* baseline) {
  if (kind == metrics::Cells::kWriter) {
    return std::all_of(sums.begin(), sums.end(),
                       [](const CountSum& cell) { return cell.sum == cells::kUnset.timestamp; });
  }
  for (std::size_t i = 0; i < sums.size(); ++i) {
    const CountSum base = baseline == nullptr ? CountSum{} : (*baseline)[i];
    if (sums[i].count != base.count || sums[i].sum != base.sum) return false;
  }
  return true;
}

bool IsAtBaseline(const ChosenSeries& one) {
  return IsAtBaseline(one.family->shape.cells, one.sums, one.series->baseline.get());
}

bool IsUnseen(const ChosenSeries& one) { return one.series->hidden && IsAtBaseline(one); }

}  // namespace percpud

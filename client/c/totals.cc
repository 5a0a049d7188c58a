// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "client/c/totals.h"

#include <cassert>

#include "server/cells/histogram.h"
#include "server/cells/shared_cell.h"
#include "server/cells/sum.h"

namespace percpud::c {
namespace {

using abi::v1::LaneCells;
using abi::v1::LaneFold;
using cells::CountSum;
using cells::GaugeFold;
using cells::WriterCell;

std::uint64_t Baseline(const CountSum& base, std::uint64_t) { return base.count; }
double Baseline(const CountSum& base, double) { return base.sum; }
CountSum Baseline(const CountSum& base, const CountSum&) { return base; }

GaugeFold FoldOf(LaneFold fold) {
  switch (fold) {
    case LaneFold::kMin:
      return GaugeFold::kMin;
    case LaneFold::kMax:
      return GaugeFold::kMax;
    case LaneFold::kSum:
      return GaugeFold::kSum;
    case LaneFold::kMostRecent:
      return GaugeFold::kMostRecent;
    case LaneFold::kAll:
    case LaneFold::kNone:
      break;
  }
  return GaugeFold::kAll;
}

}  // namespace

template <typename Cell>
bool Totals::SumCells(const FamilyRow& family, Growing<Cell>& totals) {
  totals.Clear();
  if (!totals.Resize(family.series.count * cells_)) return false;
  const std::uint64_t bytes = cells_ * sizeof(Cell);
  const Extent extent{.bytes = bytes, .alignment = alignof(Cell)};
  const auto series = snapshot_->series.all().subspan(family.series.first, family.series.count);
  const cells::UnitOffsets units(arena_.backed, arena_.backed_count);
  for (std::size_t begin = 0; begin < series.size();) {
    std::size_t end = begin + 1;
    if (Holds(arena_, series[begin].pointer, extent)) {
      while (end < series.size() && series[end].pointer == series[end - 1].pointer + bytes &&
             Holds(arena_, series[end].pointer, extent)) {
        ++end;
      }
      cells::SumRun<Cell>(arena_.base + series[begin].pointer, units,
                          totals.all().subspan(begin * cells_, (end - begin) * cells_));
    }
    begin = end;
  }
  for (std::size_t i = 0; i < series.size(); ++i) {
    for (std::size_t cell = 0; cell < series[i].baseline.count; ++cell) {
      Cell& total = totals[i * cells_ + cell];
      const CountSum& base = snapshot_->baselines[series[i].baseline.first + cell];
      total = cells::Since(total, Baseline(base, total));
    }
  }
  return true;
}

bool Totals::Sum(const FamilyRow& family) {
  cells_ = snapshot_->cells(family);
  kind_ = family.cells;
  switch (family.cells) {
    case LaneCells::kInteger:
      return SumCells(family, integers_);
    case LaneCells::kDouble:
      return SumCells(family, doubles_);
    case LaneCells::kHistogram:
    case LaneCells::kSummary:
      return cumulative_.Resize(cells_) && SumCells(family, pairs_);
    case LaneCells::kWriter:
    case LaneCells::kShared:
      break;
  }
  return true;
}

Totals::Distribution Totals::distribution(std::size_t index) {
  assert(kind_ == LaneCells::kHistogram);
  const auto buckets = cumulative_.all().first(cells_ - 1);
  const CountSum total = cells::Accumulate(pairs_.all().subspan(index * cells_, cells_), buckets);
  return {.cumulative = buckets, .sum = total.sum};
}

bool Totals::IsStill(const SeriesRow& series, std::size_t index) const {
  switch (kind_) {
    case LaneCells::kInteger:
      return integers_[index] == 0;
    case LaneCells::kDouble:
      return doubles_[index] == 0;
    case LaneCells::kHistogram:
    case LaneCells::kSummary:
      for (const CountSum& cell : pairs_.all().subspan(index * cells_, cells_)) {
        if (cell.count != 0 || cell.sum != 0) return false;
      }
      return true;
    case LaneCells::kShared:
      return ReadShared(series) == 0;
    case LaneCells::kWriter:
      break;
  }
  return false;
}

WriterCell Totals::Read(const WriterRow& writer) const {
  if (!writer.is_live) return writer.cell;
  constexpr Extent kOne{
      .bytes = sizeof(WriterCell), .alignment = alignof(WriterCell), .in_every_unit = false};
  if (!Holds(arena_, writer.pointer, kOne)) return cells::kUnset;
  return rseq::ReadWriterCell(arena_.base + writer.pointer);
}

WriterCell Totals::Fold(const FamilyRow& family, const SeriesRow& series) const {
  assert(family.fold != LaneFold::kAll);
  WriterCell out = cells::kUnset;
  for (const WriterRow& writer :
       snapshot_->writers.all().subspan(series.writers.first, series.writers.count)) {
    if (!writer.is_live && family.live_only) continue;
    out = cells::Combine(FoldOf(family.fold), out, Read(writer));
  }
  return out;
}

double Totals::ReadShared(const SeriesRow& series) const {
  if (!Holds(arena_, series.pointer, {.in_every_unit = false})) return 0;
  return cells::ReadCell<double>(arena_.base + series.pointer);
}

}  // namespace percpud::c

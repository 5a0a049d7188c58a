// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_CLIENT_C_TOTALS_H_
#define PERCPUD_CLIENT_C_TOTALS_H_

#include <cstddef>
#include <cstdint>
#include <span>

#include "client/c/arena.h"
#include "client/c/growing.h"
#include "client/c/snapshot.h"
#include "server/cells/fold.h"
#include "server/cells/layout.h"

namespace percpud::c {

// What a family's series come to, one family after the other in the same memory. Cells
// that lie side by side, as those of a family do, are added up unit by unit
// (server/cells/sum.h). Not thread safe.
class Totals {
 public:
  // The snapshot and the arena outlive this.
  Totals(const Snapshot& snapshot, const Arena& arena) : snapshot_(&snapshot), arena_(arena) {}

  // What follows is about families of this snapshot, which outlives it.
  void Use(const Snapshot& snapshot) { snapshot_ = &snapshot; }
  // Adds up what is in CPUs' cells. False if memory is short.
  bool Sum(const FamilyRow& family);

  // These are of the family that was summed last, less what was there at a reset. `index`
  // counts from the family's first series.
  [[nodiscard]] std::uint64_t integer(std::size_t index) const { return integers_[index]; }
  [[nodiscard]] double number(std::size_t index) const { return doubles_[index]; }
  [[nodiscard]] cells::CountSum pair(std::size_t index) const { return pairs_[index]; }
  // A histogram's counts up to each bound, and then of all.
  struct Distribution {
    std::span<const std::uint64_t> cumulative;
    double sum;
  };
  Distribution distribution(std::size_t index);
  // Whether all cells of a series are as they were at its reset. Of writers, each is looked
  // at by itself, and this is false.
  [[nodiscard]] bool IsStill(const SeriesRow& series, std::size_t index) const;

  // A writer's cell; kUnset if it is not in the arena.
  [[nodiscard]] cells::WriterCell Read(const WriterRow& writer) const;
  // What the writers of a gauge come to. REQUIRES: its fold is not kAll.
  [[nodiscard]] cells::WriterCell Fold(const FamilyRow& family, const SeriesRow& series) const;
  // A gauge that is one value for all.
  [[nodiscard]] double ReadShared(const SeriesRow& series) const;

 private:
  template <typename Cell>
  bool SumCells(const FamilyRow& family, Growing<Cell>& totals);

  const Snapshot* snapshot_;
  const Arena& arena_;
  std::size_t cells_ = 1;
  abi::v1::LaneCells kind_ = abi::v1::LaneCells::kInteger;
  Growing<std::uint64_t> integers_;
  Growing<double> doubles_;
  Growing<cells::CountSum> pairs_;
  Growing<std::uint64_t> cumulative_;
};

}  // namespace percpud::c

#endif  // PERCPUD_CLIENT_C_TOTALS_H_

// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// What a series' cells of all CPUs come to.
//
// Sums run from left to right by rising CPU id and are never compensated. Rounding is
// monotone, so the sum of cells that only rise does not fall from one reading to the
// next; a compensated sum could. Both ways below add in that order, so that they give
// the same bits:
//
//                unit of CPU 0      unit of CPU 1      ...
//   one series   [ . x . . . ]      [ . x . . . ]           x + x + ...
//   a run        [ a b c d e ] -->  [ a b c d e ]           unit by unit, into totals
//
// A run is cells that lie side by side, as a family's series do. It is added unit by
// unit, in blocks whose totals stay in the first-level cache: memory is then read in
// order, which is what bounds a scrape.
//
// Cells are read whole, each at its own moment (relaxed). Thread safe.

#ifndef PERCPUD_SERVER_CELLS_SUM_H_
#define PERCPUD_SERVER_CELLS_SUM_H_

#include <algorithm>
#include <atomic>
#include <cassert>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>

#include "server/cells/layout.h"
#include "server/rseq/pair.h"

namespace percpud::cells {

// What a percpu cell is.
template <typename Cell>
concept PerCpuCell =
    std::same_as<Cell, std::uint64_t> || std::same_as<Cell, double> || std::same_as<Cell, CountSum>;

// Where the units of the arena's CPUs are: bytes from unit 0's copy, by rising CPU id.
using UnitOffsets = std::span<const std::uint64_t>;

// The totals of a block fit well into a first-level cache beside what is read.
inline constexpr std::size_t kBlockBytes = 8 << 10;

// One cell of one unit, as it is at some moment of the call.
template <PerCpuCell Cell>
inline Cell ReadCell(const std::byte* at) {
  if constexpr (std::same_as<Cell, CountSum>) {
    return rseq::ReadPair(at);
  } else {
    // Only read, but atomic_ref takes no const.
    auto* const cell = const_cast<Cell*>(reinterpret_cast<const Cell*>(at));
    return std::atomic_ref(*cell).load(std::memory_order_relaxed);
  }
}

constexpr std::uint64_t Plus(std::uint64_t a, std::uint64_t b) { return a + b; }
constexpr double Plus(double a, double b) { return a + b; }
constexpr CountSum Plus(const CountSum& a, const CountSum& b) {
  return {.count = a.count + b.count, .sum = a.sum + b.sum};
}

// One series' cell over all units. `unit0` is the address of unit 0's copy.
// Integers wrap around.
template <PerCpuCell Cell>
inline Cell SumOf(const std::byte* unit0, UnitOffsets units) {
  Cell total{};
  for (const std::uint64_t unit : units) total = Plus(total, ReadCell<Cell>(unit0 + unit));
  return total;
}

// A run of totals.size() cells, the first at `unit0`, over all units.
template <PerCpuCell Cell>
inline void SumRun(const std::byte* unit0, UnitOffsets units, std::span<Cell> totals) {
  constexpr std::size_t kBlock = kBlockBytes / sizeof(Cell);
  std::fill(totals.begin(), totals.end(), Cell{});
  for (std::size_t begin = 0; begin < totals.size(); begin += kBlock) {
    const std::span<Cell> block = totals.subspan(begin, std::min(kBlock, totals.size() - begin));
    const std::byte* const cells = unit0 + begin * sizeof(Cell);
    for (const std::uint64_t unit : units) {
      const std::byte* at = cells + unit;
      for (Cell& total : block) {
        total = Plus(total, ReadCell<Cell>(at));
        at += sizeof(Cell);
      }
    }
  }
}

// What came since a series was reset, removed or had expired: `baseline` is what its
// cells came to then. Integers are right even where they have wrapped.
constexpr std::uint64_t Since(std::uint64_t total, std::uint64_t baseline) {
  return total - baseline;
}
constexpr double Since(double total, double baseline) { return total - baseline; }
constexpr CountSum Since(const CountSum& total, const CountSum& baseline) {
  return {.count = total.count - baseline.count, .sum = total.sum - baseline.sum};
}

// Whether a series may be reset by a baseline. From a sum that is not finite nothing
// can be subtracted, and above 2^53 small additions are lost: new cells are needed.
constexpr bool CanBeBaseline(double total) {
  constexpr double kExact = 9007199254740992.0;
  return total > -kExact && total < kExact;
}

}  // namespace percpud::cells

#endif  // PERCPUD_SERVER_CELLS_SUM_H_

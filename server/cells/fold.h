// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// What many writers' cells of one gauge come to, and what a dead writer leaves behind.
//
//             live and dead writers                 a writer that dies leaves
//   all       each shown by itself                  its own value, shown for a time
//   min max   the least, the greatest               the same of all the dead, in one cell
//   sum       added up                              added to the dead's sum
//   recent    the one set last                      the last of the dead
//   live...   the same of live writers only         nothing
//
// A cell whose timestamp is zero was never set, and takes no part.

#ifndef PERCPUD_SERVER_CELLS_FOLD_H_
#define PERCPUD_SERVER_CELLS_FOLD_H_

#include <cassert>
#include <cstdint>
#include <span>

#include "server/cells/layout.h"

namespace percpud::cells {

enum class GaugeFold : std::uint8_t { kAll, kMin, kMax, kSum, kMostRecent };

struct GaugeMode {
  GaugeFold fold = GaugeFold::kAll;
  // Dead writers do not count.
  bool live_only = false;

  friend bool operator==(const GaugeMode&, const GaugeMode&) = default;
};

// A cell that nobody has set.
inline constexpr WriterCell kUnset{};
constexpr bool IsSet(const WriterCell& cell) { return cell.timestamp != 0; }

// Two cells in one. Not-a-number gives way to any number in min and max. Of two that
// were set at one time, `a` stays. The later timestamp is kept in every mode.
// REQUIRES: not kAll, which has no one value.
constexpr WriterCell Combine(GaugeFold fold, const WriterCell& a, const WriterCell& b) {
  assert(fold != GaugeFold::kAll);
  if (!IsSet(a)) return b;
  if (!IsSet(b)) return a;
  const bool a_is_number = a.value == a.value;
  WriterCell out{.value = a.value,
                 .timestamp = a.timestamp < b.timestamp ? b.timestamp : a.timestamp};
  switch (fold) {
    case GaugeFold::kMin:
      if (b.value < a.value || !a_is_number) out.value = b.value;
      break;
    case GaugeFold::kMax:
      if (b.value > a.value || !a_is_number) out.value = b.value;
      break;
    case GaugeFold::kSum:
      out.value = a.value + b.value;
      break;
    case GaugeFold::kMostRecent:
      if (b.timestamp > a.timestamp) out.value = b.value;
      break;
    case GaugeFold::kAll:
      break;
  }
  return out;
}

// What readers show of a gauge: `dead` is what the dead have left. kUnset if nobody has
// set it. REQUIRES: not kAll.
constexpr WriterCell FoldWriters(GaugeMode mode, const WriterCell& dead,
                                 std::span<const WriterCell> live) {
  WriterCell out = mode.live_only ? kUnset : dead;
  for (const WriterCell& cell : live) out = Combine(mode.fold, out, cell);
  return out;
}

// What the dead have left once the writer of `gone` is one of them.
// REQUIRES: not kAll, whose dead are kept one by one.
constexpr WriterCell FoldDead(GaugeMode mode, const WriterCell& dead, const WriterCell& gone) {
  return mode.live_only ? kUnset : Combine(mode.fold, dead, gone);
}

}  // namespace percpud::cells

#endif  // PERCPUD_SERVER_CELLS_FOLD_H_

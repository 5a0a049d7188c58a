// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// Cells: what holds a series' numbers in the arena. A contract between separately
// built programs, to be read like a file format. Integers and doubles are in host
// order; a cell of 16 bytes lies at a multiple of 16 in every unit.
//
//   counter        8 bytes per CPU      u64 or f64
//   histogram      16 bytes per CPU and bucket, bucket after bucket:
//     cell 0       {spare, sum}         what was added to the sum alone
//     cell 1..n    {count, sum}         of the observations in this bucket only
//   summary        16 bytes per CPU     {count, sum}
//   writer         16 bytes             {value, timestamp}, of one live writer
//   shared         8 bytes              f64, one for all
//
// A bucket counts what fell into it and not into the ones below: readers add up.
// So one observation changes one cell.

#ifndef PERCPUD_PROTO_ABI_V1_CELLS_H_
#define PERCPUD_PROTO_ABI_V1_CELLS_H_

#include <cstddef>
#include <cstdint>

namespace percpud::abi::v1 {

// How a cell of 16 bytes in a CPU's unit is committed. One way for the whole arena.
enum class PairCommit : std::uint32_t {
  // Count, then sum, each by an update of its own. A reader, or a writer's death in
  // between, can see one without the other.
  kTwoStores = 0,
  // Both by one store of 16 bytes, which other CPUs see whole or not at all. Readers
  // load it by one load. Only in arenas of UpdateMode::kRseq.
  kOneStore = 1,
};

struct alignas(16) CountSum {
  std::uint64_t count;
  double sum;
};
static_assert(sizeof(CountSum) == 16 && offsetof(CountSum, sum) == 8);

struct alignas(16) WriterCell {
  double value;
  // Seconds since 1970, of the moment that `value` was set.
  double timestamp;
};
static_assert(sizeof(WriterCell) == 16 && offsetof(WriterCell, timestamp) == 8);

}  // namespace percpud::abi::v1

#endif  // PERCPUD_PROTO_ABI_V1_CELLS_H_

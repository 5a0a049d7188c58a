// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// Updates of shared cells (proto/percpud/abi/v1/cells.h) by this process, as the arena
// that they are in is updated. Async-signal-safe, thread safe, no system calls.

#ifndef PERCPUD_CLIENT_C_CELLS_H_
#define PERCPUD_CLIENT_C_CELLS_H_

#include <cstddef>
#include <cstdint>

#include "client/c/arena.h"
#include "server/cells/layout.h"
#include "server/rseq/cpu_table.h"

namespace percpud::c {

// Where a series' or a counter's cells are in one arena. Constant once published, and
// kept until its client is closed: another thread may be adding there.
struct Place {
  std::byte* unit0;
  // The arena's CPUs if sequences update it, and none otherwise.
  rseq::CpuTable sequences;
  const Arena* arena;
  std::uint64_t pointer;
  // In the client's list of all places there ever were.
  Place* next;
};

// Each adds to the own CPU's copy. False, with nothing added, if this thread cannot.
bool AddAt(const Place& place, std::uint64_t n);
bool AddAt(const Place& place, double amount);

// What AddPairAt could not add.
struct Rest {
  std::uint64_t count;
  double sum;
};
// Adds to the cell `cell` of the own CPU's copy, and returns what is left to add: all,
// nothing, or where the arena has two stores for a cell, the sum.
Rest AddPairAt(const Place& place, std::size_t cell, const Rest& amount);

// The sum over all CPUs of the cell `cell`.
template <typename Cell>
Cell SumAt(const Place& place, std::size_t cell = 0);

}  // namespace percpud::c

#endif  // PERCPUD_CLIENT_C_CELLS_H_

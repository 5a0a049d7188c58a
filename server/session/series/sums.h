// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_SERVER_SESSION_SERIES_SUMS_H_
#define PERCPUD_SERVER_SESSION_SERIES_SUMS_H_

#include <span>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/base/units.h"
#include "server/metrics/metric_tables.h"
#include "server/percpu/allocator/allocator.h"

namespace percpud {

// What a series' cells come to, cell by cell, over all CPUs by rising id. An integer is the
// `count` of its cell, a double the `sum`. Takes the allocator's lock: not for under the
// books'. Errors: Allocator::Touch's, MemoryTaken. REQUIRES: the shape's cells are in an area.
absl::StatusOr<std::vector<metrics::CountSum>> SumCells(const Allocator& allocator,
                                                        const metrics::Shape& shape,
                                                        PercpuPtr cells);

// Zeroes a series' cells in every unit. Errors: as SumCells. REQUIRES: nobody may write there.
absl::Status ClearCells(const Allocator& allocator, const metrics::Shape& shape, PercpuPtr cells);

// Makes the cell that all processes share 0, and returns what it was; adds to it. Nothing
// happens, and it was 0, if its memory was taken away. Both take the allocator's lock.
double TakeShared(const Allocator& allocator, PercpuPtr cell);
void AddToShared(const Allocator& allocator, PercpuPtr cell, double amount);

// Whether two sums of one series say that nobody has moved it between them.
bool AreSame(std::span<const metrics::CountSum> a, std::span<const metrics::CountSum> b);

// Subtracts a baseline from sums, cell by cell. REQUIRES: it is empty, or as long.
void SubtractBaseline(std::span<const metrics::CountSum> baseline,
                      std::span<metrics::CountSum> sums);

}  // namespace percpud

#endif  // PERCPUD_SERVER_SESSION_SERIES_SUMS_H_

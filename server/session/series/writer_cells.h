// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// The cells of writers in the arena: where they are, and what is in them.

#ifndef PERCPUD_SERVER_SESSION_SERIES_WRITER_CELLS_H_
#define PERCPUD_SERVER_SESSION_SERIES_WRITER_CELLS_H_

#include <cstdint>
#include <vector>

#include "server/base/units.h"
#include "server/metrics/writer_table.h"
#include "server/percpu/allocator/allocator.h"
#include "server/percpu/layout/alloc_info.h"
#include "server/session/access/quota.h"

namespace percpud {

// What a block of a writer's cells takes of each unit: about a page in all units together.
Bytes WriterBlockBytes(const AllocInfo& info);
// How many cells a block of that size has.
std::uint32_t CellsOfBlock(const AllocInfo& info, Bytes size);
// Where a block's cell is. REQUIRES: index < CellsOfBlock(info, block.size).
metrics::CellPlace PlaceOfCell(const AllocInfo& info, const metrics::WriterBlock& block,
                               std::uint32_t index);
// The arena offset of the cell itself, which its writer is told.
PercpuPtr PointerOfCell(const AllocInfo& info, const metrics::CellPlace& place);

// What the cell holds; cells::kUnset if its memory was taken away. Takes the allocator's
// lock: not for under the books'.
metrics::WriterCell ReadCell(const Allocator& allocator, const metrics::CellPlace& place);
// Stores to a cell, beside a writer that may store too: one of both stays. Does nothing if
// the memory was taken away. Takes the allocator's lock.
void StoreCell(const Allocator& allocator, const metrics::CellPlace& place,
               const metrics::WriterCell& cell);

// What the session is charged for a block of its writers, and for one cell.
Usage UsageOfWriterBlock(Bytes size);
Usage UsageOfWriterCells(std::uint64_t cells);
// All that it is charged for a writer.
Usage UsageOfWriter(const metrics::Writer& writer);

}  // namespace percpud

#endif  // PERCPUD_SERVER_SESSION_SERIES_WRITER_CELLS_H_

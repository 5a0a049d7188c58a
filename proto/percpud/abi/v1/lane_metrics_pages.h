// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// What the lane's ListFamilies and ReadSeries hold. They answer page by page: the request
// for the next one says where the last one ended.

#ifndef PERCPUD_PROTO_ABI_V1_LANE_METRICS_PAGES_H_
#define PERCPUD_PROTO_ABI_V1_LANE_METRICS_PAGES_H_

#include <cstddef>
#include <cstdint>

#include "proto/percpud/abi/v1/cells.h"
#include "proto/percpud/abi/v1/lane_metrics.h"

namespace percpud::abi::v1 {

// The longest body of an answer to ListFamilies or ReadSeries.
inline constexpr std::size_t kLanePageBytes = 32768;

// --- ListFamilies. By number, which rises. Text namespace.
struct LaneListFamilies {
  // The least number wanted: 0, or `next` of the page before.
  std::uint64_t from;
  std::uint16_t namespace_bytes;
  // 1: of all namespaces; `namespace_bytes` is 0 then.
  std::uint8_t all;
  std::uint8_t reserved[5];
};
static_assert(offsetof(LaneListFamilies, from) == 0);
static_assert(offsetof(LaneListFamilies, namespace_bytes) == 8);
static_assert(offsetof(LaneListFamilies, all) == 10);
static_assert(offsetof(LaneListFamilies, reserved) == 11);
static_assert(sizeof(LaneListFamilies) == 16);

// The answer: then `families` times a LaneListedFamily.
struct LaneFamilies {
  // Where the next page begins; 0: this is the last.
  std::uint64_t next;
  // Goes up with every change of what there is.
  std::uint64_t revision;
  std::uint32_t families;
  std::uint32_t reserved;
};
static_assert(offsetof(LaneFamilies, next) == 0);
static_assert(offsetof(LaneFamilies, revision) == 8);
static_assert(offsetof(LaneFamilies, families) == 16);
static_assert(offsetof(LaneFamilies, reserved) == 20);
static_assert(sizeof(LaneFamilies) == 24);

// Then text namespace, pad; then the LaneFamily with what belongs to it.
struct LaneListedFamily {
  std::uint64_t family;
  // The generation of its namespace. Families of earlier generations are not listed.
  std::uint64_t generation;
  // Nanoseconds since 1970.
  std::uint64_t created_ns;
  // Openings that wanted another shape, and series that found the family full.
  std::uint64_t refused;
  std::uint64_t overflowed;
  std::uint16_t namespace_bytes;
  std::uint16_t reserved;
  std::uint32_t reserved_too;
};
static_assert(offsetof(LaneListedFamily, family) == 0);
static_assert(offsetof(LaneListedFamily, generation) == 8);
static_assert(offsetof(LaneListedFamily, created_ns) == 16);
static_assert(offsetof(LaneListedFamily, refused) == 24);
static_assert(offsetof(LaneListedFamily, overflowed) == 32);
static_assert(offsetof(LaneListedFamily, namespace_bytes) == 40);
static_assert(offsetof(LaneListedFamily, reserved) == 42);
static_assert(offsetof(LaneListedFamily, reserved_too) == 44);
static_assert(sizeof(LaneListedFamily) == 48);

// --- ReadSeries. Family by family, and in a family in the order in which the series
// --- were made. Text namespace.

// Where a page begins: with all zeros, at the beginning.
struct LaneSeriesFrom {
  std::uint64_t family;
  std::uint64_t series;
  std::uint64_t writer;
};
static_assert(sizeof(LaneSeriesFrom) == 24);

struct LaneReadSeries {
  LaneSeriesFrom from;
  // One family's alone; 0: those of all families.
  std::uint64_t family;
  std::uint16_t namespace_bytes;
  std::uint16_t reserved;
  std::uint32_t reserved_too;
};
static_assert(offsetof(LaneReadSeries, from) == 0);
static_assert(offsetof(LaneReadSeries, family) == 24);
static_assert(offsetof(LaneReadSeries, namespace_bytes) == 32);
static_assert(offsetof(LaneReadSeries, reserved) == 34);
static_assert(offsetof(LaneReadSeries, reserved_too) == 36);
static_assert(sizeof(LaneReadSeries) == 40);

// The answer: then `series` times a LaneSeries.
struct LaneSeriesPage {
  // Where the next page begins, if there is one.
  LaneSeriesFrom next;
  std::uint64_t generation;
  // Goes up with every change of what there is.
  std::uint64_t revision;
  std::uint32_t series;
  // 0 or 1.
  std::uint32_t more;
};
static_assert(offsetof(LaneSeriesPage, next) == 0);
static_assert(offsetof(LaneSeriesPage, generation) == 24);
static_assert(offsetof(LaneSeriesPage, revision) == 32);
static_assert(offsetof(LaneSeriesPage, series) == 40);
static_assert(offsetof(LaneSeriesPage, more) == 44);
static_assert(sizeof(LaneSeriesPage) == 48);

// Then texts label values[labels], pad; CountSum baseline[baseline]; then `writers` times a
// LaneSeriesWriter.
struct LaneSeries {
  std::uint64_t family;
  std::uint64_t series;
  // 0 for cells of kWriter: the writers have them.
  std::uint64_t pointer;
  // Nanoseconds since 1970: when it was made, reset or removed last.
  std::uint64_t created_ns;
  // Fewer than the series has if the next page begins with it.
  std::uint32_t writers;
  std::uint16_t labels;
  // To be subtracted from the cells' sums: none, or one a cell. An integer's is its `count`, a
  // double's its `sum`.
  std::uint16_t baseline;
  // LaneCells.
  std::uint8_t cells;
  // kLaneSeries...
  std::uint8_t flags;
  std::uint8_t reserved[6];
};
static_assert(offsetof(LaneSeries, family) == 0);
static_assert(offsetof(LaneSeries, series) == 8);
static_assert(offsetof(LaneSeries, pointer) == 16);
static_assert(offsetof(LaneSeries, created_ns) == 24);
static_assert(offsetof(LaneSeries, writers) == 32);
static_assert(offsetof(LaneSeries, labels) == 36);
static_assert(offsetof(LaneSeries, baseline) == 38);
static_assert(offsetof(LaneSeries, cells) == 40);
static_assert(offsetof(LaneSeries, flags) == 41);
static_assert(offsetof(LaneSeries, reserved) == 42);
static_assert(sizeof(LaneSeries) == 48);

// Then text label, pad. By number, which rises.
struct LaneSeriesWriter {
  // 0: what all the dead have left, which has no label.
  std::uint64_t writer;
  // Where a live writer's cell is; 0: the writer is dead.
  std::uint64_t pointer;
  // What the cell holds, or held at its writer's death; timestamp 0: never set.
  WriterCell cell;
  std::uint16_t label_bytes;
  std::uint8_t reserved[14];
};
static_assert(offsetof(LaneSeriesWriter, writer) == 0);
static_assert(offsetof(LaneSeriesWriter, pointer) == 8);
static_assert(offsetof(LaneSeriesWriter, cell) == 16);
static_assert(offsetof(LaneSeriesWriter, label_bytes) == 32);
static_assert(offsetof(LaneSeriesWriter, reserved) == 34);
static_assert(sizeof(LaneSeriesWriter) == 48);

}  // namespace percpud::abi::v1

#endif  // PERCPUD_PROTO_ABI_V1_LANE_METRICS_PAGES_H_

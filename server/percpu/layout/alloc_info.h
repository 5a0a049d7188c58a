// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_SERVER_PERCPU_LAYOUT_ALLOC_INFO_H_
#define PERCPUD_SERVER_PERCPU_LAYOUT_ALLOC_INFO_H_

#include <cstdint>
#include <optional>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/base/limits.h"
#include "server/base/units.h"
#include "server/percpu/layout/topology.h"

namespace percpud {

// What the operator asks for; everything in AllocInfo follows from it and the
// topology.
struct AllocSizes {
  Bytes static_size;
  Bytes reserved_size;
  Bytes dyn_size;
  // Grain of the memory a group is laid out in: a page, or a huge page.
  Bytes atom_size = kBasePageSize;
  // Taken from the end of every unit, so that units do not begin at multiples
  // of a page: see AllocInfo::unit_skew. 0 for none.
  Bytes unit_skew;
};

// Units laid out together: the CPUs of one NUMA node.
struct GroupInfo {
  GroupId id;
  NumaNodeId node;
  // Where the group's first unit lies, from the chunk's base.
  Bytes base_offset;
  // Over all groups, the index of the group's first unit.
  UnitId first_unit;
  // The CPU of each unit; nullopt is a ghost, a unit that only pads the group.
  std::vector<std::optional<CpuId>> cpus;

  [[nodiscard]] std::uint32_t ghosts() const;
};

// With a skew, the copies of one variable fall into different sets of a cache:
//
//     |<- alloc_size / units_per_alloc ->|
//     | u0                           |u1                            |u2 ...
//     |<- unit_size = that - skew  ->|
//
// Units then begin at multiples of the skew only, and no area can be aligned to
// more in all of them. What was taken from the units lies behind the last one,
// in the chunk's own pages: a skew never makes a chunk larger.
//
// How a chunk is laid out: fixed at start, the same for every chunk. Follows
// the kernel's pcpu_build_alloc_info: the search for units per allocation and
// its wastage rule are in BuildAllocInfo. Immutable after construction, so
// thread safe.
struct AllocInfo {
  Bytes static_size;
  Bytes reserved_size;
  // Grown to fill the unit's last page.
  Bytes dyn_size;
  // What areas can lie in, and the distance of a group's units.
  Bytes unit_size;
  Bytes unit_skew;
  Bytes atom_size;
  // (unit_size + unit_skew) * units_per_alloc: a multiple of the atom.
  Bytes alloc_size;
  std::uint32_t units_per_alloc = 0;
  std::vector<GroupInfo> groups;
  // Indexed by unit over all groups, ghosts included.
  std::vector<std::optional<CpuId>> unit_to_cpu;
  std::vector<Bytes> unit_offset;
  // Indexed by CPU; nullopt where no unit was made for it.
  std::vector<std::optional<UnitId>> cpu_to_unit;

  [[nodiscard]] std::uint32_t units() const {
    return static_cast<std::uint32_t>(unit_to_cpu.size());
  }
  [[nodiscard]] std::uint32_t cpus() const { return units() - ghosts(); }
  [[nodiscard]] std::uint32_t ghosts() const;
  // Bytes from a chunk's base to the end of its last unit.
  [[nodiscard]] Bytes chunk_size() const { return unit_size * units(); }
  // Bytes of whole pages that a chunk takes: chunk_size() and what the skew
  // leaves behind it.
  [[nodiscard]] Bytes memory_size() const { return (unit_size + unit_skew) * units(); }
  // The largest alignment that holds in every unit.
  [[nodiscard]] Bytes max_alignment() const {
    return unit_skew == Bytes(0) ? kMaxAlign : unit_skew;
  }
  // The unit that holds `offset` from a chunk's base.
  // REQUIRES: offset < memory_size().
  [[nodiscard]] UnitId UnitAt(Bytes offset) const;
};

// Errors (BadConfig): sizes that no unit can hold, a reserved size that is not
// a multiple of 4, an atom that is no power of two of pages, no CPU, a skew that
// is no power of two of lines or meets more than one group.
absl::StatusOr<AllocInfo> BuildAllocInfo(const AllocSizes& sizes, const Topology& topology);

// Errors: AlignmentOverSkew. What no layout grants is for others to refuse.
absl::Status CheckAlignment(const AllocInfo& info, Bytes alignment);

}  // namespace percpud

#endif  // PERCPUD_SERVER_PERCPU_LAYOUT_ALLOC_INFO_H_

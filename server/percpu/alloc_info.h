// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_SERVER_PERCPU_ALLOC_INFO_H_
#define PERCPUD_SERVER_PERCPU_ALLOC_INFO_H_

#include <cstdint>
#include <optional>
#include <vector>

#include "absl/status/statusor.h"
#include "server/base/units.h"
#include "server/percpu/topology.h"

namespace percpud {

// What the operator asks for; everything in AllocInfo follows from it and the
// topology.
struct AllocSizes {
  Bytes static_size;
  Bytes reserved_size;
  Bytes dyn_size;
  // Grain of the memory a group is laid out in: a page, or a huge page.
  Bytes atom_size = kBasePageSize;
};

// Units laid out together: the CPUs of one NUMA node.
struct GroupInfo {
  GroupId id;
  NumaNodeId node;
  // Of the group's first unit, from the chunk's base.
  Bytes base_offset;
  // Over all groups, the index of the group's first unit.
  UnitId first_unit;
  // The CPU of each unit; nullopt is a ghost, a unit that only pads the group.
  std::vector<std::optional<CpuId>> cpus;

  [[nodiscard]] std::uint32_t ghosts() const;
};

// How a chunk is laid out: fixed at start, the same for every chunk. Follows
// the kernel's pcpu_build_alloc_info: the search for units per allocation and
// its wastage rule are in BuildAllocInfo. Immutable after construction, so
// thread safe.
struct AllocInfo {
  Bytes static_size;
  Bytes reserved_size;
  // Grown to fill the unit's last page.
  Bytes dyn_size;
  Bytes unit_size;
  Bytes atom_size;
  // unit_size * units_per_alloc: a multiple of the atom.
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
  // The unit that holds `offset` from a chunk's base.
  // REQUIRES: offset < chunk_size().
  [[nodiscard]] UnitId UnitAt(Bytes offset) const;
};

// Errors (BadConfig): sizes that no unit can hold, a reserved size that is not
// a multiple of 4, an atom that is no power of two of pages, no CPU.
absl::StatusOr<AllocInfo> BuildAllocInfo(const AllocSizes& sizes, const Topology& topology);

}  // namespace percpud

#endif  // PERCPUD_SERVER_PERCPU_ALLOC_INFO_H_

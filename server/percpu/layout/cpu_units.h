// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_SERVER_PERCPU_LAYOUT_CPU_UNITS_H_
#define PERCPUD_SERVER_PERCPU_LAYOUT_CPU_UNITS_H_

#include <cstdint>
#include <vector>

#include "server/percpu/layout/alloc_info.h"

namespace percpud {

// Which unit a thread updates, by the CPU it runs on. Constant while the arena
// lives.
struct CpuUnits {
  // Indexed by CPU id, for every id this host may ever number a CPU with:
  // bytes from unit 0's copy to the CPU's.
  std::vector<std::uint64_t> offset;
  std::vector<UnitId> unit;
  // No two CPUs share a unit: only then may they update without a lock.
  bool exclusive = true;
};

// `host_cpus` is the highest CPU id this host may have, plus one. CPUs that the
// layout makes no unit for share those it made, in turn.
// REQUIRES: some unit has a CPU.
CpuUnits PlaceCpus(const AllocInfo& info, std::uint32_t host_cpus);

}  // namespace percpud

#endif  // PERCPUD_SERVER_PERCPU_LAYOUT_CPU_UNITS_H_

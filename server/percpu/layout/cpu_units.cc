// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/percpu/layout/cpu_units.h"

#include <algorithm>

namespace percpud {

CpuUnits PlaceCpus(const AllocInfo& info, std::uint32_t host_cpus) {
  std::vector<UnitId> made;
  for (std::uint32_t unit = 0; unit < info.units(); ++unit) {
    if (info.unit_to_cpu[unit]) made.emplace_back(unit);
  }
  CpuUnits out;
  const std::size_t cpus = std::max<std::size_t>(host_cpus, info.cpu_to_unit.size());
  for (std::size_t cpu = 0; cpu < cpus; ++cpu) {
    const bool own = cpu < info.cpu_to_unit.size() && info.cpu_to_unit[cpu];
    // An id no CPU of this host has shares with nobody.
    if (!own && cpu < host_cpus) out.exclusive = false;
    out.unit.push_back(own ? *info.cpu_to_unit[cpu] : made[cpu % made.size()]);
    out.offset.push_back(info.unit_offset[out.unit.back().value()].value());
  }
  return out;
}

}  // namespace percpud

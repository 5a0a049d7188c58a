// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_SERVER_MAIN_HOST_CPUS_H_
#define PERCPUD_SERVER_MAIN_HOST_CPUS_H_

#include <cstdint>
#include <optional>
#include <string>

#include "server/percpu/layout/topology.h"

namespace percpud {

// The highest number of a CPU, plus one, from each source. In a container the first two
// may tell of fewer CPUs than there are, with numbers of their own.
struct CpuSightings {
  // The kernel's list of possible CPUs.
  std::optional<std::uint32_t> sysfs;
  // hwloc, if units are made for this host.
  std::optional<std::uint32_t> topology;
  // The CPU that this thread runs on, and those that it may run on.
  std::uint32_t running = 1;
  std::uint32_t allowed = 1;
};
// `topology` is null unless it is this host's.
CpuSightings LookAtCpus(const Topology* topology);

// What the daemon decides from the sources.
struct BelievedCpus {
  // The largest of all.
  std::uint32_t count = 1;
  // True if no source knows a CPU that the kernel's list does not have. Otherwise the
  // numbers of CPUs cannot be trusted, and updates have to be atomic.
  bool agree = true;
  // All sources, for the log.
  std::string sightings;
};
// Pure.
BelievedCpus Believe(const CpuSightings& sightings);

}  // namespace percpud

#endif  // PERCPUD_SERVER_MAIN_HOST_CPUS_H_

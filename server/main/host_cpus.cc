// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/main/host_cpus.h"

#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <vector>

#include "absl/strings/str_cat.h"
#include "server/base/limits.h"
#include "server/base/parse.h"

namespace percpud {
namespace {

std::optional<std::uint32_t> ReadPossible() {
  std::ifstream file("/sys/devices/system/cpu/possible");
  std::string possible;
  if (!std::getline(file, possible)) return std::nullopt;
  const auto ranges = ParseCpuList(possible);
  if (!ranges || ranges->empty()) return std::nullopt;
  return static_cast<std::uint32_t>(std::min<std::uint64_t>(ranges->back().last + 1, kMaxCpus));
}

// The highest CPU of this thread's mask, plus one.
std::uint32_t CountAllowed() {
  std::vector<cpu_set_t> mask(kMaxCpus / CPU_SETSIZE + 1);
  const std::size_t size = mask.size() * sizeof(cpu_set_t);
  if (sched_getaffinity(0, size, mask.data()) != 0) return 1;
  for (std::uint32_t cpu = kMaxCpus; cpu > 0; --cpu) {
    if (CPU_ISSET_S(cpu - 1, size, mask.data())) return cpu;
  }
  return 1;
}

}  // namespace

CpuSightings LookAtCpus(const Topology* topology) {
  CpuSightings out;
  out.sysfs = ReadPossible();
  if (topology != nullptr) {
    std::uint32_t count = 0;
    for (const auto& cpu : topology->cpus) count = std::max(count, cpu.id.value() + 1);
    out.topology = count;
  }
  out.running = static_cast<std::uint32_t>(std::max(sched_getcpu(), 0)) + 1;
  out.allowed = CountAllowed();
  return out;
}

BelievedCpus Believe(const CpuSightings& sightings) {
  const std::uint32_t seen =
      std::max({sightings.topology.value_or(1), sightings.running, sightings.allowed});
  BelievedCpus out;
  // Without the list there is nothing to disagree with, and offline CPUs are not seen.
  const auto configured = static_cast<std::uint32_t>(
      std::clamp<long>(sysconf(_SC_NPROCESSORS_CONF), 1, static_cast<long>(kMaxCpus)));
  const std::uint32_t listed = sightings.sysfs.value_or(std::max(configured, seen));
  out.count = std::max(seen, listed);
  out.agree = seen <= listed;
  out.sightings = absl::StrCat(
      "sysfs lists ", sightings.sysfs ? absl::StrCat(*sightings.sysfs) : std::string("none"),
      sightings.topology ? absl::StrCat(", hwloc ", *sightings.topology) : std::string(),
      ", percpud runs on CPU ", sightings.running - 1, " and may run on CPU ",
      sightings.allowed - 1);
  return out;
}

}  // namespace percpud

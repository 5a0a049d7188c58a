// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/percpu/topology.h"

#include <hwloc.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "server/base/errors.h"
#include "server/base/limits.h"

namespace percpud {
namespace {

struct DestroyTopology {
  void operator()(hwloc_topology_t topology) const { hwloc_topology_destroy(topology); }
};
using HwlocTopology = std::unique_ptr<std::remove_pointer_t<hwloc_topology_t>, DestroyTopology>;

// A topology that still has to be told where to look, offline and disallowed
// CPUs included.
HwlocTopology NewHwlocTopology() {
  // A bad description is our status to report, not the library's.
  setenv("HWLOC_HIDE_ERRORS", "2", 0);
  hwloc_topology_t raw = nullptr;
  if (hwloc_topology_init(&raw) != 0) return nullptr;
  HwlocTopology topology(raw);
  hwloc_topology_set_flags(raw, HWLOC_TOPOLOGY_FLAG_INCLUDE_DISALLOWED);
  return topology;
}

// The node a CPU is nearest to; CPUs beside no node belong to the first.
NumaNodeId NodeOf(hwloc_topology_t topology, unsigned cpu) {
  hwloc_obj_t node = nullptr;
  while ((node = hwloc_get_next_obj_by_type(topology, HWLOC_OBJ_NUMANODE, node)) != nullptr) {
    if (hwloc_bitmap_isset(node->cpuset, static_cast<int>(cpu)) != 0) {
      return NumaNodeId(node->os_index);
    }
  }
  return NumaNodeId(0);
}

absl::StatusOr<Topology> Read(hwloc_topology_t topology, absl::string_view field) {
  Topology out;
  hwloc_obj_t pu = nullptr;
  while ((pu = hwloc_get_next_obj_by_type(topology, HWLOC_OBJ_PU, pu)) != nullptr) {
    out.cpus.push_back(
        {.id = CpuId(pu->os_index), .node = NodeOf(topology, pu->os_index), .online = true});
  }
  if (out.cpus.empty() || out.cpus.size() > kMaxCpus) {
    return errors::BadConfig(field,
                             absl::StrCat(out.cpus.size(), " CPUs are not in 1..", kMaxCpus));
  }
  std::sort(out.cpus.begin(), out.cpus.end(),
            [](const Topology::Cpu& a, const Topology::Cpu& b) { return a.id < b.id; });
  return out;
}

absl::Status BadList(absl::string_view list, absl::string_view why) {
  return errors::BadConfig("cpus.select", absl::StrCat("\"", list, "\" ", why));
}

// "0-3,8", as the kernel writes CPU lists; nothing else.
absl::StatusOr<std::vector<CpuId>> ParseCpuList(absl::string_view list) {
  std::vector<CpuId> cpus;
  for (const absl::string_view part : absl::StrSplit(list, ',')) {
    const std::vector<absl::string_view> ends = absl::StrSplit(part, absl::MaxSplits('-', 1));
    std::uint32_t first = 0;
    std::uint32_t last = 0;
    const auto number = [](absl::string_view text, std::uint32_t& value) {
      return !text.empty() && text.find_first_not_of("0123456789") == text.npos &&
             absl::SimpleAtoi(text, &value);
    };
    if (!number(ends.front(), first) || !number(ends.back(), last)) {
      return BadList(list, "is not possible, online, or a list like 0-3,8");
    }
    if (last < first || last - first >= kMaxCpus) return BadList(list, "has a range that is none");
    for (std::uint32_t cpu = first; cpu <= last; ++cpu) cpus.emplace_back(cpu);
  }
  return cpus;
}

// CPUs that may come online later; hwloc sees only those that are.
void AddPossible(Topology& topology) {
  std::ifstream file("/sys/devices/system/cpu/possible");
  std::string list;
  if (!std::getline(file, list)) return;
  const absl::StatusOr<std::vector<CpuId>> possible = ParseCpuList(list);
  if (!possible.ok()) return;
  for (const CpuId cpu : *possible) {
    const bool known = std::any_of(topology.cpus.begin(), topology.cpus.end(),
                                   [cpu](const Topology::Cpu& other) { return other.id == cpu; });
    if (known || topology.cpus.size() == kMaxCpus) continue;
    topology.cpus.push_back({.id = cpu, .node = topology.cpus.front().node, .online = false});
  }
  std::sort(topology.cpus.begin(), topology.cpus.end(),
            [](const Topology::Cpu& a, const Topology::Cpu& b) { return a.id < b.id; });
}

}  // namespace

absl::StatusOr<Topology> Topology::Uniform(std::uint32_t count) {
  if (count == 0 || count > kMaxCpus) {
    return errors::BadConfig("cpus.count", absl::StrCat(count, " is not in 1..", kMaxCpus));
  }
  Topology out;
  for (std::uint32_t cpu = 0; cpu < count; ++cpu) {
    out.cpus.push_back({.id = CpuId(cpu), .node = NumaNodeId(0), .online = true});
  }
  return out;
}

absl::StatusOr<Topology> Topology::FromHost() {
  const HwlocTopology topology = NewHwlocTopology();
  if (topology == nullptr || hwloc_topology_load(topology.get()) != 0) {
    return errors::BadConfig("cpus.host", "this host's topology cannot be read");
  }
  absl::StatusOr<Topology> out = Read(topology.get(), "cpus.host");
  if (out.ok()) AddPossible(*out);
  return out;
}

absl::StatusOr<Topology> Topology::FromSynthetic(const std::string& description) {
  const HwlocTopology topology = NewHwlocTopology();
  if (topology == nullptr ||
      hwloc_topology_set_synthetic(topology.get(), description.c_str()) != 0 ||
      hwloc_topology_load(topology.get()) != 0) {
    return errors::BadConfig(
        "cpus.synthetic",
        absl::StrCat("\"", description,
                     "\" is no hwloc description such as \"numa:2 core:4 pu:1\""));
  }
  return Read(topology.get(), "cpus.synthetic");
}

absl::StatusOr<Topology> Topology::FromXml(const std::string& path) {
  const HwlocTopology topology = NewHwlocTopology();
  if (topology == nullptr || hwloc_topology_set_xml(topology.get(), path.c_str()) != 0 ||
      hwloc_topology_load(topology.get()) != 0) {
    return errors::BadConfig("cpus.xml_file",
                             absl::StrCat("\"", path, "\" is no file written by lstopo --of xml"));
  }
  return Read(topology.get(), "cpus.xml_file");
}

absl::StatusOr<Topology> Topology::Select(absl::string_view select) const {
  if (select == "possible") return *this;
  Topology out;
  if (select == "online") {
    std::copy_if(cpus.begin(), cpus.end(), std::back_inserter(out.cpus),
                 [](const Cpu& cpu) { return cpu.online; });
  } else {
    absl::StatusOr<std::vector<CpuId>> wanted = ParseCpuList(select);
    if (!wanted.ok()) return wanted.status();
    for (const CpuId id : *wanted) {
      const auto found =
          std::find_if(cpus.begin(), cpus.end(), [id](const Cpu& cpu) { return cpu.id == id; });
      if (found == cpus.end()) {
        return BadList(select, absl::StrCat("names CPU ", id.value(), ", which is not there"));
      }
      out.cpus.push_back(*found);
    }
    std::sort(out.cpus.begin(), out.cpus.end(),
              [](const Cpu& a, const Cpu& b) { return a.id < b.id; });
    out.cpus.erase(std::unique(out.cpus.begin(), out.cpus.end(),
                               [](const Cpu& a, const Cpu& b) { return a.id == b.id; }),
                   out.cpus.end());
  }
  if (out.cpus.empty()) return BadList(select, "leaves no CPU");
  return out;
}

}  // namespace percpud

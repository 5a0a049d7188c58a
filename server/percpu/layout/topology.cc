// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/percpu/layout/topology.h"

#include <hwloc.h>

#include <algorithm>
#include <cassert>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <optional>
#include <string>
#include <system_error>
#include <type_traits>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "server/base/errors.h"
#include "server/base/limits.h"
#include "server/base/parse.h"

namespace percpud {
namespace {

struct DestroyTopology {
  void operator()(hwloc_topology_t topology) const { hwloc_topology_destroy(topology); }
};
using HwlocTopology = std::unique_ptr<std::remove_pointer_t<hwloc_topology_t>, DestroyTopology>;

bool ById(const Topology::Cpu& a, const Topology::Cpu& b) { return a.id < b.id; }

// --- hwloc -------------------------------------------------------------------

// A topology that still has to be told where to look; it will hold the CPUs
// that this process may not run on, too.
HwlocTopology NewHwlocTopology() {
  // A bad description is our status to report, not the library's.
  setenv("HWLOC_HIDE_ERRORS", "2", /*overwrite=*/0);
  hwloc_topology_t raw = nullptr;
  if (hwloc_topology_init(&raw) != 0) return nullptr;
  HwlocTopology topology(raw);
  hwloc_topology_set_flags(raw, HWLOC_TOPOLOGY_FLAG_INCLUDE_DISALLOWED);
  return topology;
}

// The lowest node a CPU is local to: where there are several, that is the one
// of ordinary memory. Node 0 if there is none.
NumaNodeId NodeOf(hwloc_obj_t pu) {
  return NumaNodeId(std::max(hwloc_bitmap_first(pu->nodeset), 0));
}

// hwloc promises neither small ids nor different ones: a file may say anything.
absl::StatusOr<Topology> Read(hwloc_topology_t topology, absl::string_view field) {
  Topology out;
  hwloc_obj_t pu = nullptr;
  while ((pu = hwloc_get_next_obj_by_type(topology, HWLOC_OBJ_PU, pu)) != nullptr) {
    if (pu->os_index >= kMaxCpus) {
      return errors::BadConfig(field,
                               absl::StrCat("CPU ", pu->os_index, " is not in 0..", kMaxCpus - 1));
    }
    out.cpus.push_back({.id = CpuId(pu->os_index), .node = NodeOf(pu), .online = true});
  }
  if (out.cpus.empty()) return errors::BadConfig(field, "there is no CPU");
  std::sort(out.cpus.begin(), out.cpus.end(), ById);
  const auto twice = std::adjacent_find(
      out.cpus.begin(), out.cpus.end(),
      [](const Topology::Cpu& a, const Topology::Cpu& b) { return a.id == b.id; });
  if (twice != out.cpus.end()) {
    return errors::BadConfig(field, absl::StrCat("CPU ", twice->id.value(), " is there twice"));
  }
  return out;
}

// Whether a synthetic description asks for few enough CPUs. hwloc builds
// whatever it is told and takes minutes over a million CPUs, so the counts of
// the levels are multiplied before it starts. Attributes, in brackets, and
// digits that end a type ("L3") are no counts.
bool IsServable(absl::string_view description) {
  std::uint64_t cpus = 1;
  while (!description.empty() && cpus <= kMaxCpus) {
    std::size_t length = 1;
    if (const char c = description.front(); c == '(' || c == '[') {
      length = description.find(c == '(' ? ')' : ']');
      if (length == absl::string_view::npos) return false;
    } else if (absl::ascii_isalnum(c)) {
      length = static_cast<std::size_t>(
          std::find_if_not(description.begin(), description.end(), absl::ascii_isalnum) -
          description.begin());
      if (absl::ascii_isdigit(c)) {
        const std::optional<std::uint32_t> count = ParseDecimal(description.substr(0, length));
        if (!count) return false;
        cpus *= *count;
      }
    }
    description.remove_prefix(length);
  }
  return cpus <= kMaxCpus;
}

}  // namespace

absl::StatusOr<Topology> Topology::Uniform(std::uint32_t count) {
  if (count == 0 || count > kMaxCpus) {
    return errors::BadConfig("cpus.count", absl::StrCat(count, " is not in 1..", kMaxCpus));
  }
  Topology out;
  out.cpus.reserve(count);
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
  // hwloc sees only the CPUs that are online. Where the kernel does not tell
  // which others there may be, those are all.
  std::ifstream file("/sys/devices/system/cpu/possible");
  std::string possible;
  if (out.ok() && std::getline(file, possible)) {
    if (absl::Status status = out->AddOffline(possible); !status.ok()) return status;
  }
  return out;
}

absl::StatusOr<Topology> Topology::FromSynthetic(const std::string& description) {
  const auto bad = [&](absl::string_view why) {
    return errors::BadConfig("cpus.synthetic", absl::StrCat("\"", description, "\" ", why));
  };
  if (!IsServable(description)) return bad(absl::StrCat("is not for 1..", kMaxCpus, " CPUs"));
  const HwlocTopology topology = NewHwlocTopology();
  if (topology == nullptr ||
      hwloc_topology_set_synthetic(topology.get(), description.c_str()) != 0 ||
      hwloc_topology_load(topology.get()) != 0) {
    return bad("is no hwloc description such as \"numa:2 core:4 pu:1\"");
  }
  return Read(topology.get(), "cpus.synthetic");
}

absl::StatusOr<Topology> Topology::FromXml(const std::string& path) {
  const auto bad = [&](absl::string_view why) {
    return errors::BadConfig("cpus.xml_file", absl::StrCat("\"", path, "\" ", why));
  };
  // A pipe would hold the start up for ever, and to hwloc "-" is one.
  std::error_code error;
  if (path == "-" || !std::filesystem::is_regular_file(path, error)) return bad("is no file");
  const HwlocTopology topology = NewHwlocTopology();
  if (topology == nullptr || hwloc_topology_set_xml(topology.get(), path.c_str()) != 0 ||
      hwloc_topology_load(topology.get()) != 0) {
    return bad("is no topology written by lstopo --of xml");
  }
  return Read(topology.get(), "cpus.xml_file");
}

absl::Status Topology::AddOffline(absl::string_view possible) {
  assert(!cpus.empty());
  const std::optional<std::vector<CpuRange>> ranges = ParseCpuList(possible);
  if (!ranges) {
    return errors::BadConfig("cpus.host", absl::StrCat("\"", possible, "\" is no list of CPUs"));
  }
  std::vector<bool> known(kMaxCpus);
  for (const Cpu& cpu : cpus) known[cpu.id.value()] = true;
  const NumaNodeId node = cpus.front().node;
  for (const CpuRange& range : *ranges) {
    for (std::uint64_t id = range.first; id <= range.last && id < kMaxCpus; ++id) {
      if (known[id]) continue;
      known[id] = true;
      cpus.push_back({.id = CpuId(id), .node = node, .online = false});
    }
  }
  std::sort(cpus.begin(), cpus.end(), ById);
  return absl::OkStatus();
}

absl::StatusOr<Topology> Topology::Select(absl::string_view select) const {
  if (select == "possible") return *this;
  const auto bad = [select](absl::string_view why) {
    return errors::BadConfig("cpus.select", absl::StrCat("\"", select, "\" ", why));
  };
  std::vector<bool> wanted(kMaxCpus);
  if (select == "online") {
    for (const Cpu& cpu : cpus) wanted[cpu.id.value()] = cpu.online;
  } else {
    const std::optional<std::vector<CpuRange>> ranges = ParseCpuList(select);
    if (!ranges) return bad("is neither possible nor online nor a rising list such as 0-3,8");
    for (const CpuRange& range : *ranges) {
      for (std::uint64_t id = range.first; id <= range.last; ++id) {
        if (!std::binary_search(cpus.begin(), cpus.end(), Cpu{.id = CpuId(id), .node = {}}, ById)) {
          return bad(absl::StrCat("names CPU ", id, ", which is not there"));
        }
        wanted[id] = true;
      }
    }
  }
  Topology out;
  std::copy_if(cpus.begin(), cpus.end(), std::back_inserter(out.cpus),
               [&](const Cpu& cpu) { return wanted[cpu.id.value()]; });
  if (out.cpus.empty()) return bad("leaves no CPU");
  return out;
}

}  // namespace percpud

// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_SERVER_PERCPU_LAYOUT_TOPOLOGY_H_
#define PERCPUD_SERVER_PERCPU_LAYOUT_TOPOLOGY_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "server/base/units.h"

namespace percpud {

// The CPUs units are made for, each with the NUMA node it belongs to. Plain
// data: ascending by CPU, every CPU once, 1..kMaxCpus of them with ids below
// kMaxCpus. hwloc is asked in topology.cc and nowhere else.
struct Topology {
  struct Cpu {
    CpuId id;
    NumaNodeId node;
    bool online = true;
  };
  std::vector<Cpu> cpus;

  // `count` online CPUs, 0..count-1, on node 0. Errors: 0 or over kMaxCpus.
  static absl::StatusOr<Topology> Uniform(std::uint32_t count);
  // This host, offline CPUs included. Errors name "cpus.host".
  static absl::StatusOr<Topology> FromHost();
  // An hwloc synthetic description, "numa:2 core:4 pu:1". Errors name
  // "cpus.synthetic".
  static absl::StatusOr<Topology> FromSynthetic(const std::string& description);
  // A file written by `lstopo --of xml`. Errors name "cpus.xml_file".
  static absl::StatusOr<Topology> FromXml(const std::string& path);

  // Adds the CPUs of `possible`, a list such as "0-3,8", that are not there
  // yet: offline, and on the first CPU's node, as nothing tells theirs. Leaves
  // out ids from kMaxCpus on. Errors name "cpus.host": bad syntax.
  // REQUIRES: there is a CPU.
  absl::Status AddOffline(absl::string_view possible);

  // Keeps the CPUs `select` names: "possible" (all), "online", or a list such
  // as "0-3,8". Errors name the field "cpus.select": bad syntax, a CPU that is
  // not there, nothing left.
  [[nodiscard]] absl::StatusOr<Topology> Select(absl::string_view select) const;
};

}  // namespace percpud

#endif  // PERCPUD_SERVER_PERCPU_LAYOUT_TOPOLOGY_H_

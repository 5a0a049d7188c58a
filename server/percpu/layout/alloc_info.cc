// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/percpu/layout/alloc_info.h"

#include <algorithm>
#include <cassert>
#include <cstdint>
#include <optional>
#include <vector>

#include "absl/strings/str_cat.h"
#include "server/base/errors.h"
#include "server/base/limits.h"

namespace percpud {
namespace {

using GroupCpus = std::vector<std::optional<CpuId>>;

absl::Status CheckSkew(Bytes skew) {
  const bool fits = IsPowerOfTwo(skew) && skew >= kMinSkew && skew <= kMaxSkew;
  if (skew == Bytes(0) || fits) return absl::OkStatus();
  return errors::BadConfig("unit_skew",
                           absl::StrCat(skew.value(), " is neither 0 nor a power of two in ",
                                        kMinSkew.value(), "..", kMaxSkew.value()));
}

absl::Status CheckSizes(const AllocSizes& sizes) {
  const auto over = [](absl::string_view field, Bytes value) {
    return errors::BadConfig(
        field, absl::StrCat(Format(value), " is over the limit of ", Format(kMaxUnitSize)));
  };
  if (sizes.static_size > kMaxUnitSize) return over("static_size", sizes.static_size);
  if (sizes.reserved_size > kMaxUnitSize) return over("reserved_size", sizes.reserved_size);
  if (sizes.dyn_size > kMaxUnitSize) return over("unit_size", sizes.dyn_size);
  if (sizes.atom_size > kMaxUnitSize) return over("atom_size", sizes.atom_size);
  if (sizes.static_size % kGranuleSize != Bytes(0)) {
    return errors::BadConfig("static_size",
                             absl::StrCat(sizes.static_size.value(), " is not a multiple of 4"));
  }
  if (sizes.reserved_size % kGranuleSize != Bytes(0)) {
    return errors::BadConfig("reserved_size",
                             absl::StrCat(sizes.reserved_size.value(), " is not a multiple of 4"));
  }
  if (sizes.atom_size < kBasePageSize || !IsPowerOfTwo(sizes.atom_size)) {
    return errors::BadConfig(
        "atom_size",
        absl::StrCat(sizes.atom_size.value(), " is not a power of two of at least a page"));
  }
  return CheckSkew(sizes.unit_skew);
}

// Groups in the order in which their nodes are first met.
std::vector<GroupInfo> GroupByNode(const Topology& topology) {
  std::vector<GroupInfo> groups;
  for (const Topology::Cpu& cpu : topology.cpus) {
    auto group = std::find_if(groups.begin(), groups.end(),
                              [&](const GroupInfo& g) { return g.node == cpu.node; });
    if (group == groups.end()) {
      groups.push_back({.id = GroupId(groups.size()),
                        .node = cpu.node,
                        .base_offset = {},
                        .first_unit = {},
                        .cpus = {}});
      group = groups.end() - 1;
    }
    group->cpus.emplace_back(cpu.id);
  }
  return groups;
}

// How many units share one allocation. More units waste fewer atoms, but pad
// groups with ghosts; from the most down, the last count that costs no more
// allocations wins, unless it pads more than a third of the CPUs. The rule is
// pcpu_build_alloc_info's.
std::uint32_t UnitsPerAllocation(Bytes alloc_size, Bytes min_unit,
                                 const std::vector<GroupInfo>& groups, std::size_t cpus) {
  const auto fits = [&](std::uint64_t upa) {
    return alloc_size.value() % upa == 0 && (alloc_size.value() / upa) % kBasePageSize.value() == 0;
  };
  std::uint64_t best = 1;
  std::uint64_t best_allocs = UINT64_MAX;
  for (std::uint64_t upa = alloc_size / min_unit; upa > 0; --upa) {
    if (!fits(upa)) continue;
    std::uint64_t allocs = 0;
    std::uint64_t wasted = 0;
    for (const GroupInfo& group : groups) {
      const std::uint64_t group_allocs = (group.cpus.size() + upa - 1) / upa;
      allocs += group_allocs;
      wasted += group_allocs * upa - group.cpus.size();
    }
    if (wasted > cpus / 3) continue;
    if (allocs > best_allocs) break;
    best_allocs = allocs;
    best = upa;
  }
  return static_cast<std::uint32_t>(best);
}

// Pads the groups with ghosts and numbers everything. A padded group is whole
// allocations, so the next one starts on an atom again.
void LayOut(AllocInfo& info) {
  Bytes base;
  for (GroupInfo& group : info.groups) {
    group.base_offset = base;
    group.first_unit = UnitId(info.unit_to_cpu.size());
    while (group.cpus.size() % info.units_per_alloc != 0) group.cpus.emplace_back(std::nullopt);
    for (const std::optional<CpuId>& cpu : group.cpus) {
      const UnitId unit(info.unit_to_cpu.size());
      info.unit_to_cpu.push_back(cpu);
      info.unit_offset.push_back(base);
      base += info.unit_size;
      if (!cpu) continue;
      if (cpu->value() >= info.cpu_to_unit.size()) info.cpu_to_unit.resize(cpu->value() + 1);
      info.cpu_to_unit[cpu->value()] = unit;
    }
  }
}

}  // namespace

std::uint32_t GroupInfo::ghosts() const {
  return static_cast<std::uint32_t>(std::count(cpus.begin(), cpus.end(), std::nullopt));
}

std::uint32_t AllocInfo::ghosts() const {
  return static_cast<std::uint32_t>(
      std::count(unit_to_cpu.begin(), unit_to_cpu.end(), std::nullopt));
}

UnitId AllocInfo::UnitAt(Bytes offset) const {
  assert(offset < memory_size());
  const auto above = std::upper_bound(unit_offset.begin(), unit_offset.end(), offset);
  return UnitId(above - unit_offset.begin() - 1);
}

absl::Status CheckAlignment(const AllocInfo& info, Bytes alignment) {
  if (info.unit_skew == Bytes(0) || alignment <= info.unit_skew) return absl::OkStatus();
  return errors::AlignmentOverSkew(alignment, info.unit_skew);
}

absl::StatusOr<AllocInfo> BuildAllocInfo(const AllocSizes& sizes, const Topology& topology) {
  if (absl::Status status = CheckSizes(sizes); !status.ok()) return status;
  if (topology.cpus.empty() || topology.cpus.size() > kMaxCpus) {
    return errors::BadConfig("cpus.count",
                             absl::StrCat(topology.cpus.size(), " is not in 1..", kMaxCpus));
  }
  AllocInfo info;
  info.static_size = sizes.static_size;
  info.reserved_size = sizes.reserved_size;
  info.atom_size = sizes.atom_size;
  const Bytes fixed = sizes.static_size + sizes.reserved_size;
  const Bytes sum = RoundUp(fixed + std::max(sizes.dyn_size, kMinDynamicSize), kBasePageSize);
  info.unit_skew = sizes.unit_skew;
  info.dyn_size = sum - fixed - info.unit_skew;
  const Bytes min_unit = std::max(sum, kMinUnitSize);
  info.alloc_size = RoundUp(min_unit, sizes.atom_size);
  info.groups = GroupByNode(topology);
  info.units_per_alloc =
      UnitsPerAllocation(info.alloc_size, min_unit, info.groups, topology.cpus.size());
  if (info.unit_skew > Bytes(0) && info.groups.size() > 1) {
    return errors::BadConfig("unit_skew",
                             absl::StrCat("needs one group, and there are ", info.groups.size(),
                                          ": a group begins on an atom"));
  }
  info.unit_size = Bytes(info.alloc_size.value() / info.units_per_alloc) - info.unit_skew;
  if (info.unit_size > kMaxUnitSize) {
    return errors::BadConfig(
        "unit_size",
        absl::StrCat(Format(info.unit_size), " is over the limit of ", Format(kMaxUnitSize)));
  }
  LayOut(info);
  return info;
}

}  // namespace percpud

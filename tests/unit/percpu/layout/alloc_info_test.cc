// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/percpu/layout/alloc_info.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "server/base/limits.h"

namespace percpud {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr Bytes kKiB{1 << 10};
constexpr Bytes kHuge{2 << 20};

// What Linux 6.1 lays out for one group, an atom of 2 MiB and 196 KiB of
// static, reserved and dynamic memory: the unit, how many of them share an
// atom, the units without a CPU, and the pages that a power-of-two block loses
// per chunk.
struct KernelRow {
  std::uint32_t cpus;
  std::uint64_t unit_kib;
  std::uint32_t units_per_alloc;
  std::uint32_t ghosts;
  std::uint64_t wasted_pages;
};
constexpr KernelRow kKernelTable[] = {
    {1, 2048, 1, 0, 0},   {2, 1024, 2, 0, 0},   {3, 512, 4, 1, 0},     {4, 512, 4, 0, 0},
    {5, 1024, 2, 1, 512}, {6, 256, 8, 2, 0},    {7, 256, 8, 1, 0},     {8, 256, 8, 0, 0},
    {9, 512, 4, 3, 512},  {10, 512, 4, 2, 512}, {12, 256, 8, 4, 0},    {13, 256, 8, 3, 0},
    {14, 256, 8, 2, 0},   {15, 256, 8, 1, 0},   {16, 256, 8, 0, 0},    {17, 512, 4, 3, 1536},
    {20, 256, 8, 4, 512}, {24, 256, 8, 0, 512}, {33, 256, 8, 7, 1536},
};

// 192 KiB of dynamic memory in huge pages, for the CPUs that `select` leaves.
absl::StatusOr<AllocInfo> Build(const std::string& synthetic, const std::string& select) {
  const auto topology = Topology::FromSynthetic(synthetic);
  if (!topology.ok()) return topology.status();
  const auto selected = topology->Select(select);
  if (!selected.ok()) return selected.status();
  return BuildAllocInfo({.static_size = kKiB * 4,
                         .reserved_size = Bytes(0),
                         .dyn_size = kKiB * 192,
                         .atom_size = kHuge},
                        *selected);
}

class KernelTable : public ::testing::TestWithParam<KernelRow> {};

TEST_P(KernelTable, IsReproduced) {
  const KernelRow& row = GetParam();
  const AllocSizes sizes{.static_size = kKiB * 100,
                         .reserved_size = kKiB * 8,
                         .dyn_size = kKiB * 88,
                         .atom_size = kHuge};
  const auto info = BuildAllocInfo(sizes, *Topology::Uniform(row.cpus));
  ASSERT_TRUE(info.ok()) << info.status();
  EXPECT_EQ(info->unit_size, kKiB * row.unit_kib);
  EXPECT_EQ(info->units_per_alloc, row.units_per_alloc);
  EXPECT_EQ(info->alloc_size, kHuge);
  EXPECT_EQ(info->ghosts(), row.ghosts);
  EXPECT_EQ(info->cpus(), row.cpus);
  const Pages pages = ToPages(info->chunk_size(), kBasePageSize);
  EXPECT_EQ(BlockPages(OrderFor(pages)) - pages, Pages(row.wasted_pages));
}

INSTANTIATE_TEST_SUITE_P(Cpus, KernelTable, ::testing::ValuesIn(kKernelTable),
                         [](const auto& row) { return std::to_string(row.param.cpus); });

TEST(AllocInfoTest, SixCpusGetTwoGhosts) {
  const auto info = Build("core:6 pu:1", "possible");
  ASSERT_TRUE(info.ok()) << info.status();
  EXPECT_EQ(info->units(), 8u);
  EXPECT_EQ(info->ghosts(), 2u);
  EXPECT_EQ(info->groups[0].ghosts(), 2u);
  EXPECT_EQ(info->unit_to_cpu[5], CpuId(5));
  EXPECT_EQ(info->unit_to_cpu[6], std::nullopt);
  EXPECT_EQ(info->unit_to_cpu[7], std::nullopt);
}

TEST(AllocInfoTest, PageAtomsMakeNoGhostsAndKeepTheUnitAsked) {
  const auto info = BuildAllocInfo(
      {.static_size = Bytes(64), .reserved_size = Bytes(0), .dyn_size = kKiB * 64 - Bytes(64)},
      *Topology::Uniform(12));
  ASSERT_TRUE(info.ok());
  EXPECT_EQ(info->unit_size, kKiB * 64);
  EXPECT_EQ(info->ghosts(), 0u);
  EXPECT_EQ(info->units_per_alloc, 1u);
  EXPECT_EQ(info->chunk_size(), kKiB * 768);
}

TEST(AllocInfoTest, DynamicPartFillsTheLastPageAndHasALeast) {
  const auto info =
      BuildAllocInfo({.static_size = Bytes(100), .reserved_size = Bytes(0), .dyn_size = Bytes(1)},
                     *Topology::Uniform(1));
  ASSERT_TRUE(info.ok());
  EXPECT_EQ(info->dyn_size, Bytes(16384 - 100));
  EXPECT_EQ(info->unit_size, kMinUnitSize);
}

TEST(AllocInfoTest, OneGroupPerNode) {
  const auto info = Build("numa:2 core:4 pu:1", "possible");
  ASSERT_TRUE(info.ok()) << info.status();
  EXPECT_EQ(info->unit_size, kKiB * 512);
  EXPECT_EQ(info->ghosts(), 0u);
  ASSERT_EQ(info->groups.size(), 2u);
  for (std::uint32_t g = 0; g < 2; ++g) {
    EXPECT_EQ(info->groups[g].id, GroupId(g));
    EXPECT_EQ(info->groups[g].node, NumaNodeId(g));
    EXPECT_EQ(info->groups[g].first_unit, UnitId(g * 4));
    EXPECT_EQ(info->groups[g].base_offset, kHuge * g);
    EXPECT_THAT(info->groups[g].cpus,
                ElementsAre(CpuId(g * 4), CpuId(g * 4 + 1), CpuId(g * 4 + 2), CpuId(g * 4 + 3)));
  }
}

TEST(AllocInfoTest, UnevenGroupsArePaddedEachByItself) {
  // Three CPUs on node 0 and five on node 1: with 4 units per atom there are
  // 1 + 3 ghosts, more than a third of the CPUs; with 2 there are 1 + 1.
  const auto info = Build("numa:2 core:5 pu:1", "0-2,5-9");
  ASSERT_TRUE(info.ok()) << info.status();
  EXPECT_EQ(info->units_per_alloc, 2u);
  EXPECT_EQ(info->unit_size, kKiB * 1024);
  ASSERT_EQ(info->groups.size(), 2u);
  EXPECT_THAT(info->groups[0].cpus, ElementsAre(CpuId(0), CpuId(1), CpuId(2), std::nullopt));
  EXPECT_THAT(info->groups[1].cpus,
              ElementsAre(CpuId(5), CpuId(6), CpuId(7), CpuId(8), CpuId(9), std::nullopt));
  EXPECT_EQ(info->groups[1].first_unit, UnitId(4));
  EXPECT_EQ(info->groups[1].base_offset, kHuge * 2);
  EXPECT_EQ(info->chunk_size(), kHuge * 5);
  EXPECT_EQ(info->cpu_to_unit[3], std::nullopt);
  EXPECT_EQ(info->cpu_to_unit[9], UnitId(8));
}

TEST(AllocInfoTest, GroupsComeInTheOrderTheirNodesAreMet) {
  const auto info = Build("numa:3 core:2 pu:1(indexes=4,5,0,1,2,3)", "0-1,3-5");
  ASSERT_TRUE(info.ok()) << info.status();
  ASSERT_EQ(info->groups.size(), 3u);
  EXPECT_EQ(info->groups[0].node, NumaNodeId(1));
  EXPECT_EQ(info->groups[1].node, NumaNodeId(2));
  EXPECT_EQ(info->groups[2].node, NumaNodeId(0));
}

TEST(AllocInfoTest, EveryOffsetHasItsUnit) {
  const auto info =
      BuildAllocInfo({.static_size = Bytes(64), .reserved_size = Bytes(0), .dyn_size = kKiB * 60},
                     *Topology::Uniform(5));
  for (std::uint32_t unit = 0; unit < 5; ++unit) {
    EXPECT_EQ(info->UnitAt(info->unit_offset[unit]), UnitId(unit));
    EXPECT_EQ(info->UnitAt(info->unit_offset[unit] + info->unit_size - Bytes(1)), UnitId(unit));
  }
}

TEST(AllocInfoTest, BadSizesAreNamed) {
  const Topology topology = *Topology::Uniform(2);
  const auto refusal = [&](AllocSizes sizes) {
    return std::string(BuildAllocInfo(sizes, topology).status().message());
  };
  AllocSizes good{.static_size = Bytes(64), .reserved_size = Bytes(0), .dyn_size = kKiB * 32};
  AllocSizes bad = good;
  bad.reserved_size = Bytes(6);
  EXPECT_THAT(refusal(bad), HasSubstr("reserved_size: 6 is not a multiple of 4"));
  bad = good;
  bad.atom_size = Bytes(12288);
  EXPECT_THAT(refusal(bad), HasSubstr("atom_size: 12288"));
  bad = good;
  bad.atom_size = Bytes(1024);
  EXPECT_THAT(refusal(bad), HasSubstr("atom_size: 1024"));
  bad = good;
  bad.static_size = Bytes::Max();
  EXPECT_THAT(refusal(bad), HasSubstr("static_size"));
  bad = good;
  bad.dyn_size = kMaxUnitSize;
  EXPECT_THAT(refusal(bad), HasSubstr("unit_size"));
  bad = good;
  bad.reserved_size = kMaxUnitSize + Bytes(4);
  EXPECT_THAT(refusal(bad), HasSubstr("reserved_size"));
  bad = good;
  bad.atom_size = Bytes(std::uint64_t{1} << 63);
  EXPECT_THAT(refusal(bad), HasSubstr("atom_size"));
  bad = good;
  bad.dyn_size = Bytes::Max();
  EXPECT_THAT(refusal(bad), HasSubstr("unit_size"));
  bad = good;
  bad.static_size = Bytes(66);
  EXPECT_THAT(refusal(bad), HasSubstr("static_size: 66 is not a multiple of 4"));
  EXPECT_EQ(BuildAllocInfo(good, Topology{}).status().message(), "cpus.count: 0 is not in 1..4096");
}

TEST(AllocInfoTest, TheLargestUnitFits) {
  const AllocSizes sizes{.static_size = Bytes(64),
                         .reserved_size = Bytes(0),
                         .dyn_size = kMaxUnitSize - Bytes(64),
                         .atom_size = kMaxUnitSize};
  const auto info = BuildAllocInfo(sizes, *Topology::Uniform(kMaxCpus));
  ASSERT_TRUE(info.ok()) << info.status();
  EXPECT_EQ(info->unit_size, kMaxUnitSize);
  EXPECT_EQ(info->chunk_size(), kMaxUnitSize * kMaxCpus);
}

constexpr Bytes kLine{64};

TEST(AllocInfoTest, ASkewPutsTheCopiesOfAVariableIntoDifferentCacheSets) {
  const AllocSizes plain{.static_size = kLine, .dyn_size = kKiB * 64 - kLine};
  AllocSizes skewed = plain;
  skewed.unit_skew = kLine;
  const auto without = BuildAllocInfo(plain, *Topology::Uniform(64));
  const auto info = BuildAllocInfo(skewed, *Topology::Uniform(64));
  ASSERT_TRUE(info.ok()) << info.status();
  std::set<std::uint64_t> sets;
  for (const Bytes offset : info->unit_offset) sets.insert(offset.value() % 4096 / kLine.value());
  EXPECT_EQ(sets.size(), 64U);
  // It costs a line of each unit, and no page.
  EXPECT_EQ(info->unit_size, kKiB * 64 - kLine);
  EXPECT_EQ(info->static_size + info->reserved_size + info->dyn_size, info->unit_size);
  EXPECT_EQ(info->memory_size(), without->memory_size());
  EXPECT_EQ(info->max_alignment(), kLine);
  EXPECT_EQ(without->max_alignment(), kMaxAlign);
}

TEST(AllocInfoTest, ASkewIsALineOrAPowerOfTwoOfThemInOneGroup) {
  const auto refusal = [](std::uint64_t skew, const Topology& topology) {
    return std::string(BuildAllocInfo({.dyn_size = kKiB * 64, .unit_skew = Bytes(skew)}, topology)
                           .status()
                           .message());
  };
  const Topology one = *Topology::Uniform(4);
  for (const std::uint64_t bad : {1, 32, 96, 4096}) {
    EXPECT_EQ(refusal(bad, one),
              "unit_skew: " + std::to_string(bad) + " is neither 0 nor a power of two in 64..2048");
  }
  for (const std::uint64_t good : {0, 64, 128, 2048}) EXPECT_EQ(refusal(good, one), "");
  EXPECT_THAT(refusal(64, *Topology::FromSynthetic("numa:2 core:2 pu:1")),
              HasSubstr("unit_skew: needs one group, and there are 2"));
}

TEST(AllocInfoTest, WhatASkewCannotAlignIsRefused) {
  const auto skewed =
      BuildAllocInfo({.dyn_size = kKiB * 64, .unit_skew = Bytes(128)}, *Topology::Uniform(4));
  EXPECT_TRUE(CheckAlignment(*skewed, Bytes(128)).ok());
  EXPECT_EQ(CheckAlignment(*skewed, Bytes(256)).code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(CheckAlignment(*skewed, Bytes(256)).message()), HasSubstr("unit_skew"));
  const auto plain = BuildAllocInfo({.dyn_size = kKiB * 64}, *Topology::Uniform(4));
  EXPECT_TRUE(CheckAlignment(*plain, kMaxAlign).ok());
}

// A layout asked for at random: what the invariants are checked against.
struct Request {
  AllocSizes sizes;
  Topology topology;
};

Request RandomRequest(std::mt19937_64& random) {
  Request request{.sizes = {.static_size = Bytes(random() % 20000 * 4),
                            .reserved_size = Bytes(random() % 2000 * 4),
                            .dyn_size = Bytes(random() % (512 << 10)),
                            .atom_size = Bytes(4096u << (random() % 10))},
                  .topology = {}};
  const std::uint64_t cpus = 1 + random() % 70;
  const std::uint64_t nodes = 1 + random() % 4;
  std::uint64_t id = 0;
  for (std::uint64_t cpu = 0; cpu < cpus; ++cpu) {
    id += 1 + random() % 3;
    request.topology.cpus.push_back({CpuId(id), NumaNodeId(random() % nodes), true});
  }
  if (nodes == 1 && random() % 2 == 0) request.sizes.unit_skew = kLine * (1 << random() % 6);
  return request;
}

std::string Describe(const Request& request) {
  std::string text = Format(request.sizes.static_size) + " static, " +
                     Format(request.sizes.reserved_size) + " reserved, " +
                     Format(request.sizes.dyn_size) + " dynamic, " +
                     Format(request.sizes.atom_size) + " atom, cpu:node";
  for (const Topology::Cpu& cpu : request.topology.cpus) {
    text += ' ' + std::to_string(cpu.id.value()) + ':' + std::to_string(cpu.node.value());
  }
  return text;
}

void CheckUnitSize(const Request& request, const AllocInfo& info) {
  const AllocSizes& sizes = request.sizes;
  EXPECT_EQ(info.static_size, sizes.static_size);
  EXPECT_EQ(info.reserved_size, sizes.reserved_size);
  EXPECT_GE(info.dyn_size + info.unit_skew, std::max(sizes.dyn_size, kMinDynamicSize));
  const Bytes sum = info.static_size + info.reserved_size + info.dyn_size + info.unit_skew;
  EXPECT_EQ(sum % kBasePageSize, Bytes(0));
  EXPECT_LT(sum, sizes.static_size + sizes.reserved_size +
                     std::max(sizes.dyn_size, kMinDynamicSize) + kBasePageSize);
  const Bytes unit = info.unit_size + info.unit_skew;
  EXPECT_GE(unit, std::max(sum, kMinUnitSize));
  EXPECT_EQ(unit % kBasePageSize, Bytes(0));
  EXPECT_EQ(unit * info.units_per_alloc, info.alloc_size);
  EXPECT_EQ(unit * info.units(), info.memory_size());
  EXPECT_EQ(info.alloc_size, RoundUp(std::max(sum, kMinUnitSize), sizes.atom_size));
}

void CheckGroups(const Request& request, const AllocInfo& info) {
  std::vector<std::optional<CpuId>> units;
  Bytes end;
  for (std::uint32_t g = 0; g < info.groups.size(); ++g) {
    const GroupInfo& group = info.groups[g];
    EXPECT_EQ(group.id, GroupId(g));
    EXPECT_EQ(group.first_unit, UnitId(units.size()));
    EXPECT_EQ(group.base_offset, end);
    EXPECT_EQ(group.base_offset % request.sizes.atom_size, Bytes(0));
    EXPECT_EQ(group.cpus.size() % info.units_per_alloc, 0u);
    EXPECT_LT(group.ghosts(), info.units_per_alloc);
    for (std::size_t i = 0; i < group.cpus.size(); ++i) {
      EXPECT_EQ(info.unit_offset[units.size() + i], group.base_offset + info.unit_size * i);
    }
    end = group.base_offset + info.unit_size * group.cpus.size();
    units.insert(units.end(), group.cpus.begin(), group.cpus.end());
  }
  EXPECT_EQ(units, info.unit_to_cpu);
  EXPECT_EQ(info.unit_offset.size(), units.size());
  EXPECT_EQ(info.chunk_size(), end);
}

void CheckUnitMap(const Request& request, const AllocInfo& info) {
  const std::vector<Topology::Cpu>& cpus = request.topology.cpus;
  EXPECT_EQ(info.cpus(), cpus.size());
  EXPECT_LE(info.ghosts(), cpus.size() / 3);
  for (const Topology::Cpu& cpu : cpus) {
    EXPECT_EQ(std::count(info.unit_to_cpu.begin(), info.unit_to_cpu.end(), cpu.id), 1);
    const std::optional<UnitId> unit = info.cpu_to_unit.at(cpu.id.value());
    ASSERT_TRUE(unit.has_value());
    EXPECT_EQ(info.unit_to_cpu[unit->value()], cpu.id);
    const auto group =
        std::find_if(info.groups.rbegin(), info.groups.rend(),
                     [unit](const GroupInfo& candidate) { return candidate.first_unit <= *unit; });
    EXPECT_EQ(group->node, cpu.node);
  }
  EXPECT_EQ(info.cpu_to_unit.size(), cpus.back().id.value() + 1);
  EXPECT_EQ(std::count(info.cpu_to_unit.begin(), info.cpu_to_unit.end(), std::nullopt),
            static_cast<std::ptrdiff_t>(info.cpu_to_unit.size() - cpus.size()));
}

TEST(AllocInfoTest, HoldsItsInvariants) {
  std::mt19937_64 random(14);
  for (int round = 0; round < 3000 && !HasFailure(); ++round) {
    const Request request = RandomRequest(random);
    SCOPED_TRACE(Describe(request));
    const auto info = BuildAllocInfo(request.sizes, request.topology);
    ASSERT_TRUE(info.ok()) << info.status();
    CheckUnitSize(request, *info);
    CheckGroups(request, *info);
    CheckUnitMap(request, *info);
  }
}

}  // namespace
}  // namespace percpud

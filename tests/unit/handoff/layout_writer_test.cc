// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/handoff/layout_writer.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string>

#include "server/percpu/layout/topology.h"

namespace percpud {
namespace {

AllocInfo InfoOf(const Topology& topology) {
  const auto info =
      BuildAllocInfo({.static_size = Bytes(64), .dyn_size = Bytes(60 << 10)}, topology);
  EXPECT_TRUE(info.ok()) << info.status();
  return *info;
}

template <typename T>
T At(const std::vector<std::byte>& page, std::uint64_t offset) {
  T out{};
  std::memcpy(&out, page.data() + offset, sizeof(out));
  return out;
}

TEST(LayoutPageTest, SaysWhereEveryCpusUnitIs) {
  const AllocInfo info = InfoOf(*Topology::FromSynthetic("numa:2 core:2 pu:1"));
  const CpuUnits cpus = PlaceCpus(info, 2);
  const auto page = EncodeLayout(info, cpus,
                                 {.arena_id = {1, 2, 3},
                                  .arena_size = Bytes(1 << 20),
                                  .page_size = kBasePageSize,
                                  .update_mode = abi::v1::UpdateMode::kAtomic,
                                  .pair_commit = abi::v1::PairCommit::kOneStore,
                                  .epoch = 9});
  const auto header = At<abi::v1::LayoutHeader>(page, 0);
  EXPECT_EQ(header.magic, abi::v1::kLayoutMagic);
  EXPECT_EQ(header.layout_bytes, page.size());
  EXPECT_EQ(page.size() % 4096, 0U);
  EXPECT_EQ(header.units, info.units());
  ASSERT_EQ(header.cpus, 4U);
  EXPECT_EQ(header.update_mode, 2U);
  EXPECT_EQ(header.pair_commit, 1U);
  EXPECT_EQ(header.epoch, 9U);
  for (std::uint32_t unit = 0; unit < header.units; ++unit) {
    EXPECT_EQ(At<std::uint64_t>(page, header.unit_offsets_at + unit * 8),
              info.unit_offset[unit].value());
    const auto cpu = At<std::uint32_t>(page, header.unit_cpus_at + unit * 4);
    EXPECT_EQ(cpu, info.unit_to_cpu[unit] ? info.unit_to_cpu[unit]->value() : abi::v1::kNoCpu);
  }
  for (std::uint32_t cpu = 0; cpu < 4; ++cpu) {
    EXPECT_EQ(At<std::uint64_t>(page, header.cpu_offsets_at + cpu * 8),
              info.unit_offset[info.cpu_to_unit[cpu]->value()].value());
  }
}

TEST(LayoutPageTest, NobodyCanChangeIt) {
  const AllocInfo info = InfoOf(*Topology::Uniform(1));
  const auto page = PublishedLayout::Publish(EncodeLayout(info, PlaceCpus(info, 1), {}));
  ASSERT_TRUE(page.ok()) << page.status();
  EXPECT_EQ(pwrite(page->fd(), "x", 1, 0), -1);
  EXPECT_EQ(ftruncate(page->fd(), 0), -1);
  EXPECT_EQ(mmap(nullptr, 4096, PROT_WRITE, MAP_SHARED, page->fd(), 0), MAP_FAILED);
  EXPECT_EQ(fcntl(page->fd(), F_ADD_SEALS, 0), -1);
}

TEST(LayoutPageTest, ReadersSeeTheRevisionAndCannotChangeIt) {
  const AllocInfo info = InfoOf(*Topology::Uniform(1));
  const auto bytes = EncodeLayout(info, PlaceCpus(info, 1), {});
  const auto header = At<abi::v1::LayoutHeader>(bytes, 0);
  EXPECT_EQ(header.live_at + 4096, bytes.size());
  const auto page = PublishedLayout::Publish(bytes);
  ASSERT_TRUE(page.ok()) << page.status();
  void* const live =
      mmap(nullptr, 4096, PROT_READ, MAP_SHARED, page->fd(), static_cast<off_t>(header.live_at));
  ASSERT_NE(live, MAP_FAILED);
  EXPECT_EQ(mprotect(live, 4096, PROT_READ | PROT_WRITE), -1);
  const auto* const words = static_cast<const volatile abi::v1::LiveWords*>(live);
  EXPECT_EQ(words->revision, 0U);
  page->revision().store(42);
  EXPECT_EQ(words->revision, 42U);
  munmap(live, 4096);
}

TEST(CpuUnitsTest, EveryCpuItsOwnUnitIsExclusive) {
  const AllocInfo info = InfoOf(*Topology::Uniform(4));
  const CpuUnits cpus = PlaceCpus(info, 2);
  EXPECT_TRUE(cpus.exclusive);
  // Units of CPUs this host has not got are there all the same.
  EXPECT_EQ(cpus.unit, (std::vector{UnitId(0), UnitId(1), UnitId(2), UnitId(3)}));
}

TEST(CpuUnitsTest, CpusWithoutAUnitShareInTurn) {
  const AllocInfo info = InfoOf(*Topology::Uniform(2));
  const CpuUnits cpus = PlaceCpus(info, 5);
  EXPECT_FALSE(cpus.exclusive);
  EXPECT_EQ(cpus.unit, (std::vector{UnitId(0), UnitId(1), UnitId(0), UnitId(1), UnitId(0)}));
  EXPECT_EQ(cpus.offset[3], info.unit_offset[1].value());
}

TEST(CpuUnitsTest, AHoleInTheSelectionSharesToo) {
  const auto selected = Topology::Uniform(4)->Select("0,3");
  const AllocInfo info = InfoOf(*selected);
  const CpuUnits cpus = PlaceCpus(info, 4);
  EXPECT_FALSE(cpus.exclusive);
  EXPECT_EQ(cpus.unit[0], *info.cpu_to_unit[0]);
  EXPECT_EQ(cpus.unit[3], *info.cpu_to_unit[3]);
}

}  // namespace
}  // namespace percpud

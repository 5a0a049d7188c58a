// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// On which NUMA node the system puts a group's pages. Needs two nodes with
// memory; tests/guest/run boots a machine that has them.

#include <gtest/gtest.h>
#include <linux/mempolicy.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <bitset>
#include <cstdint>
#include <memory>
#include <vector>

#include "server/arena/arena.h"
#include "server/percpu/backend/vm.h"
#include "server/percpu/layout/topology.h"

namespace percpud {
namespace {

constexpr std::size_t kMaxNodes = 1024;
constexpr std::uint32_t kBlocks = 16;
constexpr BlockRange kWhole{.first = 0, .count = kBlocks};

// The nodes that this process may have memory of.
std::vector<NumaNodeId> Nodes() {
  std::bitset<kMaxNodes> mask;
  std::vector<NumaNodeId> nodes;
  if (syscall(SYS_get_mempolicy, nullptr, &mask, kMaxNodes, nullptr, MPOL_F_MEMS_ALLOWED) != 0) {
    return nodes;
  }
  for (std::uint32_t node = 0; node < kMaxNodes; ++node) {
    if (mask.test(node)) nodes.emplace_back(node);
  }
  return nodes;
}

class VmNodesTest : public ::testing::Test {
 protected:
  void SetUp() override {
    const std::vector<NumaNodeId> nodes = Nodes();
    if (nodes.size() < 2) {
      GTEST_SKIP() << "needs two NUMA nodes with memory; there are " << nodes.size();
    }
    Topology topology;
    for (const std::uint32_t cpu : {0, 1, 2, 3}) {
      topology.cpus.push_back({.id = CpuId(cpu), .node = nodes[cpu / 2]});
    }
    AllocSizes sizes{};
    sizes.dyn_size = kBasePageSize * kBlocks;
    info_ = *BuildAllocInfo(sizes, topology);
    ASSERT_EQ(info_.groups.size(), 2U);
    auto arena = Arena::Create({.size = kArenaSize});
    ASSERT_TRUE(arena.ok()) << arena.status();
    arena_ = *std::move(arena);
    vm_ = std::make_unique<VmBackend>(info_, *arena_, BackendOptions{});
    ASSERT_EQ(vm_->remark(), "");
  }

  // Negative: an error number. The page is mapped here first, for the system
  // tells the node of mapped pages only.
  [[nodiscard]] int NodeOf(Bytes offset) const {
    void* page = arena_->base() + offset.value();
    static_cast<void>(*static_cast<volatile std::byte*>(page));
    int status = 0;
    return syscall(SYS_move_pages, 0, 1, &page, nullptr, &status, 0) == 0 ? status : -errno;
  }
  // Pages of the chunk that lie elsewhere than their group's node.
  [[nodiscard]] std::uint32_t Strays(const ChunkMemory& memory) const {
    std::uint32_t strays = 0;
    for (const GroupInfo& group : info_.groups) {
      for (std::uint32_t unit = 0; unit < group.cpus.size(); ++unit) {
        const UnitId id(group.first_unit.value() + unit);
        for (std::uint32_t block = 0; block < kBlocks; ++block) {
          const int node =
              NodeOf(memory.base + info_.unit_offset[id.value()] + kBasePageSize * block);
          strays += node != static_cast<int>(group.node.value()) ? 1 : 0;
        }
      }
    }
    return strays;
  }

  static constexpr Bytes kArenaSize{16 << 20};

  AllocInfo info_;
  std::unique_ptr<Arena> arena_;
  std::unique_ptr<VmBackend> vm_;
};

// What the others would show if nobody said anything of nodes.
TEST_F(VmNodesTest, WithoutAPreferencePagesLieWhereTheirMakerRuns) {
  cpu_set_t all;
  ASSERT_EQ(sched_getaffinity(0, sizeof(all), &all), 0);
  std::bitset<kMaxNodes> seen;
  for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (!CPU_ISSET(cpu, &all)) continue;
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(cpu, &one);
    ASSERT_EQ(sched_setaffinity(0, sizeof(one), &one), 0);
    unsigned here = 0;
    unsigned node = 0;
    ASSERT_EQ(getcpu(&here, &node), 0);
    // Behind all chunks.
    const Bytes last = kArenaSize - kBasePageSize;
    ASSERT_TRUE(arena_->Populate(last, kBasePageSize).ok());
    EXPECT_EQ(NodeOf(last), static_cast<int>(node)) << "CPU " << cpu;
    ASSERT_TRUE(arena_->Release(last, kBasePageSize).ok());
    seen.set(node);
  }
  ASSERT_EQ(sched_setaffinity(0, sizeof(all), &all), 0);
  EXPECT_GE(seen.count(), 2U) << "this process may not run on two nodes";
}

TEST_F(VmNodesTest, EachGroupsPagesLieOnItsNode) {
  for (int chunk = 0; chunk < 3; ++chunk) {
    const auto memory = vm_->CreateChunk();
    ASSERT_TRUE(memory.ok()) << memory.status();
    ASSERT_TRUE(vm_->PopulateChunk(*memory, kWhole).ok());
    EXPECT_EQ(Strays(*memory), 0U);
    // Given back and backed again, too.
    ASSERT_TRUE(vm_->DepopulateChunk(*memory, kWhole).ok());
    ASSERT_TRUE(vm_->PopulateChunk(*memory, kWhole).ok());
    EXPECT_EQ(Strays(*memory), 0U);
  }
}

// The preference is the file's: it holds no matter which process touches a page first.
TEST_F(VmNodesTest, WhatAnotherProcessTouchesFirstLiesOnItsGroupsNode) {
  const auto memory = vm_->CreateChunk();
  ASSERT_TRUE(memory.ok()) << memory.status();
  const pid_t child = fork();
  if (child == 0) {
    void* const mapped =
        mmap(nullptr, kArenaSize.value(), PROT_READ | PROT_WRITE, MAP_SHARED, arena_->fd(), 0);
    if (mapped == MAP_FAILED) _exit(1);
    auto* const first = static_cast<volatile std::byte*>(mapped) + memory->base.value();
    for (std::uint64_t at = 0; at < info_.memory_size().value(); at += kBasePageSize.value()) {
      first[at] = std::byte{1};
    }
    _exit(0);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  ASSERT_EQ(status, 0);
  EXPECT_EQ(Strays(*memory), 0U);
  EXPECT_EQ(arena_->base()[memory->base.value()], std::byte{1});
}

// The preference outlives the daemon that stated it: the next one adopts chunks without
// stating it again.
TEST_F(VmNodesTest, AnAdoptedChunksPagesLieOnItsGroupsNodes) {
  ASSERT_TRUE(vm_->CreateChunk().ok());
  const auto memory = vm_->CreateChunk();
  ASSERT_TRUE(memory.ok()) << memory.status();
  UniqueFd kept(dup(arena_->fd()));
  vm_.reset();
  arena_.reset();
  auto arena = Arena::Adopt(std::move(kept), {.size = kArenaSize});
  ASSERT_TRUE(arena.ok()) << arena.status();
  arena_ = *std::move(arena);
  vm_ = std::make_unique<VmBackend>(info_, *arena_, BackendOptions{});
  const auto adopted = vm_->AdoptChunk(memory->base);
  ASSERT_TRUE(adopted.ok()) << adopted.status();
  ASSERT_TRUE(vm_->PopulateChunk(*adopted, kWhole).ok());
  EXPECT_EQ(Strays(*adopted), 0U);
}

}  // namespace
}  // namespace percpud

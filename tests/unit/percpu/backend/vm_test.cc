// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// What is vm's own; what every backend promises is in tests/conformance, what
// the allocator makes of it in allocator_vm_test.cc.

#include "server/percpu/backend/vm.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <set>
#include <string>

#include "server/percpu/layout/topology.h"
#include "tests/support/fake_page_source.h"

namespace percpud {
namespace {

using testing::FailingPageSource;
using ::testing::HasSubstr;
using testing::HeapPageSource;

// Units of 64 KiB, 16 blocks.
AllocInfo InfoFor(const std::string& topology, Bytes atom = kBasePageSize, Bytes skew = Bytes(0)) {
  return *BuildAllocInfo({.static_size = Bytes(4096),
                          .reserved_size = Bytes(0),
                          .dyn_size = Bytes(60 << 10),
                          .atom_size = atom,
                          .unit_skew = skew},
                         *Topology::FromSynthetic(topology));
}

// The arena's page that holds `offset` of a unit.
PageId PageOf(const AllocInfo& info, const ChunkMemory& memory, UnitId unit, Bytes offset) {
  return PageId((memory.base + info.unit_offset[unit.value()] + offset) / kBasePageSize);
}

class VmTest : public ::testing::Test {
 protected:
  // The pages backed, as (unit, block).
  std::set<std::pair<std::uint32_t, std::uint32_t>> Backed(const ChunkMemory& memory) const {
    std::set<std::pair<std::uint32_t, std::uint32_t>> out;
    for (std::uint32_t unit = 0; unit < info_.units(); ++unit) {
      for (std::uint32_t block = 0; block < 16; ++block) {
        const PageId page = PageOf(info_, memory, UnitId(unit), kBasePageSize * block);
        if (pages_.IsPopulated(page)) out.emplace(unit, block);
      }
    }
    return out;
  }

  const AllocInfo info_ = InfoFor("numa:2 core:2 pu:1");
  HeapPageSource pages_{Bytes(4 << 20)};
  VmBackend vm_{info_, pages_, {}};
};

TEST_F(VmTest, AChunkIsAddressesUntilItsBlocksArePopulated) {
  ASSERT_TRUE(vm_.VerifyAllocInfo().ok()) << vm_.VerifyAllocInfo();
  const auto memory = vm_.CreateChunk();
  ASSERT_TRUE(memory.ok()) << memory.status();
  EXPECT_EQ(pages_.populated_pages(), Pages(0));
  ASSERT_TRUE(vm_.PopulateChunk(*memory, {3, 2}).ok());
  EXPECT_EQ(pages_.populated_pages(), Pages(4 * 2));
  for (const auto& [unit, block] : Backed(*memory)) EXPECT_TRUE(block == 3 || block == 4) << unit;
  // Twice does no harm.
  pages_.base()[(memory->base + kBasePageSize * 3).value()] = std::byte{1};
  ASSERT_TRUE(vm_.PopulateChunk(*memory, {2, 3}).ok());
  EXPECT_EQ(pages_.base()[(memory->base + kBasePageSize * 3).value()], std::byte{1});
  ASSERT_TRUE(vm_.DepopulateChunk(*memory, {3, 1}).ok());
  EXPECT_EQ(pages_.populated_pages(), Pages(4 * 2));
  ASSERT_TRUE(vm_.PopulateChunk(*memory, {3, 1}).ok());
  EXPECT_EQ(pages_.base()[(memory->base + kBasePageSize * 3).value()], std::byte{0});
  vm_.DestroyChunk(*memory);
  EXPECT_EQ(pages_.populated_pages(), Pages(0));
}

TEST_F(VmTest, EachGroupPrefersItsNode) {
  ASSERT_EQ(info_.groups.size(), 2U);
  ASSERT_TRUE(vm_.CreateChunk().ok());
  const auto memory = vm_.CreateChunk();
  ASSERT_TRUE(memory.ok());
  for (const GroupInfo& group : info_.groups) {
    for (std::uint32_t i = 0; i < group.cpus.size(); ++i) {
      const UnitId unit(group.first_unit.value() + i);
      for (const Bytes at : {Bytes(0), Bytes((64 << 10) - 1)}) {
        EXPECT_EQ(pages_.NodeOf(PageOf(info_, *memory, unit, at)), group.node);
      }
    }
  }
  EXPECT_EQ(vm_.remark(), "");
}

TEST_F(VmTest, OneGroupPrefersNothing) {
  const AllocInfo info = InfoFor("core:4 pu:1");
  VmBackend vm(info, pages_, {});
  const auto memory = vm.CreateChunk();
  ASSERT_TRUE(memory.ok());
  // The other backend has tried its nodes at the start of the arena.
  EXPECT_EQ(pages_.NodeOf(PageId(pages_.size() / kBasePageSize - 1)), std::nullopt);
}

// Refuses nodes, as a host does that has fewer.
class OneNodeSource final : public PageSource {
 public:
  explicit OneNodeSource(PageSource& real) : real_(real) {}
  [[nodiscard]] Bytes size() const override { return real_.size(); }
  [[nodiscard]] Bytes page_size() const override { return real_.page_size(); }
  [[nodiscard]] std::byte* base() const override { return real_.base(); }
  absl::Status Populate(Bytes offset, Bytes length) override {
    return real_.Populate(offset, length);
  }
  absl::Status Release(Bytes offset, Bytes length) override {
    return real_.Release(offset, length);
  }
  absl::Status PreferNode(Bytes /*offset*/, Bytes /*length*/, NumaNodeId node) override {
    return node == NumaNodeId(0) ? absl::OkStatus() : absl::InvalidArgumentError("no such node");
  }

 private:
  PageSource& real_;
};

TEST_F(VmTest, ANodeThatIsNotThereIsToldAndServedWithout) {
  OneNodeSource one(pages_);
  VmBackend vm(info_, one, {});
  EXPECT_THAT(vm.remark(), HasSubstr("not bound to their nodes: no such node"));
  EXPECT_TRUE(vm.VerifyAllocInfo().ok());
  EXPECT_TRUE(vm.CreateChunk().ok());
}

TEST_F(VmTest, GhostsAndTheTailHaveNoMemory) {
  // Three units of 64 KiB and a ghost make an allocation of 256 KiB.
  const AllocInfo info = InfoFor("core:3 pu:1", Bytes(256 << 10));
  ASSERT_EQ(info.units(), 4U);
  ASSERT_EQ(info.ghosts(), 1U);
  VmBackend vm(info, pages_, {});
  const Footprint footprint = vm.footprint();
  EXPECT_EQ(footprint.wasted_pages, Pages(0));
  EXPECT_EQ(footprint.ghost_pages, Pages(0));
  const auto memory = vm.CreateChunk();
  ASSERT_TRUE(memory.ok());
  EXPECT_EQ(memory->pages, Pages(48));
  ASSERT_TRUE(vm.PopulateChunk(*memory, {0, 16}).ok());
  EXPECT_EQ(pages_.populated_pages(), Pages(48));
}

TEST_F(VmTest, APopulateThatFailsInAnyUnitKeepsNothing) {
  FailingPageSource failing(pages_);
  VmBackend vm(info_, failing, {});
  const auto memory = vm.CreateChunk();
  ASSERT_TRUE(memory.ok());
  for (std::uint64_t unit = 1; unit <= 4; ++unit) {
    failing.FailNth(unit);
    EXPECT_TRUE(absl::IsResourceExhausted(vm.PopulateChunk(*memory, {1, 3})));
    EXPECT_EQ(pages_.populated_pages(), Pages(0)) << unit;
  }
  failing.FailNth(5);
  EXPECT_TRUE(vm.PopulateChunk(*memory, {1, 3}).ok());
}

TEST_F(VmTest, WhatItCannotLayOutIsRefusedByName) {
  HeapPageSource huge(Bytes(8 << 20), Bytes(2 << 20));
  const AllocInfo of_huge = InfoFor("core:4 pu:1", Bytes(2 << 20));
  EXPECT_THAT(std::string(VmBackend(of_huge, huge, {}).VerifyAllocInfo().message()),
              HasSubstr("page_size"));
  const AllocInfo skewed = InfoFor("core:4 pu:1", kBasePageSize, Bytes(64));
  EXPECT_THAT(std::string(VmBackend(skewed, pages_, {}).VerifyAllocInfo().message()),
              HasSubstr("unit_skew"));
  EXPECT_THAT(
      std::string(VmBackend(info_, pages_, {.page_first_chunk = true}).VerifyAllocInfo().message()),
      HasSubstr("first_chunk"));
}

}  // namespace
}  // namespace percpud

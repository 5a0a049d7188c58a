// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// Who has an address, where the frame of a chunk in the arena holds more than the chunk.

#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "server/percpu/allocator/allocator.h"
#include "server/percpu/introspect/inspector.h"
#include "tests/support/allocator_rig.h"
#include "tests/support/fake_page_source.h"

namespace percpud {
namespace {

constexpr Bytes kUnit{64 << 10};

class InspectorTest : public ::testing::Test {
 protected:
  void Make(const testing::Geometry& geometry) {
    auto made = testing::MakeAllocator(geometry, pages_, {});
    ASSERT_TRUE(made.ok()) << made.status();
    allocator_ = *std::move(made);
  }
  Resolution At(Bytes address) {
    return *Inspector(*allocator_).Resolve(PercpuPtr(address.value()));
  }

  testing::HeapPageSource pages_{Bytes(4 << 20)};
  std::unique_ptr<Allocator> allocator_;
};

TEST_F(InspectorTest, WhatLiesInAReturnedTailIsNoUnit) {
  for (const absl::string_view backend : BackendNames()) {
    Make({.cpus = 5,
          .arena_size = pages_.size(),
          .backend = std::string(backend),
          .backend_options = {.return_tail = true}});
    const auto lease = allocator_->LeaseChunk();
    ASSERT_TRUE(lease.ok()) << lease.status();
    // Behind the first chunk's five units, in its block.
    ASSERT_GE(lease->map_base, kUnit * 5);
    ASSERT_LT(lease->map_base, kUnit * 8);
    EXPECT_EQ(At(kUnit * 5 - Bytes(1)).unit, UnitId(4));
    EXPECT_EQ(At(kUnit * 5).owner, Resolution::Owner::kNone);
    EXPECT_EQ(At(lease->map_base).owner, Resolution::Owner::kNone);
    EXPECT_FALSE(allocator_->Free(PercpuPtr(lease->map_base.value())).ok());
    EXPECT_TRUE(Inspector(*allocator_).CheckInvariants().ok())
        << Inspector(*allocator_).CheckInvariants();
  }
}

TEST_F(InspectorTest, WhatASkewLeavesOverIsNoUnit) {
  Make({.cpus = 4, .arena_size = pages_.size(), .unit_skew = Bytes(64)});
  const AllocInfo& info = allocator_->info();
  EXPECT_EQ(At(info.chunk_size() - Bytes(1)).unit, UnitId(3));
  EXPECT_EQ(At(info.chunk_size() - Bytes(1)).unit_offset, info.unit_size - Bytes(1));
  EXPECT_EQ(At(info.chunk_size()).owner, Resolution::Owner::kNone);
  EXPECT_EQ(At(info.memory_size() - Bytes(1)).owner, Resolution::Owner::kNone);
}

}  // namespace
}  // namespace percpud

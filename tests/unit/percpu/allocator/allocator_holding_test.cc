// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// Areas that are held by a request under way are nobody's.

#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <memory>
#include <thread>
#include <utility>
#include <vector>

#include "server/percpu/allocator/allocator.h"
#include "server/percpu/introspect/inspector.h"
#include "tests/support/allocator_rig.h"
#include "tests/support/fake_clock.h"
#include "tests/support/fake_page_source.h"

namespace percpud {
namespace {

// Four chunks of 128 KiB.
constexpr Bytes kArena{512 << 10};

class AllocatorHoldingTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto allocator = testing::MakeAllocator({.cpus = 2, .arena_size = kArena}, pages_,
                                            {.balance = {.free_chunks_min = 0},
                                             .clock = &clock_,
                                             .metadata = [this](std::size_t words) {
                                               if (on_growth_) on_growth_();
                                               return HeapMetadata(words);
                                             }});
    ASSERT_TRUE(allocator.ok()) << allocator.status();
    allocator_ = *std::move(allocator);
  }

  // Called in the middle of a request that makes a chunk.
  std::function<void()> on_growth_;

  testing::FakeClock clock_;
  testing::HeapPageSource pages_{kArena};
  std::unique_ptr<Allocator> allocator_;
};

TEST_F(AllocatorHoldingTest, AFailedBatchOfSmallAreasKeepsNoChunk) {
  // More than the first chunk holds, then more whole units than are left.
  std::vector<AreaSpec> specs(1100, AreaSpec{.size = Bytes(64)});
  specs.insert(specs.end(), 4, AreaSpec{.size = Bytes(64 << 10)});
  std::vector<PercpuPtr> pointers(specs.size());
  EXPECT_FALSE(allocator_->AllocBatch(specs, {}, pointers).ok());
  EXPECT_EQ(Inspector(*allocator_).GetStats().nr_chunks, 1U);
  EXPECT_EQ(Inspector(*allocator_).GetStats().nr_cur_alloc, 0U);
  EXPECT_TRUE(Inspector(*allocator_).CheckInvariants().ok())
      << Inspector(*allocator_).CheckInvariants();
}

TEST_F(AllocatorHoldingTest, AChunkIsFreeAsSoonAsItsLastAreaIs) {
  std::vector<AreaSpec> specs(1100, AreaSpec{.size = Bytes(64)});
  std::vector<PercpuPtr> pointers(specs.size());
  ASSERT_TRUE(allocator_->AllocBatch(specs, {}, pointers).ok());
  ASSERT_EQ(Inspector(*allocator_).GetStats().nr_chunks, 2U);
  for (const PercpuPtr pointer : pointers) ASSERT_TRUE(allocator_->Free(pointer).ok());
  EXPECT_EQ(Inspector(*allocator_).GetStats().free_chunks, 1U);
  EXPECT_TRUE(Inspector(*allocator_).CheckInvariants().ok())
      << Inspector(*allocator_).CheckInvariants();
}

TEST_F(AllocatorHoldingTest, WhatABatchHoldsWhileItGrowsIsNobodys) {
  const PercpuPtr first = *allocator_->Alloc({.size = Bytes(64)});
  ASSERT_TRUE(allocator_->Free(first).ok());
  int growths = 0;
  on_growth_ = [&] {
    ++growths;
    // The batch has it by now.
    EXPECT_EQ(allocator_->Free(first).status().code(), absl::StatusCode::kNotFound);
    EXPECT_EQ(Inspector(*allocator_).Resolve(first)->owner, Resolution::Owner::kFree);
    EXPECT_FALSE(allocator_->Touch(first, Bytes(1)).ok());
    EXPECT_TRUE(Inspector(*allocator_).GetAreaMap(Index::kFirstId)->areas.empty());
    EXPECT_EQ(Inspector(*allocator_).GetStats().nr_cur_alloc, 0U);
  };
  std::vector<AreaSpec> specs(1100, AreaSpec{.size = Bytes(64)});
  std::vector<PercpuPtr> pointers(specs.size());
  ASSERT_TRUE(allocator_->AllocBatch(specs, {}, pointers).ok());
  EXPECT_EQ(growths, 1);
  EXPECT_EQ(pointers[0], first);
  EXPECT_EQ(Inspector(*allocator_).Resolve(first)->owner, Resolution::Owner::kArea);
  EXPECT_TRUE(allocator_->FreeBatch(pointers).ok());
  EXPECT_TRUE(Inspector(*allocator_).CheckInvariants().ok())
      << Inspector(*allocator_).CheckInvariants();
}

TEST_F(AllocatorHoldingTest, WhatABatchHoldsIsNoBreachToWhoeverChecks) {
  std::atomic<bool> done = false;
  std::thread batches([&] {
    std::vector<AreaSpec> specs(1000, AreaSpec{.size = Bytes(64)});
    std::vector<PercpuPtr> pointers(specs.size());
    while (!done) {
      ASSERT_TRUE(allocator_->AllocBatch(specs, {}, pointers).ok());
      ASSERT_TRUE(allocator_->FreeBatch(pointers).ok());
    }
  });
  for (int i = 0; i < 200; ++i) {
    const absl::Status status = Inspector(*allocator_).CheckInvariants();
    EXPECT_TRUE(status.ok()) << status;
  }
  done = true;
  batches.join();
}

}  // namespace
}  // namespace percpud

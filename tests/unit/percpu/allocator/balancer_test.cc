// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/percpu/allocator/balancer.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <memory>
#include <vector>

#include "absl/time/time.h"
#include "server/percpu/allocator/allocator.h"
#include "server/percpu/introspect/inspector.h"
#include "tests/support/allocator_rig.h"
#include "tests/support/fake_clock.h"
#include "tests/support/fake_page_source.h"

namespace percpud {
namespace {

constexpr Bytes kUnitSize{64 << 10};

class BalancerTest : public ::testing::Test {
 protected:
  void SetUp() override {
    Allocator::Options options;
    options.clock = &clock_;
    allocator_ = *testing::MakeAllocator(
        {.cpus = 2, .unit_size = kUnitSize, .arena_size = pages_.size()}, pages_, options);
    allocator_->set_balance_wanted([this] { ++wanted_; });
  }
  BootTime Pass() { return Balancer(allocator_->core()).Pass(); }
  // Makes that many chunks beside the first one, and frees them again.
  void MakeFreeChunks(std::size_t count) {
    const std::vector<AreaSpec> specs(count, AreaSpec{.size = kUnitSize});
    std::vector<PercpuPtr> areas(count);
    ASSERT_TRUE(allocator_->AllocBatch(specs, {}, areas).ok());
    ASSERT_TRUE(allocator_->FreeBatch(areas).ok());
  }
  [[nodiscard]] Stats stats() const { return Inspector(*allocator_).GetStats(); }

  testing::FakeClock clock_;
  testing::HeapPageSource pages_{Bytes(8 << 20)};
  std::unique_ptr<Allocator> allocator_;
  int wanted_ = 0;
};

TEST_F(BalancerTest, IsWokenOncePerNeed) {
  MakeFreeChunks(3);
  EXPECT_EQ(wanted_, 1);
  MakeFreeChunks(3);
  EXPECT_EQ(wanted_, 1);
  Pass();
  MakeFreeChunks(1);
  EXPECT_EQ(wanted_, 2);
}

TEST_F(BalancerTest, KeepsOneFreeChunkOfASteadyLoad) {
  MakeFreeChunks(5);
  EXPECT_EQ(stats().free_chunks, 5U);
  EXPECT_EQ(Pass(), BootTime::InfiniteFuture());
  EXPECT_EQ(stats().free_chunks, 1U);
  EXPECT_EQ(stats().chunks_destroyed, 4U);
}

TEST_F(BalancerTest, ASwingingLoadKeepsMoreUntilTheyAreOld) {
  std::vector<PercpuPtr> in_use;
  for (int i = 0; i < 30; ++i) in_use.push_back(*allocator_->Alloc({kUnitSize}));
  for (int swing = 0; swing < 3; ++swing) {
    MakeFreeChunks(30);
    Pass();
  }
  const std::uint64_t kept = stats().free_chunks;
  EXPECT_GT(kept, 1U);
  clock_.Advance(BalancePolicy().free_chunk_age * 2);
  Pass();
  EXPECT_EQ(stats().free_chunks, 1U);
}

TEST_F(BalancerTest, MakesAReserveOnceARequestMayNotGrow) {
  ASSERT_TRUE(allocator_->Alloc({Bytes(56 << 10)}).ok());
  Pass();
  EXPECT_EQ(stats().chunks_created_ahead, 0U);
  EXPECT_FALSE(allocator_->Alloc({Bytes(8192)}, {.no_grow = true}).ok());
  EXPECT_EQ(wanted_, 0);
  // The refusal asks for it, and the next request says so.
  ASSERT_TRUE(allocator_->Free(*allocator_->Alloc({Bytes(4)}, {.no_grow = true})).ok());
  EXPECT_EQ(wanted_, 1);
  Pass();
  EXPECT_EQ(stats().chunks_created_ahead, 1U);
  EXPECT_TRUE(allocator_->Alloc({Bytes(8192)}, {.no_grow = true}).ok());
}

TEST_F(BalancerTest, ChunksInUseStay) {
  std::vector<PercpuPtr> kept;
  for (int i = 0; i < 4; ++i) kept.push_back(*allocator_->Alloc({kUnitSize}));
  Pass();
  EXPECT_EQ(stats().nr_chunks, 5U);
  for (const PercpuPtr area : kept) EXPECT_TRUE(allocator_->CheckArea(area).ok());
}

}  // namespace
}  // namespace percpud

// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// Batches that the arena cannot hold.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "server/base/error_reason.h"
#include "server/percpu/allocator/allocator.h"
#include "server/percpu/introspect/inspector.h"
#include "tests/support/allocator_rig.h"
#include "tests/support/fake_page_source.h"

namespace percpud {
namespace {

using errors::ReasonOf;
using ::testing::HasSubstr;

constexpr Bytes kUnit{64 << 10};

// An arena of 16 chunks.
class FullArenaTest : public ::testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    allocator_ = *testing::MakeAllocator(
        {.cpus = 2, .unit_size = kUnit, .arena_size = pages_.size(), .backend = GetParam()}, pages_,
        {});
  }
  absl::Status AllocMany(std::size_t count, Bytes size) {
    const std::vector<AreaSpec> specs(count, AreaSpec{.size = size});
    std::vector<PercpuPtr> areas(count);
    return allocator_->AllocBatch(specs, {}, areas);
  }
  [[nodiscard]] Stats stats() const { return Inspector(*allocator_).GetStats(); }

  testing::HeapPageSource pages_{Bytes(2 << 20)};
  std::unique_ptr<Allocator> allocator_;
};

INSTANTIATE_TEST_SUITE_P(Backends, FullArenaTest, ::testing::Values("km", "vm"));

TEST_P(FullArenaTest, ABatchThatCannotFitMakesNoChunk) {
  const std::uint64_t before = stats().chunks_created;
  const Pages backed = pages_.populated_pages();
  // More areas than chunks can be, though not more bytes; and more bytes.
  for (const auto& [count, size] :
       {std::pair(20, Bytes(40 << 10)), std::pair(40, Bytes(30 << 10))}) {
    const absl::Status refused = AllocMany(count, size);
    EXPECT_EQ(ReasonOf(refused), "ARENA_FULL") << refused;
    EXPECT_THAT(refused.message(), HasSubstr("arena_size"));
  }
  EXPECT_EQ(stats().chunks_created, before);
  EXPECT_EQ(pages_.populated_pages(), backed);
}

TEST_P(FullArenaTest, ABatchThatJustFitsIsGranted) {
  EXPECT_TRUE(AllocMany(15, kUnit).ok());
  EXPECT_EQ(stats().nr_chunks, 16U);
}

TEST_P(FullArenaTest, AFullArenaSaysSo) {
  absl::Status refused;
  while (refused.ok()) refused = allocator_->Alloc({kUnit}).status();
  EXPECT_EQ(ReasonOf(refused), "ARENA_FULL") << refused;
  EXPECT_THAT(refused.message(), HasSubstr("arena is full"));
  const auto lease = allocator_->LeaseChunk();
  EXPECT_EQ(ReasonOf(lease.status()), "ARENA_FULL") << lease.status();
  const auto estimate = Inspector(*allocator_).EstimateAlloc({kUnit}, Region::kDynamic);
  EXPECT_THAT(estimate->reason, HasSubstr("arena is full"));
}

}  // namespace
}  // namespace percpud

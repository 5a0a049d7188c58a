// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/main/balancer_thread.h"

#include <gtest/gtest.h>

#include <memory>

#include "absl/time/clock.h"
#include "server/percpu/introspect/inspector.h"
#include "tests/support/allocator_rig.h"
#include "tests/support/fake_page_source.h"

namespace percpud {
namespace {

// True once `condition` holds; false if it does not in a long while.
template <typename Condition>
bool Eventually(Condition condition) {
  const absl::Time limit = absl::Now() + absl::Seconds(20);
  while (!condition()) {
    if (absl::Now() > limit) return false;
  }
  return true;
}

class BalancerThreadTest : public ::testing::Test {
 protected:
  std::unique_ptr<Allocator> Make(const BalancePolicy& policy) {
    auto allocator =
        testing::MakeAllocator({.arena_size = pages_.size()}, pages_, {.balance = policy});
    EXPECT_TRUE(allocator.ok()) << allocator.status();
    return *std::move(allocator);
  }

  testing::HeapPageSource pages_{Bytes(4 << 20)};
};

TEST_F(BalancerThreadTest, WakesWhenTheReserveRunsLow) {
  const auto allocator = Make({});
  const BalancerThread balancer(*allocator);
  // Fills the first chunk, and may not grow: no empty page is left for its like.
  ASSERT_TRUE(allocator->Alloc({.size = Bytes(60 << 10)}, {.no_grow = true}).ok());
  EXPECT_TRUE(
      Eventually([&] { return Inspector(*allocator).GetStats().chunks_created_ahead > 0; }));
  EXPECT_TRUE(allocator->Alloc({.size = Bytes(64 << 10)}, {.no_grow = true}).ok());
}

TEST_F(BalancerThreadTest, ReleasesAFreeChunkWhenItComesOfAge) {
  const auto allocator = Make({.empty_pages_low = 0,
                               .empty_pages_high = 0,
                               .free_chunks_min = 0,
                               .free_chunks_max_percent = 100,
                               .free_chunk_age = absl::Milliseconds(300)});
  const BalancerThread balancer(*allocator);
  // The first is one too many; the second shows that it was not, and is kept for a while.
  for (std::uint64_t released = 1; released <= 2; ++released) {
    const auto area = allocator->Alloc({.size = Bytes(64 << 10)});
    ASSERT_TRUE(area.ok()) << area.status();
    ASSERT_TRUE(allocator->Free(*area).ok());
    EXPECT_TRUE(
        Eventually([&] { return Inspector(*allocator).GetStats().chunks_destroyed == released; }));
  }
}

TEST_F(BalancerThreadTest, EndsThoughNothingHappens) {
  const auto allocator = Make({});
  const BalancerThread balancer(*allocator);
}

}  // namespace
}  // namespace percpud

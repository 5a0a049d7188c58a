// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include <gtest/gtest.h>

#include <cstdint>
#include <thread>
#include <vector>

#include "absl/time/clock.h"
#include "server/base/clock.h"
#include "server/percpu/introspect/inspector.h"
#include "tests/unit/service/lane_rig.h"

namespace percpud {
namespace {

class MemoryServiceTest : public testing::LaneTest {};

TEST_F(MemoryServiceTest, AChunkInTheMakingHoldsUpNobodyElse) {
  pages_.Shut();
  grpc::Status grown;
  std::thread grower([&] { grown = Alloc(64 << 10); });
  ASSERT_TRUE(pages_.AwaitVisitor());
  EXPECT_TRUE(Ping().ok());
  EXPECT_TRUE(Alloc(8).ok());
  pages_.Open();
  grower.join();
  EXPECT_TRUE(grown.ok()) << grown.error_message();
  EXPECT_EQ(Inspector(*allocator_).GetStats().nr_chunks, 2U);
}

TEST_F(MemoryServiceTest, CallsFromManyThreadsAllCount) {
  constexpr int kThreads = 4;
  constexpr int kCalls = 200;
  std::uint64_t counter = 0;
  ASSERT_TRUE(Alloc(8, &counter).ok());
  std::vector<std::thread> threads;
  for (std::uint32_t unit = 0; unit < kThreads; ++unit) {
    threads.emplace_back([&, unit] {
      v1::AddRequest request;
      request.set_pointer(counter);
      request.set_unit(unit);
      request.set_delta(1);
      for (int i = 0; i < kCalls; ++i) {
        v1::AddResponse response;
        EXPECT_TRUE(Call(&v1::MemoryService::Stub::Add, request, &response).ok());
        EXPECT_EQ(response.value(), i + 1);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  v1::SumRequest request;
  request.set_pointer(counter);
  v1::SumResponse response;
  ASSERT_TRUE(Call(&v1::MemoryService::Stub::Sum, request, &response).ok());
  EXPECT_EQ(response.sum(), kThreads * kCalls);
}

TEST_F(MemoryServiceTest, ARefusalKeepsItsCodeAndItsWords) {
  const grpc::Status status = Alloc(0);
  EXPECT_EQ(status.error_code(), grpc::INVALID_ARGUMENT);
  EXPECT_EQ(status.error_message(), "sizes: 0 is not a size");
  EXPECT_TRUE(Ping().ok());
}

TEST_F(MemoryServiceTest, ACallNeverSeesWhatAnotherLeftInItsMessages) {
  for (int round = 0; round < 200; ++round) {
    v1::AllocRequest request;
    for (int i = 0; i <= round % 3; ++i) request.add_sizes_bytes(8);
    if (round % 2 == 0) request.set_tag("even");
    v1::AllocResponse granted;
    ASSERT_TRUE(Call(&v1::MemoryService::Stub::Alloc, request, &granted).ok());
    ASSERT_EQ(granted.pointers_size(), round % 3 + 1);
    const auto owner = Inspector(*allocator_).Resolve(PercpuPtr(granted.pointers(0)));
    ASSERT_TRUE(owner.ok());
    EXPECT_EQ(owner->area.tag, round % 2 == 0 ? "even" : "");
    v1::FreeRequest free;
    *free.mutable_pointers() = granted.pointers();
    v1::FreeResponse freed;
    ASSERT_TRUE(Call(&v1::MemoryService::Stub::Free, free, &freed).ok());
    EXPECT_EQ(freed.freed_bytes(), 8U * granted.pointers_size());
  }
}

TEST_F(MemoryServiceTest, ShuttingDownWaitsForTheSlowLane) {
  pages_.Shut();
  grpc::Status grown;
  std::thread grower([&] { grown = Alloc(64 << 10); });
  ASSERT_TRUE(pages_.AwaitVisitor());
  std::thread closer([&] { ShutDown(NowSinceBoot() + testing::kPatience); });
  pages_.Open();
  grower.join();
  closer.join();
  EXPECT_TRUE(grown.ok()) << grown.error_message();
}

TEST_F(MemoryServiceTest, ANudgeHasTheLaneComeRound) {
  const Pulse& pulse = server_->lane().pulse();
  const std::uint64_t before = pulse.beats();
  server_->lane().Nudge();
  const absl::Time limit = absl::Now() + testing::kPatience;
  while (pulse.beats() == before && absl::Now() < limit) {
  }
  EXPECT_GT(pulse.beats(), before);
  // One that is still on its way when the lane closes goes with it.
  server_->lane().Nudge();
  server_->lane().Nudge();
  ShutDown(NowSinceBoot());
}

}  // namespace
}  // namespace percpud

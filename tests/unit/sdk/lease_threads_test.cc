// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include <gtest/gtest.h>

#include <atomic>
#include <barrier>
#include <memory>
#include <random>
#include <set>
#include <thread>
#include <vector>

#include "percpu/lease_heap.h"
#include "tests/support/fake_chunk_source.h"

namespace percpu {
namespace {

using percpud::testing::FakeChunkSource;

constexpr std::uint64_t kUnit = 64 << 10;

// One slot each way; a full or empty one makes the caller turn.
class Exchange {
 public:
  void Give(std::uint64_t value) {
    for (std::uint64_t empty = 0; !slot_.compare_exchange_weak(empty, value); empty = 0) {
      std::this_thread::yield();
    }
  }
  std::uint64_t Take() {
    for (;; std::this_thread::yield()) {
      if (const std::uint64_t value = slot_.exchange(0); value != 0) return value;
    }
  }

 private:
  std::atomic<std::uint64_t> slot_{0};
};

TEST(LeaseThreadsTest, WhatAConsumerFreesTheProducerUsesAgain) {
  FakeChunkSource source({});
  {
    LeaseHeap heap(source);
    Exchange exchange;
    std::thread consumer([&] {
      for (std::uint64_t value = exchange.Take(); value != 1; value = exchange.Take()) {
        ASSERT_TRUE(heap.Free(Pointer{value}).ok());
      }
    });
    std::mt19937 random(3);
    // Far more than all chunks hold; large areas among them.
    for (int i = 0; i < 20000; ++i) {
      const absl::StatusOr<Pointer> area = heap.Allocate(i % 100 == 0 ? 9000 : 8 + random() % 500);
      ASSERT_TRUE(area.ok()) << i << " " << area.status();
      for (const std::uint32_t unit : {0u, 1u}) {
        ASSERT_EQ(*reinterpret_cast<std::uint64_t*>(source.Address(*area, unit)), 0u);
        *reinterpret_cast<std::uint64_t*>(source.Address(*area, unit)) = ~std::uint64_t{0};
      }
      exchange.Give(Value(*area));
    }
    exchange.Give(1);
    consumer.join();
    EXPECT_EQ(heap.GetCounts().anomalies, 0u);
  }
  EXPECT_EQ(source.out(), 0u);
}

TEST(LeaseThreadsTest, ASecondFreeByAnyThreadIsRefused) {
  FakeChunkSource source({});
  LeaseHeap heap(source);
  for (const std::uint64_t size : {8, 64, 9000}) {
    const Pointer area = *heap.Allocate(size);
    std::thread([&] {
      EXPECT_EQ(heap.Free(area + 4).code(), absl::StatusCode::kInvalidArgument);
      EXPECT_EQ(heap.Free(area + kUnit).code(), absl::StatusCode::kInvalidArgument);
      EXPECT_TRUE(heap.Free(area).ok());
      EXPECT_EQ(heap.Free(area).code(), absl::StatusCode::kNotFound);
    }).join();
    // The owner has not drained its list yet.
    EXPECT_EQ(heap.Free(area).code(), absl::StatusCode::kNotFound);
  }
}

TEST(LeaseThreadsTest, OfManyThreadsThatFreeOneAreaOneSucceeds) {
  FakeChunkSource source({});
  LeaseHeap heap(source);
  constexpr int kThreads = 4;
  constexpr int kRounds = 300;
  std::atomic<std::uint64_t> area{0};
  std::atomic<int> freed{0};
  std::barrier<> turn(kThreads + 1);
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([&] {
      for (int round = 0; round < kRounds; ++round) {
        turn.arrive_and_wait();
        if (heap.Free(Pointer{area.load()}).ok()) freed.fetch_add(1);
        turn.arrive_and_wait();
      }
    });
  }
  for (int round = 0; round < kRounds; ++round) {
    area.store(Value(*heap.Allocate(48)));
    turn.arrive_and_wait();
    turn.arrive_and_wait();
    ASSERT_EQ(freed.load(), round + 1);
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(heap.GetCounts().anomalies, 0u);
}

TEST(LeaseThreadsTest, AnEndedThreadsChunksAreAdopted) {
  FakeChunkSource source({.chunks = 2});
  LeaseHeap heap(source);
  Pointer large = kNull;
  Pointer small = kNull;
  std::thread([&] {
    large = *heap.Allocate(60000);
    small = *heap.Allocate(8);
    for (int i = 0; i < 50; ++i) EXPECT_TRUE(heap.Free(*heap.Allocate(100)).ok());
  }).join();
  EXPECT_EQ(heap.GetCounts().orphaned, 1u);
  // It is freed while nobody owns the chunk, and found by the thread that takes it over.
  EXPECT_TRUE(heap.Free(large).ok());
  EXPECT_EQ(heap.Free(large).code(), absl::StatusCode::kNotFound);
  const std::uint64_t calls = source.calls();
  EXPECT_TRUE(heap.Allocate(60000).ok());
  EXPECT_EQ(source.calls(), calls);
  EXPECT_EQ(heap.GetCounts().orphaned, 0u);
  EXPECT_TRUE(heap.Free(small).ok());
}

TEST(LeaseThreadsTest, ThreadsThatComeAndGoLoseNothing) {
  FakeChunkSource source({.chunks = 4});
  {
    LeaseHeap heap(source);
    for (int generation = 0; generation < 200; ++generation) {
      std::thread([&] {
        const absl::StatusOr<Pointer> area = heap.Allocate(30000);
        ASSERT_TRUE(area.ok()) << generation << " " << area.status();
        ASSERT_TRUE(heap.Allocate(8).ok());
        ASSERT_TRUE(heap.Free(*area).ok());
      }).join();
    }
    EXPECT_LE(source.out(), 2u);
  }
  EXPECT_EQ(source.out(), 0u);
}

TEST(LeaseThreadsTest, AThreadMayOutliveTheHeap) {
  FakeChunkSource source({});
  auto heap = std::make_unique<LeaseHeap>(source);
  std::barrier<> turn(2);
  std::thread thread([&] {
    EXPECT_TRUE(heap->Allocate(8).ok());
    turn.arrive_and_wait();
    turn.arrive_and_wait();
  });
  turn.arrive_and_wait();
  heap.reset();
  EXPECT_EQ(source.out(), 0u);
  turn.arrive_and_wait();
  thread.join();
}

// Frees in its destructor, after the heap has seen the thread end.
struct FreesAtTheEnd {
  LeaseHeap* heap = nullptr;
  Pointer area = kNull;
  std::atomic<int>* freed = nullptr;
  ~FreesAtTheEnd() {
    if (heap != nullptr && heap->Free(area).ok() && heap->Allocate(8).ok()) freed->fetch_add(1);
  }
};
thread_local FreesAtTheEnd frees_at_the_end;

TEST(LeaseThreadsTest, DestructorsOfEndingThreadsMayCall) {
  FakeChunkSource source({});
  LeaseHeap heap(source);
  std::atomic<int> freed{0};
  std::thread([&] {
    // Constructed before the heap's own, so destroyed after it.
    frees_at_the_end.heap = &heap;
    frees_at_the_end.freed = &freed;
    frees_at_the_end.area = *heap.Allocate(64);
  }).join();
  EXPECT_EQ(freed.load(), 1);
}

// Everyone allocates, and frees what anyone allocated, while threads end.
TEST(LeaseThreadsTest, AnyThreadFreesAnything) {
  FakeChunkSource source({.chunks = 64});
  {
    LeaseHeap heap(source);
    constexpr std::size_t kSlots = 256;
    std::vector<std::atomic<std::uint64_t>> slots(kSlots);
    std::atomic<std::uint64_t> wrong{0};
    const auto work = [&](std::uint32_t seed) {
      std::mt19937 random(seed);
      for (int i = 0; i < 4000; ++i) {
        const absl::StatusOr<Pointer> area = heap.Allocate(8 + random() % 2000);
        if (!area.ok()) {
          wrong.fetch_add(1);
          return;
        }
        auto* word = reinterpret_cast<std::uint64_t*>(source.Address(*area, 1));
        if (*word != 0) wrong.fetch_add(1);
        *word = Value(*area);
        const std::uint64_t other = slots[random() % kSlots].exchange(Value(*area));
        if (other == 0) continue;
        auto* theirs = reinterpret_cast<std::uint64_t*>(source.Address(Pointer{other}, 1));
        if (*theirs != other) wrong.fetch_add(1);
        if (!heap.Free(Pointer{other}).ok()) wrong.fetch_add(1);
      }
    };
    for (std::uint32_t generation = 0; generation < 3; ++generation) {
      std::vector<std::thread> threads;
      for (std::uint32_t i = 0; i < 4; ++i) threads.emplace_back(work, generation * 4 + i);
      for (std::thread& thread : threads) thread.join();
    }
    EXPECT_EQ(wrong.load(), 0u);
    EXPECT_EQ(heap.GetCounts().anomalies, 0u);
    for (const auto& slot : slots) {
      if (slot.load() != 0) EXPECT_TRUE(heap.Free(Pointer{slot.load()}).ok());
    }
  }
  EXPECT_EQ(source.out(), 0u);
  EXPECT_EQ(source.wrong_returns(), 0u);
}

}  // namespace
}  // namespace percpu

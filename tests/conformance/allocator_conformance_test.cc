// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// What the allocator promises whatever backs its chunks.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <functional>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "server/arena/arena.h"
#include "server/percpu/introspect/inspector.h"
#include "tests/conformance/backends.h"
#include "tests/support/allocator_model.h"
#include "tests/support/allocator_rig.h"
#include "tests/support/fake_clock.h"
#include "tests/support/fake_page_source.h"

namespace percpud {
namespace {

using testing::AllocatorModel;
using testing::BackendsUnderTest;
using ::testing::HasSubstr;
using testing::MakeAllocator;
using testing::MakeBackendUnderTest;

class AllocatorConformance : public ::testing::TestWithParam<std::string> {
 protected:
  void Make(testing::Geometry geometry, const BalancePolicy& balance = {}) {
    geometry.backend = GetParam();
    arena_ = *Arena::Create({.size = geometry.arena_size});
    pages_ = std::make_unique<testing::FailingPageSource>(*arena_);
    Allocator::Options options;
    options.balance = balance;
    options.clock = &clock_;
    options.metadata = [this](std::size_t words) {
      return metadata_countdown_ > 0 && --metadata_countdown_ == 0 ? nullptr : HeapMetadata(words);
    };
    auto made = MakeAllocator(geometry, *pages_, options, MakeBackendUnderTest);
    ASSERT_TRUE(made.ok()) << made.status();
    allocator_ = *std::move(made);
  }

  // What nobody may see changed by a call that failed.
  [[nodiscard]] std::string State() const {
    const Stats stats = Inspector(*allocator_).GetStats();
    const BuddyState buddy = Inspector(*allocator_).GetBuddy();
    std::string out = absl::StrCat(stats.nr_cur_alloc, " areas, ", stats.live_bytes.value(),
                                   " bytes, ", stats.populated_pages.value(), " populated, ",
                                   buddy.free_pages.value(), " free;");
    for (const ChunkSnapshot& chunk : Inspector(*allocator_).GetChunks(ChunkId(0), SIZE_MAX)) {
      absl::StrAppend(&out, " ", chunk.id.value(), ":", chunk.free_bytes.value(), "/",
                      chunk.largest_run.value());
    }
    const absl::Status status = Inspector(*allocator_).CheckInvariants();
    return status.ok() ? out : status.ToString();
  }

  testing::FakeClock clock_;
  std::unique_ptr<Arena> arena_;
  std::unique_ptr<testing::FailingPageSource> pages_;
  std::uint64_t metadata_countdown_ = 0;
  std::unique_ptr<Allocator> allocator_;
};

TEST_P(AllocatorConformance, GrantsUnderCanaries) {
  Make({.cpus = 6});
  AllocatorModel model(*allocator_, {.balance = 2}, 7, /*canaries=*/true);
  for (int op = 0; op < 20000; ++op) {
    const absl::Status status = model.Step();
    ASSERT_TRUE(status.ok()) << status;
    if (op % 2000 == 0) ASSERT_TRUE(model.CheckAll().ok()) << model.CheckAll();
  }
  EXPECT_TRUE(model.Drain().ok());
}

// Areas of one thread, each filled with a mark of its own in every unit.
class MarkedAreas {
 public:
  MarkedAreas(Allocator& allocator, std::uint32_t seed)
      : allocator_(allocator), random_(seed), mark_(static_cast<std::uint8_t>(seed + 1)) {}

  // Frees one, or allocates one: which must read zero, and is then marked.
  void Step() {
    if (random_() % 100 < 45 && !live_.empty()) {
      std::swap(live_[random_() % live_.size()], live_.back());
      Check(live_.back(), mark_);
      ASSERT_TRUE(allocator_.Free(live_.back().pointer).ok());
      live_.pop_back();
      return;
    }
    const Bytes size(random_() % 8 == 0 ? 1 + random_() % 20000 : 1 + random_() % 300);
    const auto pointer = allocator_.Alloc({.size = size});
    if (!pointer.ok()) {
      ASSERT_TRUE(absl::IsResourceExhausted(pointer.status())) << pointer.status();
      return FreeAll();
    }
    live_.push_back({*pointer, size});
    Check(live_.back(), 0);
    ForEachUnit(live_.back(), [&](std::byte* bytes) { std::memset(bytes, mark_, size.value()); });
  }
  void FreeAll() {
    for (const Area& area : live_) {
      Check(area, mark_);
      ASSERT_TRUE(allocator_.Free(area.pointer).ok());
    }
    live_.clear();
  }

 private:
  struct Area {
    PercpuPtr pointer;
    Bytes size;
  };

  template <typename Visit>
  void ForEachUnit(const Area& area, Visit visit) {
    for (const Bytes offset : allocator_.info().unit_offset) {
      visit(allocator_.pages().base() + area.pointer.value() + offset.value());
    }
  }
  void Check(const Area& area, std::uint8_t expected) {
    ForEachUnit(area, [&](const std::byte* bytes) {
      EXPECT_TRUE(std::all_of(bytes, bytes + area.size.value(),
                              [&](std::byte b) { return b == std::byte{expected}; }));
    });
  }

  Allocator& allocator_;
  std::mt19937 random_;
  const std::uint8_t mark_;
  std::vector<Area> live_;
};

// Three threads that work at random; each of `meanwhile` is repeated until they are
// done.
void WorkBeside(Allocator& allocator, const std::vector<std::function<void()>>& meanwhile) {
  std::atomic<int> working = 3;
  std::vector<std::thread> threads;
  for (std::uint32_t thread = 0; thread < 3; ++thread) {
    threads.emplace_back([&, thread] {
      MarkedAreas areas(allocator, thread);
      for (int step = 0; step < 3000; ++step) areas.Step();
      areas.FreeAll();
      --working;
    });
  }
  for (const auto& each : meanwhile) {
    threads.emplace_back([&] {
      while (working > 0) each();
    });
  }
  for (std::thread& thread : threads) thread.join();
}

// While pages come and go, and chunks, nobody is granted a byte that another wrote.
TEST_P(AllocatorConformance, ThreadsGetZeroesAndKeepWhatTheyWrote) {
  Make({.cpus = 3, .arena_size = Bytes(4 << 20)});
  WorkBeside(*allocator_, {[this] { allocator_->Balance(); }});
  EXPECT_EQ(Inspector(*allocator_).GetStats().nr_cur_alloc, 0U);
  EXPECT_TRUE(Inspector(*allocator_).CheckInvariants().ok())
      << Inspector(*allocator_).CheckInvariants();
}

TEST_P(AllocatorConformance, WhatThreadsDoIsNoBreachToWhoeverChecks) {
  Make({.cpus = 3, .arena_size = Bytes(4 << 20)});
  WorkBeside(*allocator_, {[this] { allocator_->Balance(); },
                           [this] {
                             const absl::Status status = Inspector(*allocator_).CheckInvariants();
                             EXPECT_TRUE(status.ok()) << status;
                           }});
}

// Fails step after step until the whole operation goes through, and looks for
// traces after each failure.
TEST_P(AllocatorConformance, AFailureLeavesNoTraceWhicheverStepFails) {
  Make({.arena_size = Bytes(16 << 20)}, {.empty_pages_low = 0, .empty_pages_high = 0});
  ASSERT_TRUE(allocator_->Alloc({.size = Bytes(100)}).ok());
  const std::string before = State();
  // 20 areas of a unit each: at least 20 populates and 20 bitmaps.
  const std::vector<AreaSpec> specs(20, {Bytes(64 << 10)});
  std::vector<PercpuPtr> pointers(specs.size());
  int populate_failures = 0;
  for (std::uint64_t n = 1;; ++n) {
    pages_->FailNth(n);
    const absl::Status status = allocator_->AllocBatch(specs, {.tag = "t"}, pointers);
    if (status.ok()) break;
    ASSERT_TRUE(absl::IsResourceExhausted(status)) << status;
    ASSERT_EQ(State(), before) << "populate " << n;
    ++populate_failures;
  }
  EXPECT_GE(populate_failures, 20);
  pages_->FailNth(0);
  ASSERT_TRUE(allocator_->FreeBatch(pointers).ok());
  clock_.Advance(absl::Hours(1));
  allocator_->Balance();
  const std::string again = State();
  int metadata_failures = 0;
  for (std::uint64_t n = 1;; ++n) {
    metadata_countdown_ = n;
    const absl::Status status = allocator_->AllocBatch(specs, {}, pointers);
    if (status.ok()) break;
    ASSERT_THAT(std::string(status.message()), HasSubstr("out of memory for a chunk's area map"));
    ASSERT_EQ(State(), again) << "bitmap " << n;
    ++metadata_failures;
  }
  EXPECT_EQ(metadata_failures, 19);
}

INSTANTIATE_TEST_SUITE_P(Backends, AllocatorConformance, ::testing::ValuesIn(BackendsUnderTest()),
                         [](const auto& test) { return test.param; });

}  // namespace
}  // namespace percpud

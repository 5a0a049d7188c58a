// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/percpu/allocator/allocator.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "server/arena/arena.h"
#include "server/base/errors.h"
#include "server/percpu/introspect/inspector.h"
#include "tests/support/allocator_rig.h"
#include "tests/support/fake_clock.h"
#include "tests/support/fake_page_source.h"

namespace percpud {
namespace {

using testing::FailingPageSource;
using testing::FakeClock;
using testing::Geometry;
using ::testing::HasSubstr;
using testing::MakeAllocator;

class AllocatorTest : public ::testing::Test {
 protected:
  void SetUp() override { Make({}); }

  void Make(const Geometry& geometry, BalancePolicy balance = {}) {
    allocator_.reset();
    arena_ = *Arena::Create({.size = geometry.arena_size});
    pages_ = std::make_unique<FailingPageSource>(*arena_);
    Allocator::Options options;
    options.clock = &clock_;
    options.balance = balance;
    auto allocator = MakeAllocator(geometry, *pages_, options);
    ASSERT_TRUE(allocator.ok()) << allocator.status();
    allocator_ = *std::move(allocator);
  }

  PercpuPtr Alloc(std::uint64_t size, std::uint64_t alignment = 8) {
    auto pointer = allocator_->Alloc({Bytes(size), Bytes(alignment)});
    EXPECT_TRUE(pointer.ok()) << pointer.status();
    return *pointer;
  }
  absl::Status AllocStatus(std::uint64_t size, std::uint64_t alignment = 8,
                           const AllocOptions& options = {}) {
    return allocator_->Alloc({Bytes(size), Bytes(alignment)}, options).status();
  }
  // Everything a refused call must leave alone.
  std::string State() const {
    std::string state;
    for (const ChunkSnapshot& chunk : Inspector(*allocator_).GetChunks(ChunkId(0), SIZE_MAX)) {
      absl::StrAppend(&state, chunk.id.value(), ":", chunk.slot, ":", chunk.free_bytes.value(), ":",
                      chunk.largest_run.value(), ":", chunk.dirty_bytes.value(), ":",
                      chunk.max_alloc_size.value(), ";");
      const auto map = Inspector(*allocator_).GetAreaMap(chunk.id);
      for (const AreaSnapshot& area : map->areas) {
        absl::StrAppend(&state, area.offset.value(), "+", area.size.value(), area.tag, ",");
      }
    }
    const Stats stats = Inspector(*allocator_).GetStats();
    absl::StrAppend(&state, stats.nr_alloc, ".", stats.nr_cur_alloc, ".", stats.nr_max_alloc, ".",
                    stats.nr_chunks, ".", stats.empty_pop_pages, ".", stats.live_bytes.value());
    for (const std::uint64_t blocks : Inspector(*allocator_).GetBuddy().free_blocks) {
      absl::StrAppend(&state, "/", blocks);
    }
    return state;
  }

  FakeClock clock_;
  std::unique_ptr<Arena> arena_;
  std::unique_ptr<FailingPageSource> pages_;
  std::unique_ptr<Allocator> allocator_;
};

TEST_F(AllocatorTest, AnAreaLiesAtTheSameOffsetInEveryUnitAndReadsZero) {
  const PercpuPtr pointer = Alloc(100);
  const auto pin = allocator_->Touch(pointer, Bytes(100));
  ASSERT_TRUE(pin.ok());
  for (std::uint32_t unit = 0; unit < 4; ++unit) {
    EXPECT_EQ(pin->address(UnitId(unit)) - arena_->base(),
              static_cast<std::ptrdiff_t>(pointer.value() + unit * std::uint64_t{64 << 10}));
    for (int i = 0; i < 100; ++i) EXPECT_EQ(pin->address(UnitId(unit))[i], std::byte{0});
  }
}

TEST_F(AllocatorTest, ReusedMemoryReadsZeroAgain) {
  const PercpuPtr pointer = Alloc(64);
  {
    const auto pin = allocator_->Touch(pointer, Bytes(64));
    for (std::uint32_t unit = 0; unit < 4; ++unit) {
      std::memset(pin->address(UnitId(unit)), 0xff, 64);
    }
  }
  ASSERT_TRUE(allocator_->Free(pointer).ok());
  ASSERT_EQ(Alloc(64), pointer);
  const auto pin = allocator_->Touch(pointer, Bytes(64));
  for (std::uint32_t unit = 0; unit < 4; ++unit) {
    EXPECT_TRUE(std::all_of(pin->address(UnitId(unit)), pin->address(UnitId(unit)) + 64,
                            [](std::byte b) { return b == std::byte{0}; }));
  }
  EXPECT_EQ(Inspector(*allocator_).GetStats().zeroed_inline, Bytes(4 * 64));
}

TEST_F(AllocatorTest, PointerZeroIsNeverGranted) {
  Make({.static_size = Bytes(0)});
  EXPECT_NE(Alloc(4), PercpuPtr(0));
}

TEST_F(AllocatorTest, SizesRunUpToAWholeUnit) {
  EXPECT_TRUE(AllocStatus(64 << 10).ok());
  EXPECT_EQ(AllocStatus((64 << 10) + 1).message(),
            "sizes: 65537 bytes is over the limit of 65536 (a whole unit)");
}

TEST_F(AllocatorTest, BadRequestsAreNamedAndChangeNothing) {
  Alloc(100);
  const std::string before = State();
  EXPECT_THAT(std::string(AllocStatus(0).message()), HasSubstr("0 is not a size"));
  EXPECT_THAT(std::string(AllocStatus(8, 24).message()), HasSubstr("24 is not a power of two"));
  for (const std::uint64_t odd : {0, 3}) {
    EXPECT_THAT(std::string(AllocStatus(8, odd).message()), HasSubstr("is not a power of two"));
  }
  EXPECT_THAT(std::string(AllocStatus(8, 8192).message()), HasSubstr("over the limit of 4096"));
  EXPECT_THAT(std::string(AllocStatus(8, 8, {.region = Region::kReserved}).message()),
              HasSubstr("no reserved part"));
  EXPECT_THAT(std::string(AllocStatus(8, 8, {.tag = "a\nb"}).message()),
              HasSubstr("control character"));
  EXPECT_THAT(std::string(AllocStatus(8, 8, {.tag = std::string(129, 'x')}).message()),
              HasSubstr("129 bytes is over the limit of 128"));
  EXPECT_TRUE(absl::IsInvalidArgument(allocator_->AllocBatch({}, {}, {})));
  EXPECT_EQ(State(), before);
}

TEST_F(AllocatorTest, BadFreesAreNamedAndChangeNothing) {
  Make({.static_size = Bytes(4096), .reserved_size = Bytes(4096)});
  const PercpuPtr live = Alloc(100);
  const PercpuPtr gone = Alloc(100);
  ASSERT_TRUE(allocator_->Free(gone).ok());
  const std::string before = State();
  const auto refusal = [&](PercpuPtr pointer) {
    return std::string(allocator_->Free(pointer).status().message());
  };
  EXPECT_THAT(refusal(gone), HasSubstr("is in no live area of chunk 1"));
  EXPECT_THAT(refusal(Advance(live, Bytes(4))), HasSubstr("is inside the area at"));
  EXPECT_THAT(refusal(Advance(live, Bytes(1))), HasSubstr("is inside the area at"));
  EXPECT_THAT(refusal(Advance(live, Bytes(64 << 10))), HasSubstr("lies in unit 1"));
  EXPECT_THAT(refusal(PercpuPtr(0)), HasSubstr("is in the static part"));
  EXPECT_THAT(refusal(PercpuPtr(4096)), HasSubstr("is in no live area of chunk 0"));
  EXPECT_THAT(refusal(PercpuPtr(32 << 20)), HasSubstr("lies in no chunk"));
  EXPECT_THAT(refusal(PercpuPtr(~std::uint64_t{0})), HasSubstr("outside the arena"));
  EXPECT_EQ(State(), before);
}

TEST_F(AllocatorTest, ABatchIsFreedWholeOrNotAtAll) {
  const PercpuPtr a = Alloc(40);
  const PercpuPtr b = Alloc(60);
  const std::string before = State();
  const std::vector<PercpuPtr> twice = {a, b, a};
  EXPECT_THAT(std::string(allocator_->FreeBatch(twice).status().message()),
              HasSubstr("is named twice in one batch"));
  const std::vector<PercpuPtr> unknown = {a, b, Advance(b, Bytes(4))};
  EXPECT_FALSE(allocator_->FreeBatch(unknown).ok());
  EXPECT_EQ(State(), before);
  const std::vector<PercpuPtr> both = {b, a};
  EXPECT_EQ(*allocator_->FreeBatch(both), Bytes(100));
  EXPECT_EQ(Inspector(*allocator_).GetStats().nr_cur_alloc, 0u);
}

TEST_F(AllocatorTest, ReservedAreasComeFromTheReservedPartAlone) {
  Make({.reserved_size = Bytes(8192)});
  const AllocOptions reserved{.region = Region::kReserved};
  const auto pointer = allocator_->Alloc({Bytes(8192), Bytes(8)}, reserved);
  ASSERT_TRUE(pointer.ok());
  EXPECT_EQ(pointer->value(), 4096u);
  EXPECT_EQ(Inspector(*allocator_).Resolve(*pointer)->chunk, Index::kReservedId);
  EXPECT_TRUE(absl::IsResourceExhausted(AllocStatus(4, 4, reserved)));
  EXPECT_TRUE(absl::IsInvalidArgument(AllocStatus(8193, 4, reserved)));
  ASSERT_TRUE(allocator_->Free(*pointer).ok());
  EXPECT_TRUE(AllocStatus(4, 4, reserved).ok());
}

TEST_F(AllocatorTest, NoGrowNeverCreatesAChunk) {
  while (AllocStatus(4096, 4096, {.no_grow = true}).ok()) {
  }
  EXPECT_EQ(Inspector(*allocator_).GetStats().nr_chunks, 1u);
  EXPECT_THAT(std::string(AllocStatus(4096, 4096, {.no_grow = true}).message()),
              HasSubstr("no_grow: no populated free run of 4096 bytes"));
  EXPECT_TRUE(AllocStatus(4096, 4096).ok());
  EXPECT_EQ(Inspector(*allocator_).GetStats().nr_chunks, 2u);
}

TEST_F(AllocatorTest, AFailedNoGrowMakesTheBalancerFillTheReserve) {
  bool wanted = false;
  Make({}, {.empty_pages_low = 0, .empty_pages_high = 4});
  allocator_->set_balance_wanted([&] { wanted = true; });
  while (AllocStatus(4096, 4096, {.no_grow = true}).ok()) {
  }
  EXPECT_FALSE(wanted);
  // The next operation notices that a reserve is wanted.
  ASSERT_TRUE(allocator_->Free(PercpuPtr(4096)).ok());
  EXPECT_TRUE(wanted);
  allocator_->Balance();
  EXPECT_EQ(Inspector(*allocator_).GetStats().chunks_created_ahead, 1u);
  EXPECT_TRUE(AllocStatus(16384, 4096, {.no_grow = true}).ok());
}

TEST_F(AllocatorTest, TheReserveIsKeptBetweenItsMarks) {
  Make({}, {.empty_pages_low = 2, .empty_pages_high = 4});
  for (int i = 0; i < 13; ++i) Alloc(4096, 4096);
  allocator_->Balance();
  EXPECT_EQ(Inspector(*allocator_).GetStats().nr_chunks, 1u);
  // Only a request that may not grow shows that there is need of one.
  EXPECT_TRUE(AllocStatus(4096, 4096, {.no_grow = true}).ok());
  EXPECT_EQ(Inspector(*allocator_).GetStats().empty_pop_pages, 1u);
  allocator_->Balance();
  EXPECT_GE(Inspector(*allocator_).GetStats().empty_pop_pages, 4u);
  EXPECT_EQ(Inspector(*allocator_).GetStats().nr_chunks, 2u);
}

TEST_F(AllocatorTest, FreeChunksAreKeptByCountAndAge) {
  Make({}, {.empty_pages_low = 0,
            .empty_pages_high = 0,
            .free_chunks_min = 1,
            .free_chunks_max_percent = 80,
            .free_chunk_age = absl::Seconds(10)});
  const auto swing = [&] {
    std::vector<PercpuPtr> areas;
    areas.reserve(8);
    for (int i = 0; i < 8; ++i) areas.push_back(Alloc(64 << 10));
    for (const PercpuPtr area : areas) ASSERT_TRUE(allocator_->Free(area).ok());
  };
  swing();
  EXPECT_EQ(allocator_->Balance(), BootTime::InfiniteFuture());
  EXPECT_EQ(Inspector(*allocator_).GetStats().free_chunks, 1u);
  // Seven of them would have been of use.
  swing();
  // 8 of 9 chunks are free, then fewer of fewer, until 4 of 5 may stay.
  EXPECT_EQ(allocator_->Balance(), clock_.Now() + absl::Seconds(10));
  EXPECT_EQ(Inspector(*allocator_).GetStats().free_chunks, 4u);
  clock_.Advance(absl::Seconds(10));
  EXPECT_EQ(allocator_->Balance(), BootTime::InfiniteFuture());
  EXPECT_EQ(Inspector(*allocator_).GetStats().free_chunks, 1u);
  EXPECT_TRUE(Inspector(*allocator_).CheckInvariants().ok());
}

TEST_F(AllocatorTest, KeptFreeChunksAreCleanedInTheBackground) {
  const PercpuPtr area = Alloc(64 << 10);
  {
    const auto pin = allocator_->Touch(area, Bytes(64 << 10));
    std::memset(pin->address(UnitId(3)), 1, 64 << 10);
  }
  ASSERT_TRUE(allocator_->Free(area).ok());
  allocator_->Balance();
  const Stats stats = Inspector(*allocator_).GetStats();
  EXPECT_EQ(stats.zeroed_background, Bytes(4 * (64 << 10)));
  ASSERT_EQ(Alloc(64 << 10), area);
  EXPECT_EQ(Inspector(*allocator_).GetStats().zeroed_inline, stats.zeroed_inline);
  const auto pin = allocator_->Touch(area, Bytes(64 << 10));
  EXPECT_EQ(pin->address(UnitId(3))[100], std::byte{0});
}

TEST_F(AllocatorTest, APinnedChunkIsNotDestroyed) {
  Make({}, {.empty_pages_low = 0,
            .empty_pages_high = 0,
            .free_chunks_min = 0,
            .free_chunks_max_percent = 0});
  const PercpuPtr area = Alloc(64 << 10);
  auto pin = allocator_->Touch(area, Bytes(8));
  ASSERT_TRUE(pin.ok());
  ASSERT_TRUE(allocator_->Free(area).ok());
  allocator_->Balance();
  EXPECT_EQ(Inspector(*allocator_).GetStats().nr_chunks, 2u);
  { const Allocator::Pin unpinned = *std::move(pin); }
  allocator_->Balance();
  EXPECT_EQ(Inspector(*allocator_).GetStats().nr_chunks, 1u);
}

TEST_F(AllocatorTest, AFullArenaRefusesByNameAndRecovers) {
  Make({.arena_size = Bytes(1 << 20)});
  std::vector<PercpuPtr> areas;
  absl::StatusOr<PercpuPtr> area = allocator_->Alloc({Bytes(64 << 10)});
  for (; area.ok(); area = allocator_->Alloc({Bytes(64 << 10)})) areas.push_back(*area);
  EXPECT_EQ(areas.size(), 3u);
  EXPECT_THAT(std::string(area.status().message()), HasSubstr("arena is full: 256KiB more"));
  ASSERT_TRUE(allocator_->Free(areas.back()).ok());
  EXPECT_TRUE(AllocStatus(64 << 10).ok());
}

TEST_F(AllocatorTest, EveryByteOfEveryUnitResolvesToItsOwner) {
  Make({.cpus = 3, .reserved_size = Bytes(4096)});
  const auto area = allocator_->Alloc({Bytes(5000), Bytes(64)}, {.tag = "web"});
  for (std::uint32_t unit = 0; unit < 3; ++unit) {
    for (const std::uint64_t at : {0, 1, 2500, 4999}) {
      const auto owner =
          Inspector(*allocator_)
              .Resolve(PercpuPtr(area->value() + unit * std::uint64_t{64 << 10} + at));
      ASSERT_TRUE(owner.ok());
      EXPECT_EQ(owner->owner, Resolution::Owner::kArea);
      EXPECT_EQ(owner->area.pointer, *area);
      EXPECT_EQ(owner->area.tag, "web");
      EXPECT_EQ(owner->unit, UnitId(unit));
      EXPECT_EQ(owner->cpu, CpuId(unit));
      EXPECT_EQ(owner->offset_in_area, Bytes(at));
    }
  }
  EXPECT_EQ(Inspector(*allocator_).Resolve(PercpuPtr(5000 + area->value()))->owner,
            Resolution::Owner::kFree);
  EXPECT_EQ(Inspector(*allocator_).Resolve(PercpuPtr(0))->owner, Resolution::Owner::kStatic);
  EXPECT_EQ(Inspector(*allocator_).Resolve(PercpuPtr(60 << 20))->owner, Resolution::Owner::kNone);
  EXPECT_TRUE(absl::IsOutOfRange(Inspector(*allocator_).Resolve(PercpuPtr(64 << 20)).status()));
}

TEST_F(AllocatorTest, TouchStaysInsideOneArea) {
  const PercpuPtr area = Alloc(100);
  EXPECT_TRUE(allocator_->Touch(area, Bytes(100)).ok());
  EXPECT_TRUE(allocator_->Touch(Advance(area, Bytes(92)), Bytes(8)).ok());
  EXPECT_THAT(std::string(allocator_->Touch(Advance(area, Bytes(96)), Bytes(8)).status().message()),
              HasSubstr("leaves the area at"));
  EXPECT_TRUE(absl::IsOutOfRange(allocator_->Touch(area, Bytes(~std::uint64_t{0})).status()));
  EXPECT_TRUE(absl::IsNotFound(allocator_->Touch(Advance(area, Bytes(200)), Bytes(8)).status()));
  // Nothing of the static part is a variable here.
  EXPECT_TRUE(absl::IsNotFound(allocator_->Touch(PercpuPtr(64), Bytes(8)).status()));
}

TEST_F(AllocatorTest, AnEstimateIsWhatThenHappens) {
  Make({.cpus = 6});
  auto estimate = Inspector(*allocator_).EstimateAlloc({Bytes(10)}, Region::kDynamic);
  ASSERT_TRUE(estimate.ok());
  EXPECT_TRUE(estimate->possible);
  EXPECT_FALSE(estimate->would_grow);
  EXPECT_EQ(estimate->rounded_size, Bytes(12));
  EXPECT_EQ(estimate->total_bytes, Bytes(72));
  EXPECT_EQ(estimate->wasted_bytes, Bytes(12));
  const std::string before = State();
  estimate = Inspector(*allocator_).EstimateAlloc({Bytes(64 << 10)}, Region::kDynamic);
  EXPECT_TRUE(estimate->would_grow);
  EXPECT_EQ(estimate->new_chunk_pages, Pages(128));
  EXPECT_EQ(estimate->new_chunk_wasted_pages, Pages(32));
  EXPECT_EQ(State(), before);
}

TEST_F(AllocatorTest, ThreadsDoNotShareAreas) {
  constexpr int kThreads = 4;
  std::vector<std::vector<PercpuPtr>> granted(kThreads);
  std::vector<std::thread> threads;
  threads.reserve(kThreads);
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 3000; ++i) {
        auto pointer = allocator_->Alloc({Bytes(16 + t * 8)});
        ASSERT_TRUE(pointer.ok()) << pointer.status();
        granted[t].push_back(*pointer);
        if (i % 3 == 0) {
          ASSERT_TRUE(allocator_->Free(granted[t].front()).ok());
          granted[t].erase(granted[t].begin());
        }
        if (i % 500 == 0) allocator_->Balance();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  std::set<PercpuPtr> all;
  for (const auto& pointers : granted) all.insert(pointers.begin(), pointers.end());
  EXPECT_EQ(all.size(), 4u * 2000u);
  EXPECT_EQ(Inspector(*allocator_).GetStats().nr_cur_alloc, all.size());
  EXPECT_TRUE(Inspector(*allocator_).CheckInvariants().ok());
}

}  // namespace
}  // namespace percpud

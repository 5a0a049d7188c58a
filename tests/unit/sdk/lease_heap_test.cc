// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "percpu/lease_heap.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "percpu/internal/lease/size_classes.h"
#include "server/area/lease_map.h"
#include "tests/support/fake_chunk_source.h"
#include "tests/support/interval_model.h"

namespace percpu {
namespace {

using percpud::LeaseMap;
using percpud::testing::FakeChunkSource;
using percpud::testing::IntervalModel;
using ::testing::HasSubstr;

constexpr std::uint64_t kUnit = 64 << 10;

class LeaseHeapTest : public ::testing::Test {
 protected:
  explicit LeaseHeapTest(FakeChunkSource::Shape shape = {}) : source_(shape) {
    heap_ = std::make_unique<LeaseHeap>(source_);
  }
  ~LeaseHeapTest() override {
    heap_.reset();
    EXPECT_EQ(source_.wrong_returns(), 0u);
    EXPECT_EQ(source_.out(), 0u);
  }

  Pointer Allocate(std::uint64_t size, std::uint32_t alignment = 8) {
    const absl::StatusOr<Pointer> pointer = heap_->Allocate(size, alignment);
    EXPECT_TRUE(pointer.ok()) << pointer.status();
    return pointer.value_or(kNull);
  }
  void ExpectRefused(const absl::Status& status, absl::StatusCode code, const char* message) {
    EXPECT_EQ(status.code(), code) << status;
    EXPECT_THAT(std::string(status.message()), HasSubstr(message));
  }

  FakeChunkSource source_;
  std::unique_ptr<LeaseHeap> heap_;
};

std::string Hex(Pointer pointer) { return percpud::Format(percpud::PercpuPtr(Value(pointer))); }

// --- Classes and limits --------------------------------------------------------

TEST(SizeClassesTest, EverySizeAndAlignmentFindsAFit) {
  for (std::uint32_t size = 1; size <= lease::kLargestSmall; ++size) {
    for (std::uint32_t align = 1; align <= lease::kMaxAlignment; align *= 2) {
      const std::uint32_t rounded = (size + align - 1) & ~(align - 1);
      const std::uint32_t size_class = lease::ClassOf(rounded);
      ASSERT_GE(lease::kClassBytes[size_class], size);
      if (size_class > 0) ASSERT_LT(lease::kClassBytes[size_class - 1], rounded);
      ASSERT_GE(lease::ClassAlignment(size_class), std::min(align, 64u)) << size << " " << align;
    }
  }
}

TEST_F(LeaseHeapTest, AlignsAsAsked) {
  for (std::uint64_t size : {1, 4, 5, 12, 31, 65, 100, 1000, 4090, 5000}) {
    for (std::uint32_t align = 1; align <= 64; align *= 2) {
      EXPECT_EQ(Value(Allocate(size, align)) % align, 0u) << size << " " << align;
    }
  }
}

TEST_F(LeaseHeapTest, RefusesWhatNoChunkCanHold) {
  using enum absl::StatusCode;
  ExpectRefused(heap_->Allocate(0).status(), kInvalidArgument, "0 is not a size");
  ExpectRefused(heap_->Allocate(8, 0).status(), kInvalidArgument, "alignment");
  ExpectRefused(heap_->Allocate(8, 24).status(), kInvalidArgument, "24");
  ExpectRefused(heap_->Allocate(8, 128).status(), kInvalidArgument, "128");
  ExpectRefused(heap_->Allocate(~std::uint64_t{0}).status(), kInvalidArgument, "size");
  ExpectRefused(heap_->Allocate(~std::uint64_t{0} - 3, 64).status(), kInvalidArgument, "size");
  ExpectRefused(heap_->Allocate(kUnit + 1).status(), kInvalidArgument, "65536");
  // The heap is as good as before.
  EXPECT_TRUE(heap_->Free(Allocate(kUnit)).ok());
}

TEST_F(LeaseHeapTest, AWholeUnitFitsAndExcludesTheRest) {
  const Pointer whole = Allocate(kUnit, 64);
  const Pointer other = Allocate(4);
  EXPECT_EQ(source_.out(), 2u);
  EXPECT_TRUE(heap_->Free(whole).ok());
  EXPECT_EQ(Allocate(kUnit), whole);
  EXPECT_TRUE(heap_->Free(other).ok());
}

// --- Checks of a free ------------------------------------------------------------

class FreeCheckTest : public LeaseHeapTest, public ::testing::WithParamInterface<std::uint64_t> {};

TEST_P(FreeCheckTest, RefusesAllButLiveAreas) {
  using enum absl::StatusCode;
  const Pointer area = Allocate(GetParam());
  const Pointer neighbour = Allocate(GetParam());
  for (const std::uint64_t inside : {std::uint64_t{1}, std::uint64_t{4}, GetParam() - 4}) {
    const Pointer pointer = area + inside;
    ExpectRefused(heap_->Free(pointer), kInvalidArgument, Hex(pointer).c_str());
    ExpectRefused(heap_->Free(pointer), kInvalidArgument, Hex(area).c_str());
  }
  ExpectRefused(heap_->Free(area + kUnit), kInvalidArgument, "unit 1");
  ExpectRefused(heap_->Free(area + (std::uint64_t{1} << 30)), kNotFound, "no chunk");
  ExpectRefused(heap_->Free(Pointer{~std::uint64_t{0}}), kNotFound, "no chunk");
  ExpectRefused(heap_->Free(kNull), kNotFound, "no chunk");

  EXPECT_TRUE(heap_->Free(area).ok());
  ExpectRefused(heap_->Free(area), kNotFound, Hex(area).c_str());
  ExpectRefused(heap_->Free(area), kNotFound, "freed before");
  EXPECT_TRUE(heap_->Free(neighbour).ok());
  // Nothing was handed out twice for all that.
  const Pointer again = Allocate(GetParam());
  EXPECT_NE(again, Allocate(GetParam()));
  EXPECT_EQ(heap_->GetCounts().anomalies, 0u);
}

INSTANTIATE_TEST_SUITE_P(SmallAndLarge, FreeCheckTest, ::testing::Values(8, 64, 720, 4096, 9000));

TEST_F(LeaseHeapTest, APointerBehindAShortUnitIsForeign) {
  FakeChunkSource odd({.units = 2, .unit_bytes = 8192, .usable_bytes = 4100});
  LeaseHeap heap(odd);
  const absl::StatusOr<Pointer> area = heap.Allocate(4100);
  ASSERT_TRUE(area.ok()) << area.status();
  EXPECT_EQ(heap.Free(*area + 4100).code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(heap.Free(*area + 8188).code(), absl::StatusCode::kNotFound);
  EXPECT_TRUE(heap.Free(*area).ok());
}

// --- Contents ----------------------------------------------------------------------

TEST_F(LeaseHeapTest, AsItIsLeavesWhatWasThere) {
  const Pointer area = Allocate(64);
  std::memset(source_.Address(area, 1), 7, 64);
  ASSERT_TRUE(heap_->Free(area).ok());
  const absl::StatusOr<Pointer> again = heap_->Allocate(64, 8, Zeroing::kAsItIs);
  ASSERT_EQ(*again, area);
  EXPECT_EQ(*source_.Address(area, 1), std::byte{7});
  ASSERT_TRUE(heap_->Free(area).ok());
  ASSERT_EQ(Allocate(64), area);
  EXPECT_EQ(*source_.Address(area, 1), std::byte{0});
}

struct Shapes {
  const char* name;
  std::uint32_t units;
  std::uint64_t largest;
};
class ModelTest : public ::testing::TestWithParam<Shapes> {};

// What is live, with a byte that fills it in every unit.
class Canaries {
 public:
  explicit Canaries(FakeChunkSource& source) : source_(source) {}
  bool IsZero(Pointer pointer, std::uint64_t size) { return Holds(pointer, size, std::byte{0}); }
  void Plant(Pointer pointer, std::uint64_t size, std::byte canary) {
    for (std::uint32_t unit = 0; unit < source_.shape().units; ++unit) {
      std::fill_n(source_.Address(pointer, unit), size, canary);
    }
  }
  bool Holds(Pointer pointer, std::uint64_t size, std::byte canary) {
    for (std::uint32_t unit = 0; unit < source_.shape().units; ++unit) {
      const std::byte* at = source_.Address(pointer, unit);
      if (!std::all_of(at, at + size, [canary](std::byte b) { return b == canary; })) return false;
    }
    return true;
  }

 private:
  FakeChunkSource& source_;
};

// Random sizes, skewed to small ones; up and down between empty and full.
TEST_P(ModelTest, NeverOverlapsAndAlwaysZero) {
  FakeChunkSource source({.units = GetParam().units, .chunks = 12});
  Canaries canaries(source);
  std::mt19937 random(GetParam().units);
  {
    LeaseHeap heap(source);
    IntervalModel model(0, std::uint64_t{1} << 40);
    struct Area {
      Pointer pointer;
      std::uint64_t size;
      std::byte canary;
    };
    std::vector<Area> live;
    bool is_growing = true;
    std::uint64_t full = 0;
    for (int step = 0; step < 30000; ++step) {
      if (live.empty()) is_growing = true;
      if (is_growing && random() % 4 != 0) {
        const std::uint64_t size = 1 + random() % (1 + random() % GetParam().largest);
        const std::uint32_t align = 1u << (random() % 7);
        const absl::StatusOr<Pointer> got = heap.Allocate(size, align);
        if (!got.ok()) {
          ASSERT_EQ(got.status().code(), absl::StatusCode::kResourceExhausted) << got.status();
          is_growing = false;
          ++full;
          continue;
        }
        ASSERT_EQ(Value(*got) % align, 0u);
        ASSERT_TRUE(model.Take(Value(*got), size)) << "overlap at " << Hex(*got);
        ASSERT_TRUE(canaries.IsZero(*got, size)) << Hex(*got) << " of " << size;
        live.push_back({*got, size, static_cast<std::byte>(1 + random() % 255)});
        canaries.Plant(*got, size, live.back().canary);
      } else if (!live.empty()) {
        std::swap(live[random() % live.size()], live.back());
        const Area area = live.back();
        live.pop_back();
        ASSERT_TRUE(canaries.Holds(area.pointer, area.size, area.canary));
        ASSERT_EQ(model.Release(Value(area.pointer)), area.size);
        ASSERT_TRUE(heap.Free(area.pointer).ok());
        ASSERT_EQ(heap.Free(area.pointer).code(), absl::StatusCode::kNotFound);
      }
    }
    if (GetParam().largest > 4096) EXPECT_GT(full, 0u);
    for (const Area& area : live) ASSERT_TRUE(heap.Free(area.pointer).ok());
    EXPECT_EQ(heap.GetCounts().anomalies, 0u);
  }
  EXPECT_EQ(source.out(), 0u);
  EXPECT_EQ(source.wrong_returns(), 0u);
}

INSTANTIATE_TEST_SUITE_P(All, ModelTest,
                         ::testing::Values(Shapes{"OneUnit", 1, 200}, Shapes{"TwoUnits", 2, 5000},
                                           Shapes{"ThreeUnits", 3, 40000}),
                         [](const auto& info) { return info.param.name; });

// --- Holding chunks ------------------------------------------------------------------

TEST_F(LeaseHeapTest, ReturnsEmptyChunksWithHysteresis) {
  std::vector<Pointer> areas;
  for (int i = 0; i < 10; ++i) areas.push_back(Allocate(kUnit));
  EXPECT_EQ(source_.out(), 10u);
  for (const Pointer area : areas) ASSERT_TRUE(heap_->Free(area).ok());
  // One stays with the thread; at the fourth idle one the heap goes down to one.
  EXPECT_EQ(heap_->GetCounts().owned, 1u);
  EXPECT_LE(heap_->GetCounts().idle, 3u);
  EXPECT_EQ(source_.out(), heap_->GetCounts().owned + heap_->GetCounts().idle);
  // A swing within what is held makes no call.
  const std::uint64_t calls = source_.calls();
  for (int swing = 0; swing < 5; ++swing) {
    const Pointer first = Allocate(kUnit);
    const Pointer second = Allocate(kUnit);
    ASSERT_TRUE(heap_->Free(first).ok());
    ASSERT_TRUE(heap_->Free(second).ok());
  }
  EXPECT_EQ(source_.calls(), calls);
}

TEST_F(LeaseHeapTest, LeasesAheadInTheBackground) {
  std::vector<std::function<void()>> jobs;
  FakeChunkSource source({});
  LeaseHeap heap(
      source, {.background = [&](std::function<void()> job) { jobs.push_back(std::move(job)); }});
  ASSERT_TRUE(heap.Allocate(8).ok());
  EXPECT_EQ(source.out(), 1u);
  ASSERT_EQ(jobs.size(), 1u);
  jobs.back()();
  EXPECT_EQ(source.out(), 2u);
  EXPECT_EQ(heap.GetCounts().idle, 1u);
  // The next chunk is there already: no call on this thread.
  source.FailFrom(1, absl::UnavailableError("daemon gone"));
  ASSERT_TRUE(heap.Allocate(kUnit).ok());
  ASSERT_EQ(jobs.size(), 2u);
  jobs.back()();
  EXPECT_EQ(heap.Allocate(kUnit).status().code(), absl::StatusCode::kUnavailable);
}

TEST_F(LeaseHeapTest, ASourcesErrorIsTheCallersAndPasses) {
  for (std::uint64_t nth = 1; nth <= 4; ++nth) {
    source_.FailFrom(nth, absl::UnavailableError("daemon gone"));
    std::vector<Pointer> areas;
    absl::Status status;
    while (status.ok()) {
      const absl::StatusOr<Pointer> got = heap_->Allocate(20000);
      status = got.status();
      if (got.ok()) areas.push_back(*got);
    }
    ExpectRefused(status, absl::StatusCode::kUnavailable, "daemon gone");
    source_.StopFailing();
    areas.push_back(Allocate(20000));
    for (const Pointer area : areas) EXPECT_TRUE(heap_->Free(area).ok());
  }
}

TEST_F(LeaseHeapTest, ASmallAreaIsFoundInOtherClassesMagazines) {
  FakeChunkSource source({.chunks = 1});
  LeaseHeap heap(source);
  std::vector<Pointer> areas;
  for (auto got = heap.Allocate(1024); got.ok(); got = heap.Allocate(1024)) areas.push_back(*got);
  EXPECT_EQ(areas.size(), kUnit / 1024);
  for (const Pointer area : areas) ASSERT_TRUE(heap.Free(area).ok());
  // All of the chunk is in one magazine now.
  EXPECT_TRUE(heap.Allocate(8).ok());
  EXPECT_TRUE(heap.Allocate(20000).ok());
}

// Sources may be wrong; that is no reason to crash.
class BentSource final : public ChunkSource {
 public:
  explicit BentSource(std::function<void(LeasedChunk&)> bend) : bend_(std::move(bend)) {}
  absl::StatusOr<LeasedChunk> Acquire() override {
    absl::StatusOr<LeasedChunk> chunk = good_.Acquire();
    bend_(*chunk);
    return chunk;
  }
  void Return(const LeasedChunk& chunk) override { good_.Return(chunk); }
  std::uint64_t out() { return good_.out(); }

 private:
  FakeChunkSource good_{{}};
  std::function<void(LeasedChunk&)> bend_;
};

TEST_F(LeaseHeapTest, RefusesAnUnusableLease) {
  const std::vector<std::function<void(LeasedChunk&)>> bends = {
      [](LeasedChunk& c) { c.base = kNull; },
      [](LeasedChunk& c) { c.base = c.base + 8; },
      [](LeasedChunk& c) { c.unit0 = nullptr; },
      [](LeasedChunk& c) { c.usable_bytes = 0; },
      [](LeasedChunk& c) { c.usable_bytes = 6; },
      [](LeasedChunk& c) { c.usable_bytes = std::uint64_t{1} << 50; },
      [](LeasedChunk& c) { c.unit_offsets = {}; },
      [](LeasedChunk& c) { c.map = c.map.first(100); },
      [](LeasedChunk& c) { c.map = c.map.subspan(8); },
  };
  for (const auto& bend : bends) {
    BentSource source(bend);
    LeaseHeap heap(source);
    EXPECT_EQ(heap.Allocate(8).status().code(), absl::StatusCode::kInternal);
    EXPECT_EQ(source.out(), 0u);
  }
}

TEST_F(LeaseHeapTest, HeapsDoNotMix) {
  FakeChunkSource source({.unit_bytes = 128 << 10, .usable_bytes = kUnit, .chunks = 4});
  LeaseHeap other(source);
  const Pointer mine = Allocate(64);
  const absl::StatusOr<Pointer> theirs = other.Allocate(64);
  ASSERT_TRUE(theirs.ok());
  EXPECT_TRUE(other.Free(*theirs).ok());
  EXPECT_FALSE(other.Free(mine + 4).ok());
  EXPECT_TRUE(heap_->Free(mine).ok());
  for (int i = 0; i < 100; ++i) {
    const Pointer a = Allocate(8);
    const absl::StatusOr<Pointer> b = other.Allocate(8);
    EXPECT_TRUE(heap_->Free(a).ok());
    EXPECT_TRUE(other.Free(*b).ok());
  }
}

// --- fork() ------------------------------------------------------------------------------

TEST_F(LeaseHeapTest, AForkedChildIsRefusedAndMakesItsOwn) {
  const Pointer area = Allocate(64);
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    int wrong = 0;
    wrong += heap_->Free(area).code() == absl::StatusCode::kFailedPrecondition ? 0 : 1;
    wrong += heap_->Allocate(8).status().code() == absl::StatusCode::kFailedPrecondition ? 0 : 2;
    heap_.reset();
    {
      FakeChunkSource own({});
      LeaseHeap heap(own);
      const absl::StatusOr<Pointer> mine = heap.Allocate(64);
      wrong += mine.ok() && heap.Free(*mine).ok() ? 0 : 4;
    }
    // The parent's leases were not given back.
    wrong += source_.out() == 1 ? 0 : 8;
    ::_exit(wrong);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 0);
  EXPECT_TRUE(heap_->Free(area).ok());
}

}  // namespace
}  // namespace percpu

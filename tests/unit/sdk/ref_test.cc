// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "percpu/ref.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sched.h>

#include <cstdint>
#include <limits>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "server/rseq/self_test.h"

namespace percpu {
namespace {

using ::testing::ElementsAre;
using ::testing::Optional;
using ::testing::Pair;
using ::testing::Return;
using ::testing::StrictMock;

constexpr std::uint32_t kCpus = 1024;
// With a skew, as units of a chunk have.
constexpr std::uint64_t kStride = 4096 + 64;
constexpr Pointer kCounter{256};

// An arena with units in reverse: CPU c has unit kCpus - 1 - c. And one unit
// more, that backs no CPU.
class RefTest : public ::testing::TestWithParam<UpdateMode> {
 protected:
  RefTest() {
    for (std::uint32_t unit = 0; unit <= kCpus; ++unit) offsets_.push_back(unit * kStride);
    for (std::uint32_t cpu = 0; cpu < kCpus; ++cpu) {
      by_cpu_.push_back(offsets_[Value(UnitOf(cpu))]);
      cpu_units_.push_back({.cpu = cpu, .unit = UnitOf(cpu), .offset = by_cpu_.back()});
    }
    entries_ = percpud::rseq::CpuEntries(by_cpu_);
    mapping_ = {.base = memory_.data(),
                .unit_offsets = offsets_,
                .cpu_units = cpu_units_,
                .cpus = percpud::rseq::Usable({.entry = entries_.cpu0()}, GetParam()),
                .mode = GetParam()};
  }

  void SetUp() override {
    if (!mapping_.cpus.HasUnits()) GTEST_SKIP() << "no restartable sequences here";
  }

  static constexpr Unit UnitOf(std::uint32_t cpu) { return Unit{kCpus - 1 - cpu}; }

  // The copy of `unit`, written by nobody else.
  template <typename T>
  T& Copy(Unit unit) {
    return *reinterpret_cast<T*>(memory_.data() + Value(kCounter) + Value(unit) * kStride);
  }
  template <typename T>
  T& OwnCopy() {
    return Copy<T>(UnitOf(static_cast<std::uint32_t>(sched_getcpu())));
  }
  // Keeps this thread where it is, for the rest of the test.
  void StayHere() {
    sched_getaffinity(0, sizeof(before_), &before_);
    cpu_set_t only;
    CPU_ZERO(&only);
    CPU_SET(static_cast<std::size_t>(sched_getcpu()), &only);
    sched_setaffinity(0, sizeof(only), &only);
    moved_ = true;
  }
  void TearDown() override {
    if (moved_) sched_setaffinity(0, sizeof(before_), &before_);
  }

  std::vector<std::byte> memory_ = std::vector<std::byte>((kCpus + 1) * kStride + 4096);
  std::vector<std::uint64_t> offsets_;
  std::vector<CpuUnit> cpu_units_;
  std::vector<std::uint64_t> by_cpu_;
  percpud::rseq::CpuEntries entries_;
  Mapping mapping_;
  cpu_set_t before_{};
  bool moved_ = false;
};

INSTANTIATE_TEST_SUITE_P(Modes, RefTest, ::testing::Values(UpdateMode::kRseq, UpdateMode::kAtomic),
                         [](const auto& mode) {
                           return mode.param == UpdateMode::kRseq ? "Rseq" : "Atomic";
                         });

TEST_P(RefTest, UpdatesTheOwnCpusCopy) {
  StayHere();
  const Ref<std::int64_t> ref(mapping_, kCounter);
  EXPECT_TRUE(ref.Add(40));
  EXPECT_TRUE(ref.Increment());
  EXPECT_TRUE(ref.Add(-1));
  EXPECT_EQ(OwnCopy<std::int64_t>(), 40);
  EXPECT_THAT(ref.Load(), Optional(40));
  EXPECT_THAT(ref.Exchange(7), Optional(40));
  EXPECT_THAT(ref.CompareExchange(8, 9), Optional(7));
  EXPECT_THAT(ref.CompareExchange(7, 9), Optional(7));
  EXPECT_EQ(OwnCopy<std::int64_t>(), 9);
  EXPECT_TRUE(ref.Store(-3));
  EXPECT_EQ(OwnCopy<std::int64_t>(), -3);
  EXPECT_EQ(ref.Sum(), -3);
  EXPECT_EQ(ref.pointer(), kCounter);
}

TEST_P(RefTest, FourBytesAreFourBytes) {
  StayHere();
  const Ref<std::uint32_t> ref(mapping_, kCounter);
  ASSERT_TRUE(ref.Store(std::numeric_limits<std::uint32_t>::max()));
  ASSERT_TRUE(ref.Add(2));
  EXPECT_EQ(OwnCopy<std::uint64_t>(), 1U);
}

TEST_P(RefTest, ReadsUnitsAndCpus) {
  Copy<std::uint64_t>(UnitOf(0)) = 10;
  Copy<std::uint64_t>(UnitOf(2)) = 12;
  // Backs no CPU, so is read by its number only.
  Copy<std::uint64_t>(Unit{kCpus}) = 99;
  const Ref<std::uint64_t> ref(mapping_, kCounter);
  EXPECT_EQ(ref.Read(Unit{kCpus}), 99U);
  EXPECT_EQ(ref.Sum(), 22U);
  std::vector<std::pair<Unit, std::uint64_t>> units;
  ref.ForEachUnit([&](Unit unit, std::uint64_t value) {
    if (value != 0) units.emplace_back(unit, value);
  });
  EXPECT_THAT(units, ElementsAre(Pair(UnitOf(0), 10), Pair(UnitOf(2), 12)));
  std::vector<std::pair<std::uint32_t, std::uint64_t>> cpus;
  ref.ForEachCpu([&](std::uint32_t cpu, std::uint64_t value) {
    if (value != 0) cpus.emplace_back(cpu, value);
  });
  EXPECT_THAT(cpus, ElementsAre(Pair(0, 10), Pair(2, 12)));
}

// Up on one CPU and down on another, as reference counts go.
TEST_P(RefTest, SumsAreRightWhereCopiesHaveWrapped) {
  Copy<std::uint32_t>(UnitOf(1)) = 5;
  Copy<std::uint32_t>(UnitOf(3)) = static_cast<std::uint32_t>(-2);
  EXPECT_EQ(Ref<std::uint32_t>(mapping_, kCounter).Sum(), 3U);
  Copy<std::int32_t>(UnitOf(1)) = std::numeric_limits<std::int32_t>::max();
  Copy<std::int32_t>(UnitOf(2)) = 1;
  Copy<std::int32_t>(UnitOf(3)) = -10;
  EXPECT_EQ(Ref<std::int32_t>(mapping_, kCounter).Sum(),
            std::numeric_limits<std::int32_t>::max() - 9);
}

TEST_P(RefTest, AtLeastCountsWhatIsBelowZero) {
  const Ref<std::int64_t> ref(mapping_, kCounter);
  EXPECT_TRUE(ref.AtLeast(0));
  EXPECT_TRUE(ref.AtLeast(-1));
  EXPECT_FALSE(ref.AtLeast(1));
  // The first copies alone would reach it.
  Copy<std::int64_t>(UnitOf(0)) = 100;
  Copy<std::int64_t>(UnitOf(kCpus - 1)) = -60;
  EXPECT_FALSE(ref.AtLeast(41));
  EXPECT_TRUE(ref.AtLeast(40));
}

TEST_P(RefTest, AtLeastOfCopiesThatAreNeverNegative) {
  const Ref<std::uint64_t> ref(mapping_, kCounter);
  EXPECT_TRUE(ref.AtLeast(0, Signs::kNeverNegative));
  EXPECT_FALSE(ref.AtLeast(1, Signs::kNeverNegative));
  Copy<std::uint64_t>(UnitOf(0)) = 30;
  Copy<std::uint64_t>(UnitOf(kCpus - 1)) = 12;
  EXPECT_TRUE(ref.AtLeast(42, Signs::kNeverNegative));
  EXPECT_FALSE(ref.AtLeast(43, Signs::kNeverNegative));
  const Ref<std::int64_t> with_sign(mapping_, kCounter);
  EXPECT_TRUE(with_sign.AtLeast(-1, Signs::kNeverNegative));
  EXPECT_TRUE(with_sign.AtLeast(42, Signs::kNeverNegative));
  EXPECT_FALSE(with_sign.AtLeast(43, Signs::kNeverNegative));
}

TEST_P(RefTest, DeltaSinceASnapshot) {
  Copy<std::uint64_t>(UnitOf(0)) = 1000;
  Copy<std::uint64_t>(UnitOf(1)) = 500;
  const Ref<std::uint64_t> ref(mapping_, kCounter);
  const Snapshot<std::uint64_t> before = ref.TakeSnapshot();
  EXPECT_EQ(before.total, 1500U);
  EXPECT_EQ(before.values[1], 500U);
  EXPECT_EQ(ref.Delta(before), 0U);
  for (int i = 0; i < 10; ++i) ASSERT_TRUE(ref.Add(2));
  EXPECT_EQ(ref.Delta(before), 20U);
  EXPECT_EQ(ref.Sum(), 1520U);
}

TEST_P(RefTest, ApproximateSumCatchesUpInTurn) {
  mapping_.cpu_units = mapping_.cpu_units.first(4);
  const Ref<std::int64_t> ref(mapping_, kCounter);
  Snapshot<std::int64_t> last = ref.TakeSnapshot();
  for (std::uint32_t cpu = 0; cpu < 4; ++cpu) Copy<std::int64_t>(UnitOf(cpu)) = 1 << cpu;
  EXPECT_EQ(ref.ApproximateSum(last), 1);
  EXPECT_EQ(ref.ApproximateSum(last, 2), 7);
  EXPECT_EQ(ref.ApproximateSum(last, 1), 15);
  Copy<std::int64_t>(UnitOf(0)) = -100;
  EXPECT_EQ(ref.ApproximateSum(last, 1000), ref.Sum());
}

TEST_P(RefTest, ThreadsOfAllKindsOfOperationLoseNothing) {
  constexpr int kThreads = 3;
  constexpr int kRounds = 200'000;
  const Ref<std::uint64_t> ref(mapping_, kCounter);
  const auto add_by_compare_exchange = [&] {
    std::uint64_t expected = ref.Load().value();
    for (;;) {
      const std::uint64_t seen = ref.CompareExchange(expected, expected + 1).value();
      if (seen == expected) return;
      expected = seen;
    }
  };
  const auto work = [&] {
    for (int i = 0; i < kRounds; ++i) {
      ref.Increment();
      add_by_compare_exchange();
    }
  };
  std::vector<std::thread> threads;
  threads.reserve(kThreads);
  for (int i = 0; i < kThreads; ++i) threads.emplace_back(work);
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(ref.Sum(), 2U * kThreads * kRounds);
}

TEST_P(RefTest, AShardWritesItsUnitOnly) {
  const Unit unit{kCpus};
  const ShardRef<std::int32_t> shard(mapping_, kCounter, unit);
  shard.Add(5);
  shard.Increment();
  EXPECT_EQ(shard.Load(), 6);
  EXPECT_EQ(Ref<std::int32_t>(mapping_, kCounter).Read(unit), 6);
  EXPECT_EQ(Ref<std::int32_t>(mapping_, kCounter).Sum(), 0);
  shard.Store(std::numeric_limits<std::int32_t>::max());
  shard.Increment();
  EXPECT_EQ(shard.Load(), std::numeric_limits<std::int32_t>::min());
  EXPECT_EQ(Copy<std::uint64_t>(unit), 0x80000000U);
}

class MockFallback : public Fallback {
 public:
  MOCK_METHOD(bool, Add, (Pointer, Width, std::uint64_t), (override));
  MOCK_METHOD(bool, Store, (Pointer, Width, std::uint64_t), (override));
  MOCK_METHOD(std::optional<std::uint64_t>, Load, (Pointer, Width), (override));
  MOCK_METHOD(std::optional<std::uint64_t>, Exchange, (Pointer, Width, std::uint64_t), (override));
  MOCK_METHOD(std::optional<std::uint64_t>, CompareExchange,
              (Pointer, Width, std::uint64_t, std::uint64_t), (override));
};

// No CPU of the table is this thread's.
class RefFallbackTest : public RefTest {
 protected:
  RefFallbackTest() { mapping_.cpus = {}; }
  void SetUp() override {}
  StrictMock<MockFallback> fallback_;
};

INSTANTIATE_TEST_SUITE_P(Modes, RefFallbackTest,
                         ::testing::Values(UpdateMode::kRseq, UpdateMode::kAtomic));

TEST_P(RefFallbackTest, WithoutOneTheOperationIsRefused) {
  const Ref<std::int32_t> ref(mapping_, kCounter);
  EXPECT_FALSE(ref.Add(1));
  EXPECT_FALSE(ref.Increment());
  EXPECT_FALSE(ref.Store(1));
  EXPECT_EQ(ref.Load(), std::nullopt);
  EXPECT_EQ(ref.Exchange(1), std::nullopt);
  EXPECT_EQ(ref.CompareExchange(0, 1), std::nullopt);
  EXPECT_EQ(ref.Sum(), 0);
}

TEST_P(RefFallbackTest, ItGetsThePointerTheWidthAndTheBits) {
  mapping_.fallback = &fallback_;
  const Ref<std::int32_t> narrow(mapping_, kCounter);
  const Ref<std::int64_t> wide(mapping_, kCounter + 8);
  EXPECT_CALL(fallback_, Add(kCounter, Width::k32, 0xffffffffU)).WillOnce(Return(true));
  EXPECT_TRUE(narrow.Add(-1));
  EXPECT_CALL(fallback_, Add(kCounter + 8, Width::k64, ~std::uint64_t{0})).WillOnce(Return(false));
  EXPECT_FALSE(wide.Add(-1));
  EXPECT_CALL(fallback_, Store(kCounter, Width::k32, 0xfffffffeU)).WillOnce(Return(true));
  EXPECT_TRUE(narrow.Store(-2));
  EXPECT_CALL(fallback_, Load(kCounter, Width::k32)).WillOnce(Return(0xfffffffeU));
  EXPECT_THAT(narrow.Load(), Optional(-2));
  EXPECT_CALL(fallback_, Exchange(kCounter + 8, Width::k64, 5)).WillOnce(Return(4));
  EXPECT_THAT(wide.Exchange(5), Optional(4));
  EXPECT_CALL(fallback_, CompareExchange(kCounter, Width::k32, 0xffffffffU, 3))
      .WillOnce(Return(std::nullopt));
  EXPECT_EQ(narrow.CompareExchange(-1, 3), std::nullopt);
}

}  // namespace
}  // namespace percpu

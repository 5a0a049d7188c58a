// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// Doubles, and cells of a count and a sum, in each way an arena may update them.

#include "percpu/count_sum_ref.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <bit>
#include <cstdint>
#include <optional>
#include <thread>
#include <vector>

#include "percpu/ref.h"
#include "server/rseq/self_test.h"
#include "tests/unit/rseq/slots.h"

namespace percpu {
namespace {

using percpud::abi::v1::PairCommit;
using percpud::rseq::testing::kManyCpus;
using percpud::rseq::testing::Slots;
using percpud::rseq::testing::StayHere;
using ::testing::Optional;

constexpr Pointer kCell{16};

struct Way {
  UpdateMode mode;
  PairCommit pairs;
};

class CellRefTest : public ::testing::TestWithParam<Way> {
 protected:
  CellRefTest() {
    for (std::uint32_t cpu = 0; cpu < kManyCpus; ++cpu) {
      offsets_.push_back(static_cast<std::uint64_t>(slots_.table().entry[cpu]));
      cpu_units_.push_back({.cpu = cpu, .unit = Unit{cpu}, .offset = offsets_.back()});
    }
    mapping_ = {.base = slots_.unit0(),
                .unit_offsets = offsets_,
                .cpu_units = cpu_units_,
                .cpus = percpud::rseq::Usable(slots_.table(), GetParam().mode),
                .mode = GetParam().mode,
                .pair_commit = GetParam().pairs};
  }
  void SetUp() override {
    if (!mapping_.cpus.HasUnits()) GTEST_SKIP() << "no restartable sequences here";
  }

  // A slot is a line of 64 bytes, in which the cell is the second of four.
  Slots<std::uint64_t> slots_;
  std::vector<std::uint64_t> offsets_;
  std::vector<CpuUnit> cpu_units_;
  Mapping mapping_;
};

INSTANTIATE_TEST_SUITE_P(Ways, CellRefTest,
                         ::testing::Values(Way{UpdateMode::kRseq, PairCommit::kOneStore},
                                           Way{UpdateMode::kRseq, PairCommit::kTwoStores},
                                           Way{UpdateMode::kAtomic, PairCommit::kTwoStores}));

TEST_P(CellRefTest, DoublesAddUp) {
  const StayHere here;
  const Ref<double> ref(mapping_, kCell);
  EXPECT_TRUE(ref.Add(0.5));
  EXPECT_TRUE(ref.Increment());
  EXPECT_TRUE(ref.Add(-0.25));
  EXPECT_EQ(ref.Sum(), 1.25);
  EXPECT_THAT(ref.Load(), Optional(1.25));
  EXPECT_THAT(ref.Exchange(8), Optional(1.25));
  EXPECT_THAT(ref.CompareExchange(8, -1), Optional(8));
  EXPECT_EQ(ref.Sum(), -1);
  EXPECT_FALSE(ref.AtLeast(0));
  EXPECT_TRUE(ref.AtLeast(-1));
  EXPECT_TRUE(ref.Store(2));
  EXPECT_EQ(ref.Delta(ref.TakeSnapshot()), 0);
}

// 0.1 and 0.2 are not what they seem, and the order decides what they come to.
TEST_P(CellRefTest, DoublesAreAddedUpByRisingCpu) {
  const std::vector<double> copies = {0.1, 0.2, 0.3, 1e16, -1e16};
  double expected = 0;
  for (std::uint32_t cpu = 0; cpu < copies.size(); ++cpu) {
    *reinterpret_cast<double*>(slots_.unit0() + offsets_[cpu] + Value(kCell)) = copies[cpu];
    expected += copies[cpu];
  }
  EXPECT_EQ(Ref<double>(mapping_, kCell).Sum(), expected);
}

TEST_P(CellRefTest, ObservationsAreCountedAndAddedUp) {
  const CountSumRef cell(mapping_, kCell);
  EXPECT_TRUE(cell.Observe(0.25));
  EXPECT_TRUE(cell.Observe(-1));
  EXPECT_TRUE(cell.Add({.count = 10, .sum = 2}));
  EXPECT_EQ(cell.Sum().count, 12U);
  EXPECT_EQ(cell.Sum().sum, 1.25);
}

TEST_P(CellRefTest, ThreadsLoseNoObservation) {
  constexpr int kThreads = 3;
  constexpr std::uint64_t kObservations = 200'000;
  const CountSumRef cell(mapping_, kCell);
  const auto work = [&] {
    for (std::uint64_t i = 0; i < kObservations; ++i) cell.Observe(3);
  };
  std::vector<std::thread> threads;
  threads.reserve(kThreads);
  for (int i = 0; i < kThreads; ++i) threads.emplace_back(work);
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(cell.Sum().count, kThreads * kObservations);
  EXPECT_EQ(cell.Sum().sum, 3.0 * kThreads * kObservations);
}

// A daemon's answers, on words of its own.
class WordsFallback : public Fallback {
 public:
  bool Add(Pointer pointer, Width, std::uint64_t delta) override {
    At(pointer) += delta;
    return true;
  }
  bool Store(Pointer pointer, Width, std::uint64_t value) override {
    At(pointer) = value;
    return true;
  }
  std::optional<std::uint64_t> Load(Pointer pointer, Width) override { return At(pointer); }
  std::optional<std::uint64_t> Exchange(Pointer pointer, Width, std::uint64_t value) override {
    return std::exchange(At(pointer), value);
  }
  // Somebody else always comes first, once.
  std::optional<std::uint64_t> CompareExchange(Pointer pointer, Width, std::uint64_t expected,
                                               std::uint64_t desired) override {
    std::uint64_t& word = At(pointer);
    if (!std::exchange(disturbed_, true)) {
      word = std::bit_cast<std::uint64_t>(std::bit_cast<double>(word) + 100);
    }
    const std::uint64_t seen = word;
    if (seen == expected) word = desired;
    return seen;
  }
  std::uint64_t& At(Pointer pointer) { return words_[Value(pointer) / 8]; }

 private:
  std::vector<std::uint64_t> words_ = std::vector<std::uint64_t>(8);
  bool disturbed_ = false;
};

TEST_P(CellRefTest, AThreadThatCannotAddHasItAddedByTheFallback) {
  WordsFallback fallback;
  mapping_.cpus = {};
  EXPECT_FALSE(CountSumRef(mapping_, kCell).Observe(2.5));
  mapping_.fallback = &fallback;
  EXPECT_TRUE(CountSumRef(mapping_, kCell).Observe(2.5));
  EXPECT_EQ(fallback.At(kCell), 1U);
  EXPECT_EQ(std::bit_cast<double>(fallback.At(kCell + 8)), 102.5);
  EXPECT_TRUE(Ref<double>(mapping_, kCell + 16).Add(0.5));
  EXPECT_EQ(std::bit_cast<double>(fallback.At(kCell + 16)), 0.5);
}

}  // namespace
}  // namespace percpu

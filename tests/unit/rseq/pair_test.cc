// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/rseq/pair.h"

#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <cmath>
#include <cstdint>
#include <limits>
#include <thread>
#include <vector>

#include "server/rseq/self_test.h"
#include "tests/unit/rseq/slots.h"

namespace percpud::rseq {
namespace {

using testing::Slots;
using testing::StayHere;

// A cell that fills a slot's line, so that what it must not touch is there to see.
struct alignas(64) Cell {
  CountSum own;
  CountSum next;
};

class PairTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!RseqWorks()) GTEST_SKIP() << "no restartable sequences here";
  }
  Slots<Cell> slots_;
};

TEST_F(PairTest, AddsToBothHalvesOfTheOwnCpusCellOnly) {
  const StayHere here;
  Cell& cell = slots_.at(here.cpu());
  cell.next = {.count = 77, .sum = 7.5};
  ASSERT_TRUE(AddPair(slots_.unit0(), slots_.table(), 1, 0.25));
  ASSERT_TRUE(AddPair(slots_.unit0(), slots_.table(), 2, -4.5));
  EXPECT_EQ(cell.own.count, 3U);
  EXPECT_EQ(cell.own.sum, -4.25);
  EXPECT_EQ(cell.next.count, 77U);
  EXPECT_EQ(cell.next.sum, 7.5);
}

// A count is added as an integer: as half of a pair of doubles it would be a number
// too small to be normal, and lost.
TEST_F(PairTest, CountsAreIntegersAndSumsAreDoubles) {
  const StayHere here;
  Cell& cell = slots_.at(here.cpu());
  cell.own = {.count = (std::uint64_t{1} << 53) + 1, .sum = 1e300};
  ASSERT_TRUE(AddPair(slots_.unit0(), slots_.table(), 2, 1e300));
  EXPECT_EQ(cell.own.count, (std::uint64_t{1} << 53) + 3);
  EXPECT_EQ(cell.own.sum, 2e300);
  ASSERT_TRUE(AddPair(slots_.unit0(), slots_.table(), 1, std::numeric_limits<double>::infinity()));
  EXPECT_TRUE(std::isinf(cell.own.sum));
  cell.own.count = std::numeric_limits<std::uint64_t>::max();
  ASSERT_TRUE(AddPair(slots_.unit0(), slots_.table(), 1, 0));
  EXPECT_EQ(cell.own.count, 0U);
}

TEST_F(PairTest, ACpuWithoutAUnitIsRefused) {
  const StayHere here;
  const CpuEntries fewer = slots_.First(here.cpu());
  EXPECT_FALSE(AddPair(slots_.unit0(), CpuTable{.entry = fewer.cpu0()}, 1, 1));
  EXPECT_FALSE(AddPair<Tries::kOne>(slots_.unit0(), CpuTable{}, 1, 1));
  EXPECT_EQ(slots_.at(here.cpu()).own.count, 0U);
}

// Every observation is 3.0, so a cell that is read whole is always three to one.
TEST_F(PairTest, ReadersSeeCountAndSumTogether) {
  const StayHere here;
  constexpr std::uint64_t kAdds = 2'000'000;
  std::atomic<bool> done = false;
  const std::byte* const cell = reinterpret_cast<std::byte*>(&slots_.at(here.cpu()).own);
  std::uint64_t torn = 0;
  std::thread reader([&] {
    cpu_set_t all;
    CPU_ZERO(&all);
    for (std::size_t cpu = 0; cpu < CPU_SETSIZE; ++cpu) CPU_SET(cpu, &all);
    sched_setaffinity(0, sizeof(all), &all);
    while (!done.load(std::memory_order_relaxed)) {
      const CountSum seen = ReadPair(cell);
      if (seen.sum != 3.0 * static_cast<double>(seen.count)) ++torn;
    }
  });
  std::uint64_t refused = 0;
  for (std::uint64_t i = 0; i < kAdds; ++i) {
    if (!AddPair(slots_.unit0(), slots_.table(), 1, 3.0)) ++refused;
  }
  done = true;
  reader.join();
  EXPECT_EQ(refused, 0U);
  // A machine that stores 16 bytes in two steps loses nothing, but shows them.
  if (PairsAreWhole()) {
    EXPECT_EQ(torn, 0U);
  }
  EXPECT_EQ(ReadPair(cell).count, kAdds);
}

TEST(PairCommitTest, OneStoreOnlyWhereSequencesAndHardwareAllowIt) {
  EXPECT_EQ(ChoosePairCommit(UpdateMode::kAtomic), PairCommit::kTwoStores);
  EXPECT_EQ(ChoosePairCommit(UpdateMode::kRseq),
            PairsAreWhole() ? PairCommit::kOneStore : PairCommit::kTwoStores);
}

TEST(WriterCellTest, IsReadAsItWasStored) {
  alignas(16) std::array<std::byte, 32> memory{};
  StoreWriterCell(&memory[16], {.value = -0.5, .timestamp = 1.75e9});
  const abi::v1::WriterCell seen = ReadWriterCell(&memory[16]);
  EXPECT_EQ(seen.value, -0.5);
  EXPECT_EQ(seen.timestamp, 1.75e9);
  EXPECT_EQ(ReadWriterCell(memory.data()).value, 0);
}

}  // namespace
}  // namespace percpud::rseq

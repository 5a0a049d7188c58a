// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/rseq/self_test.h"

#include <gtest/gtest.h>

#include <array>
#include <cstdint>

namespace percpud::rseq {
namespace {

#ifdef PERCPUD_RSEQ_HAS_SECTIONS
constexpr bool kHasSections = true;
#else
constexpr bool kHasSections = false;
#endif

TEST(SelfTestTest, SequencesWorkIfGlibcRegisteredThem) {
  EXPECT_EQ(RseqWorks(), kHasSections && GlibcRegistered());
  EXPECT_EQ(RseqWorks(), RseqWorks());
}

// The control: what the kernel is not told of loses updates, and the test sees
// it. One run in many may be lucky.
TEST(SelfTestTest, SequencesWithoutTheKernelAreFoundOut) {
  constexpr int kRuns = 8;
  int passed = 0;
  for (int run = 0; run < kRuns; ++run) {
    passed += internal::SelfTest(internal::Arming::kUnarmed) ? 1 : 0;
  }
  EXPECT_LT(passed, kRuns / 2);
}

TEST(SelfTestTest, ATableIsLeftWithoutUnitsOnlyWhereSequencesDoNotWork) {
  const std::array<std::uint64_t, 3> offsets{};
  const CpuEntries entries(offsets);
  const CpuTable table{.entry = entries.cpu0()};
  EXPECT_EQ(Usable(table, UpdateMode::kRseq).HasUnits(), RseqWorks());
  EXPECT_EQ(Usable(table, UpdateMode::kAtomic).entry, table.entry);
}

TEST(SelfTestTest, CurrentCpuIsOneTheThreadIsOn) {
  cpu_set_t before;
  ASSERT_EQ(sched_getaffinity(0, sizeof(before), &before), 0);
  for (std::uint32_t cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (!CPU_ISSET(cpu, &before)) continue;
    cpu_set_t only;
    CPU_ZERO(&only);
    CPU_SET(cpu, &only);
    ASSERT_EQ(sched_setaffinity(0, sizeof(only), &only), 0);
    EXPECT_EQ(CurrentCpu(), cpu);
  }
  EXPECT_EQ(sched_setaffinity(0, sizeof(before), &before), 0);
}

}  // namespace
}  // namespace percpud::rseq

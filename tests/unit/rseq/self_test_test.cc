// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/rseq/self_test.h"

#include <gtest/gtest.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>

#include <array>
#include <chrono>
#include <cstdint>
#include <thread>

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

// Runs `body` on a thread of a real-time policy, with nothing above it on its CPU.
// False if this process may not have one.
template <typename Body>
bool RunInRealTime(int policy, Body body) {
  bool ran = false;
  std::thread thread([&] {
    const sched_param param{.sched_priority = 1};
    ran = pthread_setschedparam(pthread_self(), policy, &param) == 0;
    if (ran) body();
  });
  thread.join();
  return ran;
}

TEST(SelfTestTest, ARealTimeCallerIsAnsweredWithinASecond) {
  for (const int policy : {SCHED_FIFO, SCHED_RR}) {
    const bool may = RunInRealTime(policy, [] {
      const auto began = std::chrono::steady_clock::now();
      EXPECT_EQ(internal::SelfTest(internal::Arming::kArmed), kHasSections && GlibcRegistered());
      EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::seconds(1));
    });
    if (!may) GTEST_SKIP() << "needs the right to real-time scheduling";
  }
}

TEST(SelfTestTest, TheSignalsOfTheCallerAreItsOwnAgain) {
  sigset_t before;
  sigset_t after;
  pthread_sigmask(SIG_SETMASK, nullptr, &before);
  internal::SelfTest(internal::Arming::kArmed);
  pthread_sigmask(SIG_SETMASK, nullptr, &after);
  for (int signal = 1; signal < SIGRTMAX; ++signal) {
    EXPECT_EQ(sigismember(&before, signal), sigismember(&after, signal)) << signal;
  }
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

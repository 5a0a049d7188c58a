// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/rseq/this_cpu.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <limits>
#include <optional>
#include <thread>
#include <vector>

#include "server/rseq/self_test.h"
#include "tests/unit/rseq/slots.h"

namespace percpud::rseq {
namespace {

using ::testing::Optional;
using testing::Slots;
using testing::StayHere;

// One suite for both kinds of operation and all types.
struct Sequences {
  static bool Runs() { return RseqWorks(); }
  template <typename T>
  static bool Add(std::byte* unit0, const CpuTable& table, T delta) {
    return rseq::Add<T>(unit0, table, delta);
  }
  template <typename T>
  static bool Store(std::byte* unit0, const CpuTable& table, T value) {
    return rseq::Store<T>(unit0, table, value);
  }
  template <typename T>
  static std::optional<T> Load(std::byte* unit0, const CpuTable& table) {
    return rseq::Load<T>(unit0, table);
  }
  template <typename T>
  static std::optional<T> Exchange(std::byte* unit0, const CpuTable& table, T value) {
    return rseq::Exchange<T>(unit0, table, value);
  }
  template <typename T>
  static std::optional<T> CompareExchange(std::byte* unit0, const CpuTable& table, T expected,
                                          T desired) {
    return rseq::CompareExchange<T>(unit0, table, expected, desired);
  }
};
struct LockedOps {
  static bool Runs() { return true; }
  template <typename T>
  static bool Add(std::byte* unit0, const CpuTable& table, T delta) {
    return atomic::Add<T>(unit0, table, delta);
  }
  template <typename T>
  static bool Store(std::byte* unit0, const CpuTable& table, T value) {
    return atomic::Store<T>(unit0, table, value);
  }
  template <typename T>
  static std::optional<T> Load(std::byte* unit0, const CpuTable& table) {
    return atomic::Load<T>(unit0, table);
  }
  template <typename T>
  static std::optional<T> Exchange(std::byte* unit0, const CpuTable& table, T value) {
    return atomic::Exchange<T>(unit0, table, value);
  }
  template <typename T>
  static std::optional<T> CompareExchange(std::byte* unit0, const CpuTable& table, T expected,
                                          T desired) {
    return atomic::CompareExchange<T>(unit0, table, expected, desired);
  }
};

template <typename OpsT, typename ValueT>
struct Case {
  using Ops = OpsT;
  using Number = ValueT;
};

template <typename CaseT>
class ThisCpuTest : public ::testing::Test {
 protected:
  using Kind = typename CaseT::Ops;
  using Number = typename CaseT::Number;

  void SetUp() override {
    if (!Kind::Runs()) GTEST_SKIP() << "no restartable sequences here";
  }

  StayHere here_;
  Slots<Number> slots_;
};

using Cases = ::testing::Types<Case<Sequences, std::uint64_t>, Case<Sequences, std::int64_t>,
                               Case<Sequences, std::uint32_t>, Case<Sequences, std::int32_t>,
                               Case<Sequences, double>, Case<LockedOps, std::uint64_t>,
                               Case<LockedOps, std::int32_t>, Case<LockedOps, double>>;
TYPED_TEST_SUITE(ThisCpuTest, Cases);

TYPED_TEST(ThisCpuTest, AddsToTheOwnCpusSlotOnly) {
  using T = typename TestFixture::Number;
  for (int i = 0; i < 1000; ++i) {
    ASSERT_TRUE(TestFixture::Kind::template Add<T>(this->slots_.unit0(), this->slots_.table(), 3));
  }
  EXPECT_EQ(this->slots_.at(this->here_.cpu()), T{3000});
  EXPECT_EQ(this->slots_.Sum(), T{3000});
}

template <typename CaseT>
class ThisCpuIntegerTest : public ThisCpuTest<CaseT> {};
using IntegerCases =
    ::testing::Types<Case<Sequences, std::uint64_t>, Case<Sequences, std::int32_t>,
                     Case<LockedOps, std::uint64_t>, Case<LockedOps, std::int32_t>>;
TYPED_TEST_SUITE(ThisCpuIntegerTest, IntegerCases);

TYPED_TEST(ThisCpuIntegerTest, WrapsAroundWithoutTouchingItsNeighbour) {
  using T = typename TestFixture::Number;
  T& slot = this->slots_.at(this->here_.cpu());
  slot = std::numeric_limits<T>::max();
  (&slot)[1] = 77;
  ASSERT_TRUE(TestFixture::Kind::template Add<T>(this->slots_.unit0(), this->slots_.table(), 1));
  EXPECT_EQ(slot, std::numeric_limits<T>::min());
  EXPECT_EQ((&slot)[1], T{77});
  ASSERT_TRUE(TestFixture::Kind::template Add<T>(this->slots_.unit0(), this->slots_.table(),
                                                 static_cast<T>(-1)));
  EXPECT_EQ(slot, std::numeric_limits<T>::max());
  EXPECT_EQ((&slot)[1], T{77});
}

TYPED_TEST(ThisCpuTest, StoresAndLoadsItsWidth) {
  using T = typename TestFixture::Number;
  T& slot = this->slots_.at(this->here_.cpu());
  (&slot)[1] = 77;
  const T value = static_cast<T>(-5);
  ASSERT_TRUE(
      TestFixture::Kind::template Store<T>(this->slots_.unit0(), this->slots_.table(), value));
  EXPECT_EQ(slot, value);
  EXPECT_EQ((&slot)[1], T{77});
  EXPECT_THAT(TestFixture::Kind::template Load<T>(this->slots_.unit0(), this->slots_.table()),
              Optional(value));
}

TYPED_TEST(ThisCpuTest, ExchangeTellsWhatWasThere) {
  using T = typename TestFixture::Number;
  T& slot = this->slots_.at(this->here_.cpu());
  slot = 11;
  (&slot)[1] = 77;
  EXPECT_THAT(
      TestFixture::Kind::template Exchange<T>(this->slots_.unit0(), this->slots_.table(), 12),
      Optional(T{11}));
  EXPECT_EQ(slot, T{12});
  EXPECT_EQ((&slot)[1], T{77});
}

TYPED_TEST(ThisCpuTest, CompareExchangeStoresOnAMatchOnly) {
  using T = typename TestFixture::Number;
  using Ops = typename TestFixture::Kind;
  T& slot = this->slots_.at(this->here_.cpu());
  slot = 11;
  (&slot)[1] = 77;
  EXPECT_THAT(Ops::template CompareExchange<T>(this->slots_.unit0(), this->slots_.table(), 10, 12),
              Optional(T{11}));
  EXPECT_EQ(slot, T{11});
  EXPECT_THAT(Ops::template CompareExchange<T>(this->slots_.unit0(), this->slots_.table(), 11, 12),
              Optional(T{11}));
  EXPECT_EQ(slot, T{12});
  EXPECT_EQ((&slot)[1], T{77});
}

TYPED_TEST(ThisCpuTest, ACpuWithoutAUnitIsRefused) {
  using T = typename TestFixture::Number;
  using Ops = typename TestFixture::Kind;
  const CpuEntries fewer = this->slots_.First(this->here_.cpu());
  const CpuTable below{.entry = fewer.cpu0()};
  std::byte* const unit0 = this->slots_.unit0();
  EXPECT_FALSE(Ops::template Add<T>(unit0, below, 1));
  EXPECT_FALSE(Ops::template Store<T>(unit0, below, 1));
  EXPECT_FALSE(Ops::template Load<T>(unit0, below).has_value());
  EXPECT_FALSE(Ops::template Exchange<T>(unit0, below, 1).has_value());
  EXPECT_FALSE(Ops::template CompareExchange<T>(unit0, below, 0, 1).has_value());
  EXPECT_EQ(this->slots_.Sum(), T{0});
  // The last CPU of a table is in it.
  const CpuEntries enough = this->slots_.First(this->here_.cpu() + 1);
  EXPECT_TRUE(Ops::template Add<T>(unit0, CpuTable{.entry = enough.cpu0()}, 1));
}

TYPED_TEST(ThisCpuTest, ThreadsLoseNothing) {
  using T = typename TestFixture::Number;
  constexpr int kThreads = 4;
  constexpr int kAdds = 300'000;
  std::atomic<int> refused = 0;
  const auto work = [&] {
    for (int i = 0; i < kAdds; ++i) {
      const bool added =
          TestFixture::Kind::template Add<T>(this->slots_.unit0(), this->slots_.table(), 1);
      if (!added) ++refused;
    }
  };
  std::vector<std::thread> threads;
  threads.reserve(kThreads);
  for (int i = 0; i < kThreads; ++i) threads.emplace_back(work);
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(refused, 0);
  EXPECT_EQ(this->slots_.Sum(), T{kThreads * kAdds});
}

class SequenceTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!RseqWorks()) GTEST_SKIP() << "no restartable sequences here";
  }
};

// A page that a child process shares.
class SharedCounter {
 public:
  SharedCounter()
      : page_(static_cast<std::byte*>(
            mmap(nullptr, kBytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0))) {}
  ~SharedCounter() { munmap(page_, kBytes); }
  SharedCounter(const SharedCounter&) = delete;
  SharedCounter& operator=(const SharedCounter&) = delete;

  [[nodiscard]] bool Add() const { return rseq::Add<std::uint64_t>(page_, table(), 1); }
  // All CPUs share one slot: REQUIRES that its users stay on one CPU.
  [[nodiscard]] std::uint64_t value() const { return *reinterpret_cast<std::uint64_t*>(page_); }

 private:
  [[nodiscard]] CpuTable table() const { return {.entry = entries_.cpu0()}; }
  static constexpr std::size_t kBytes = 4096;
  std::byte* page_;
  const CpuEntries entries_{std::vector<std::uint64_t>(testing::kManyCpus)};
};

TEST_F(SequenceTest, AForkedChildGoesOnCounting) {
  constexpr int kAdds = 2'000'000;
  const StayHere here;
  const SharedCounter counter;
  const auto work = [&] {
    int added = 0;
    for (int i = 0; i < kAdds; ++i) added += counter.Add() ? 1 : 0;
    return added;
  };
  ASSERT_TRUE(counter.Add());
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) _exit(work() == kAdds ? 0 : 1);
  EXPECT_EQ(work(), kAdds);
  int status = -1;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  EXPECT_EQ(counter.value(), 2U * kAdds + 1);
}

// What the handler below adds to.
struct {
  std::byte* unit0 = nullptr;
  CpuTable table;
  std::atomic<std::uint64_t> added = 0;
} g_handler;

void AddInHandler(int /*signal*/) {
  if (Add<std::uint64_t>(g_handler.unit0, g_handler.table, 1)) ++g_handler.added;
}

TEST_F(SequenceTest, SignalHandlersMayAddInTheMiddleOfAnAdd) {
  constexpr std::uint64_t kSignals = 200;
  Slots<std::uint64_t> slots;
  g_handler.unit0 = slots.unit0();
  g_handler.table = slots.table();
  g_handler.added = 0;
  struct sigaction action {};
  action.sa_handler = &AddInHandler;
  struct sigaction before {};
  ASSERT_EQ(sigaction(SIGALRM, &action, &before), 0);
  const itimerval often{.it_interval = {.tv_sec = 0, .tv_usec = 100},
                        .it_value = {.tv_sec = 0, .tv_usec = 100}};
  ASSERT_EQ(setitimer(ITIMER_REAL, &often, nullptr), 0);
  // Nearly always between its load and its store when the signal comes.
  std::uint64_t added = 0;
  while (g_handler.added < kSignals) {
    const bool done = internal::Commit([&](internal::AreaOffset area) {
      return internal::TrySlowIncrement(area, slots.table(), slots.unit0(), 4096,
                                        internal::Arming::kArmed);
    });
    if (!done) break;
    ++added;
  }
  const itimerval never{};
  ASSERT_EQ(setitimer(ITIMER_REAL, &never, nullptr), 0);
  ASSERT_EQ(sigaction(SIGALRM, &before, nullptr), 0);
  EXPECT_GE(g_handler.added, kSignals);
  EXPECT_EQ(slots.Sum(), added + g_handler.added);
}

TEST_F(SequenceTest, AttemptsAreBounded) {
  int attempts = 0;
  EXPECT_FALSE(internal::Commit([&](internal::AreaOffset) {
    ++attempts;
    return internal::Attempt::kAborted;
  }));
  EXPECT_EQ(attempts, kMaxAttempts);
  EXPECT_TRUE(internal::Commit([&](internal::AreaOffset) {
    return --attempts > 0 ? internal::Attempt::kAborted : internal::Attempt::kCommitted;
  }));
}

// Each step interrupts the thread, so no sequence ever ends: without the bound
// the child would be stepped for ever.
TEST_F(SequenceTest, ASingleSteppedThreadGivesUpAndStoresNothing) {
#if defined(PERCPUD_ASAN) || defined(PERCPUD_TSAN)
  constexpr int kStepsPerAttempt = 4000;
#else
  constexpr int kStepsPerAttempt = 200;
#endif
  constexpr int kMostSteps = kStepsPerAttempt * kMaxAttempts;
  const StayHere here;
  const SharedCounter counter;
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    ptrace(PTRACE_TRACEME, 0, nullptr, nullptr);
    raise(SIGSTOP);
    const bool added = counter.Add();
    _exit(added ? 1 : 0);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  int steps = 0;
  while (WIFSTOPPED(status) && steps < kMostSteps) {
    ++steps;
    ASSERT_EQ(ptrace(PTRACE_SINGLESTEP, child, nullptr, nullptr), 0);
    ASSERT_EQ(waitpid(child, &status, 0), child);
  }
  EXPECT_GT(steps, kMaxAttempts);
  EXPECT_EQ(status, 0) << "after " << steps << " steps";
  EXPECT_EQ(counter.value(), 0U);
  if (WIFSTOPPED(status)) {
    kill(child, SIGKILL);
    waitpid(child, &status, 0);
  }
}

}  // namespace
}  // namespace percpud::rseq

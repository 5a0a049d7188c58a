// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// percpud_counter_add where it is inlined: beside the call, interrupted by signals, on
// every CPU, and in a library that is unloaded.

#include <dlfcn.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/rseq.h>
#include <sched.h>
#include <signal.h>
#include <sys/time.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "client/c/percpud.h"
#include "tests/support/process.h"

namespace percpud {
namespace {

using percpud::testing::RunningDaemon;
using percpud::testing::StartDaemon;
using percpud::testing::TempDir;

constexpr int kPatienceMs = 30'000;

class InlineTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto started = StartDaemon(dir_, {});
    ASSERT_TRUE(started.ok()) << started.status();
    daemon_ = std::make_unique<RunningDaemon>(*std::move(started));
    client_.reset(percpud_open(daemon_->address.c_str()));
    counter_ = percpud_counter_open(client_.get(), "hits");
    ASSERT_EQ(percpud_wait(client_.get(), kPatienceMs), 1);
  }

  TempDir dir_;
  std::unique_ptr<RunningDaemon> daemon_;
  std::unique_ptr<percpud_client, decltype(&percpud_close)> client_{nullptr, &percpud_close};
  percpud_counter* counter_ = nullptr;
};

TEST_F(InlineTest, ACounterBeginsAsTheHeaderSays) {
  EXPECT_EQ(counter_->version, PERCPUD_COUNTER_VERSION);
  EXPECT_NE(counter_->unit0, nullptr);
  const int cpu = sched_getcpu();
  ASSERT_GE(cpu, 0);
  EXPECT_GE(counter_->entry[cpu], 0);
  // A thread that nobody registered finds no copy.
  EXPECT_LT(counter_->entry[-1], 0);
  EXPECT_LT(counter_->entry[-2], 0);
}

TEST_F(InlineTest, TheCallAndTheInlinedAdditionAreOneCounter) {
  // The function's address is the library's, as a foreign-function interface takes it.
  void (*volatile call)(percpud_counter*, std::uint64_t) = &percpud_counter_add;
  for (int i = 0; i < 1000; ++i) {
    percpud_counter_add(counter_, 1);
    call(counter_, 1000);
  }
  EXPECT_EQ(percpud_counter_sum(counter_), 1'001'000U);
}

// It moves from CPU to CPU meanwhile.
TEST_F(InlineTest, CountsOnEveryCpu) {
  constexpr std::uint64_t kEach = 100'000;
  const unsigned cpus = std::thread::hardware_concurrency();
  std::vector<std::thread> threads;
  for (unsigned first = 0; first < 2; ++first) {
    threads.emplace_back([&, first] {
      for (unsigned cpu = first; cpu < first + cpus; ++cpu) {
        cpu_set_t one;
        CPU_ZERO(&one);
        CPU_SET(cpu % cpus, &one);
        sched_setaffinity(0, sizeof(one), &one);
        for (std::uint64_t i = 0; i < kEach; ++i) percpud_counter_add(counter_, 1);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(percpud_counter_sum(counter_), 2 * kEach * cpus);
}

percpud_counter* g_counted_in_handler = nullptr;
volatile sig_atomic_t g_signals = 0;

// Signals that interrupt sequences, and count too.
TEST_F(InlineTest, NothingIsLostToSignals) {
  constexpr int kSignals = 300;
  g_counted_in_handler = counter_;
  g_signals = 0;
  struct sigaction action {};
  action.sa_handler = [](int) {
    percpud_counter_add(g_counted_in_handler, 1);
    g_signals = g_signals + 1;
  };
  struct sigaction before {};
  ASSERT_EQ(sigaction(SIGALRM, &action, &before), 0);
  const itimerval often{.it_interval = {.tv_sec = 0, .tv_usec = 100},
                        .it_value = {.tv_sec = 0, .tv_usec = 100}};
  ASSERT_EQ(setitimer(ITIMER_REAL, &often, nullptr), 0);
  std::uint64_t own = 0;
  for (; g_signals < kSignals; ++own) percpud_counter_add(counter_, 1);
  const itimerval never{};
  setitimer(ITIMER_REAL, &never, nullptr);
  sigaction(SIGALRM, &before, nullptr);
  EXPECT_EQ(percpud_counter_sum(counter_), own + static_cast<std::uint64_t>(g_signals));
}

// Whether the description that the kernel would read next lies in that library.
bool SequenceIsOf(const percpud_counter& counter, const std::string& library) {
  const auto* const area = static_cast<const char*>(__builtin_thread_pointer()) + counter.area;
  void* description = nullptr;
  std::memcpy(&description, area + offsetof(struct rseq, rseq_cs), sizeof(description));
  Dl_info found{};
  return description != nullptr && dladdr(description, &found) != 0 &&
         std::string(found.dli_fname) == library;
}

// The kernel reads the description of the last sequence when the thread is next
// preempted: by then the library is gone.
TEST_F(InlineTest, ALibraryThatCountsMayBeUnloaded) {
  const std::string plugin =
      std::filesystem::read_symlink("/proc/self/exe").parent_path() / "c_counter_plugin.so";
  ASSERT_NE(signal(SIGUSR1, [](int) {}), SIG_ERR);
  for (int round = 0; round < 20; ++round) {
    void* const library = dlopen(plugin.c_str(), RTLD_NOW | RTLD_LOCAL);
    ASSERT_NE(library, nullptr) << dlerror();
    auto* const count = reinterpret_cast<void (*)(percpud_counter*, int)>(dlsym(library, "Count"));
    ASSERT_NE(count, nullptr);
    count(counter_, 1000);
    EXPECT_FALSE(SequenceIsOf(*counter_, plugin)) << "round " << round;
    ASSERT_EQ(dlclose(library), 0);
    // The kernel looks before it delivers a signal, too.
    ASSERT_EQ(raise(SIGUSR1), 0);
    ASSERT_EQ(dlopen(plugin.c_str(), RTLD_NOW | RTLD_NOLOAD), nullptr) << "it is still there";
  }
  EXPECT_EQ(percpud_counter_sum(counter_), 20'000U);
}

TEST_F(InlineTest, ACounterThatIsNotOpenShowsNoCopies) {
  percpud_counter* const refused = percpud_counter_open(client_.get(), "no\nname");
  EXPECT_EQ(refused->unit0, nullptr);
  EXPECT_LT(refused->entry[0], 0);
  percpud_counter_add(refused, 3);
  EXPECT_EQ(percpud_counter_sum(refused), 3U);
}

// With another arena the copies are elsewhere: a program that has loaded half of what
// there was must not join it to the other half.
TEST_F(InlineTest, AfterAColdStartAdditionsAreCalls) {
  const char* const before = counter_->unit0;
  daemon_->process.Kill(SIGKILL);
  ASSERT_TRUE(daemon_->process.Wait(absl::Seconds(30)).ok());
  auto started = StartDaemon(dir_, {});
  ASSERT_TRUE(started.ok()) << started.status();
  daemon_ = std::make_unique<RunningDaemon>(*std::move(started));
  ASSERT_EQ(percpud_wait(client_.get(), kPatienceMs), 1);
  EXPECT_EQ(counter_->unit0, before);
  EXPECT_LT(counter_->entry[0], 0);
  for (int i = 0; i < 1000; ++i) percpud_counter_add(counter_, 1);
  EXPECT_EQ(percpud_counter_sum(counter_), 1000U);
  EXPECT_EQ(percpud_poll(client_.get()), 1) << "all of it is in the arena";
}

}  // namespace
}  // namespace percpud

// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// percpud_counter_add and its siblings where they are inlined: beside the call, interrupted by
// signals, on every CPU, and in a library that is unloaded.

#include <dlfcn.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/rseq.h>
#include <sched.h>
#include <signal.h>
#include <sys/time.h>

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <iterator>
#include <limits>
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
    percpud_family_options options{};
    options.size = sizeof(options);
    options.name = "bytes";
    options.type = PERCPUD_COUNTER;
    bytes_ = Open(options);
    options.name = "seconds";
    options.type = PERCPUD_HISTOGRAM;
    options.bounds = kBounds;
    options.bound_count = std::size(kBounds);
    seconds_ = Open(options);
    options.name = "sizes";
    options.type = PERCPUD_SUMMARY;
    sizes_ = Open(options);
    ASSERT_EQ(percpud_wait(client_.get(), kPatienceMs), 1);
  }
  percpud_series* Open(const percpud_family_options& options) {
    return percpud_series_open(percpud_family_open(client_.get(), &options), nullptr);
  }

  static constexpr double kBounds[] = {-1, 0, 0.5, 1, 2};
  TempDir dir_;
  std::unique_ptr<RunningDaemon> daemon_;
  std::unique_ptr<percpud_client, decltype(&percpud_close)> client_{nullptr, &percpud_close};
  percpud_counter* counter_ = nullptr;
  percpud_series* bytes_ = nullptr;
  percpud_series* seconds_ = nullptr;
  percpud_series* sizes_ = nullptr;
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

TEST_F(InlineTest, DoublesAndObservationsAreThoseOfTheCall) {
  percpud_number* const bytes = percpud_series_number(bytes_);
  percpud_histogram* const seconds = percpud_series_histogram(seconds_);
  percpud_histogram* const sizes = percpud_series_histogram(sizes_);
  EXPECT_GE(bytes->cells.entry[sched_getcpu()], 0) << "it is open, and inlined";
  EXPECT_EQ(seconds->bound_count, std::size(kBounds));
  EXPECT_TRUE(std::equal(std::begin(kBounds), std::end(kBounds), seconds->bounds));
  EXPECT_EQ(sizes->bound_count, 0U);
  constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
  constexpr double kInfinite = std::numeric_limits<double>::infinity();
  for (const double amount : {0.5, -1.0, kNan, 2.0}) {
    percpud_number_add(bytes, amount);
    percpud_add(bytes_, amount);
  }
  EXPECT_EQ(percpud_read_series(bytes_).sum, 5);
  for (const double value : {-3.0, -1.0, -0.0, 0.25, 0.5, 0.75, 1.5, 2.0, 7.0, kNan}) {
    percpud_histogram_observe(seconds, value);
    percpud_observe(seconds_, value);
    percpud_histogram_observe(sizes, value);
  }
  EXPECT_EQ(percpud_read_series(seconds_).count, 18U);
  EXPECT_EQ(percpud_read_series(seconds_).sum, 16);
  EXPECT_EQ(percpud_read_series(sizes_).count, 9U);
  EXPECT_EQ(percpud_read_series(sizes_).sum, 8);
  percpud_collection* const all = percpud_collect_begin(client_.get(), "seconds", kPatienceMs);
  const percpud_series_view& view = percpud_collection_family(all, 0)->series[0];
  EXPECT_THAT(std::vector<std::uint64_t>(view.buckets, view.buckets + view.bucket_count),
              ::testing::ElementsAre(4, 6, 10, 12, 16, 18));
  percpud_collection_end(all);
  percpud_histogram_observe(sizes, kInfinite);
  EXPECT_EQ(percpud_read_series(sizes_).sum, kInfinite);
  percpud_number_add(nullptr, 1);
  percpud_histogram_observe(nullptr, 1);
  EXPECT_EQ(percpud_series_number(seconds_), nullptr);
  EXPECT_EQ(percpud_series_histogram(bytes_), nullptr);
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
        for (std::uint64_t i = 0; i < kEach; ++i) {
          percpud_counter_add(counter_, 1);
          percpud_number_add(percpud_series_number(bytes_), 1);
          percpud_histogram_observe(percpud_series_histogram(seconds_), 1);
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(percpud_counter_sum(counter_), 2 * kEach * cpus);
  EXPECT_EQ(percpud_read_series(bytes_).sum, 2.0 * kEach * cpus);
  EXPECT_EQ(percpud_read_series(seconds_).count, 2 * kEach * cpus);
  EXPECT_EQ(percpud_read_series(seconds_).sum, 2.0 * kEach * cpus);
}

percpud_counter* g_counted_in_handler = nullptr;
percpud_number* g_added_in_handler = nullptr;
percpud_histogram* g_observed_in_handler = nullptr;
// Handlers of two threads may meet.
std::atomic<int> g_signals = 0;

// Signals that interrupt sequences, and count too.
TEST_F(InlineTest, NothingIsLostToSignals) {
  constexpr int kSignals = 300;
  g_counted_in_handler = counter_;
  g_added_in_handler = percpud_series_number(bytes_);
  g_observed_in_handler = percpud_series_histogram(seconds_);
  g_signals = 0;
  struct sigaction action {};
  action.sa_handler = [](int) {
    percpud_counter_add(g_counted_in_handler, 1);
    percpud_number_add(g_added_in_handler, 1);
    percpud_histogram_observe(g_observed_in_handler, 1);
    ++g_signals;
  };
  struct sigaction before {};
  ASSERT_EQ(sigaction(SIGALRM, &action, &before), 0);
  const itimerval often{.it_interval = {.tv_sec = 0, .tv_usec = 100},
                        .it_value = {.tv_sec = 0, .tv_usec = 100}};
  ASSERT_EQ(setitimer(ITIMER_REAL, &often, nullptr), 0);
  std::uint64_t own = 0;
  for (; g_signals < kSignals; ++own) {
    percpud_counter_add(counter_, 1);
    percpud_number_add(g_added_in_handler, 1);
    percpud_histogram_observe(g_observed_in_handler, 1);
  }
  const itimerval never{};
  setitimer(ITIMER_REAL, &never, nullptr);
  sigaction(SIGALRM, &before, nullptr);
  const std::uint64_t all = own + static_cast<std::uint64_t>(g_signals.load());
  EXPECT_EQ(percpud_counter_sum(counter_), all);
  EXPECT_EQ(percpud_read_series(bytes_).sum, static_cast<double>(all));
  EXPECT_EQ(percpud_read_series(seconds_).count, all);
  EXPECT_EQ(percpud_read_series(seconds_).sum, static_cast<double>(all));
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

// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/rseq/self_test.h"

#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <time.h>

#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

namespace percpud::rseq {
namespace {

using internal::Arming;

// About a microsecond between load and store.
constexpr std::uint64_t kSpins = 4096;
// Interruptions wanted, and the patience for them: a busy CPU may owe us some.
constexpr int kWakes = 48;
constexpr std::int64_t kPatienceNs = 20'000'000;
constexpr int kFewestWakes = 4;
constexpr std::int64_t kNapNs = 20'000;
// The caller waits no longer than this for both threads, whatever holds them up; and as
// long again if they have hardly run: the process was stopped, or others had the CPU.
constexpr std::int64_t kLongestNs = 900'000'000;
constexpr std::int64_t kHardlyNs = 200'000'000;
constexpr std::int64_t kSecondNs = 1'000'000'000;

std::int64_t NowNs(clockid_t clock = CLOCK_MONOTONIC) {
  timespec now{};
  clock_gettime(clock, &now);
  return std::int64_t{now.tv_sec} * kSecondNs + now.tv_nsec;
}

// Two threads on one CPU. One is inside the slow section nearly all the time;
// the other naps, and each time it wakes it interrupts the first and adds too.
// If the first is not sent back to its start, its store undoes that.
//
// Ownership: shared with its threads, which may outlive a caller that has waited
// long enough.
class Duel {
 public:
  Duel(Arming arming, std::uint32_t cpu)
      : arming_(arming),
        entries_(std::vector<std::uint64_t>(std::size_t{cpu} + 1)),
        table_{.entry = entries_.cpu0()} {
    sem_init(&ended_, /*pshared=*/0, 0);
  }
  ~Duel() { sem_destroy(&ended_); }
  Duel(const Duel&) = delete;
  Duel& operator=(const Duel&) = delete;

  // Starts both threads, detached. Returns how many there are.
  static int Start(const std::shared_ptr<Duel>& duel, const pthread_attr_t& attributes) {
    if (!StartOne(duel, attributes, &Duel::AddSteadily)) return 0;
    return StartOne(duel, attributes, &Duel::AddAndNap) ? 2 : 1;
  }

  // Waits for that many threads. Returns true if there were two, both ended in
  // time, and nothing was lost.
  bool Wait(int threads) {
    if (threads < 2) stop_.store(true, std::memory_order_relaxed);
    const std::int64_t ran_before = NowNs(CLOCK_PROCESS_CPUTIME_ID);
    int left = WaitFor(threads);
    if (left > 0 && NowNs(CLOCK_PROCESS_CPUTIME_ID) - ran_before < kHardlyNs) left = WaitFor(left);
    if (left > 0) {
      stop_.store(true, std::memory_order_relaxed);
      return false;
    }
    return threads == 2 && !failed_.load() && slot_ == steady_adds_ + napping_adds_;
  }

 private:
  // Returns how many of that many threads did not end in time.
  int WaitFor(int threads) {
    const std::int64_t deadline = NowNs() + kLongestNs;
    const timespec until{.tv_sec = deadline / kSecondNs, .tv_nsec = deadline % kSecondNs};
    while (threads > 0) {
      if (sem_clockwait(&ended_, CLOCK_MONOTONIC, &until) == 0) {
        --threads;
      } else if (errno != EINTR) {
        break;
      }
    }
    return threads;
  }

  struct Task {
    std::shared_ptr<Duel> duel;
    void (Duel::*run)();
  };

  static bool StartOne(const std::shared_ptr<Duel>& duel, const pthread_attr_t& attributes,
                       void (Duel::*run)()) {
    auto task = std::make_unique<Task>(Task{duel, run});
    pthread_t thread{};
    if (pthread_create(&thread, &attributes, &RunTask, task.get()) != 0) return false;
    // The thread's from now on.
    static_cast<void>(task.release());
    return true;
  }
  static void* RunTask(void* task_of_thread) {
    const std::unique_ptr<Task> task(static_cast<Task*>(task_of_thread));
    Duel& duel = *task->duel;
    (duel.*task->run)();
    sem_post(&duel.ended_);
    return nullptr;
  }

  void AddSteadily() {
    while (!stop_.load(std::memory_order_relaxed)) Add(steady_adds_);
  }
  void AddAndNap() {
    const timespec nap{.tv_sec = 0, .tv_nsec = kNapNs};
    const std::int64_t end = NowNs() + kPatienceNs;
    for (int wake = 0; wake < kWakes && (wake < kFewestWakes || NowNs() < end); ++wake) {
      nanosleep(&nap, nullptr);
      Add(napping_adds_);
    }
    stop_.store(true, std::memory_order_relaxed);
  }

  void Add(std::uint64_t& adds) {
    const bool done = internal::Commit([&](internal::AreaOffset area) {
      return internal::TrySlowIncrement(area, table_, reinterpret_cast<std::byte*>(&slot_), kSpins,
                                        arming_);
    });
    if (done) {
      ++adds;
      return;
    }
    failed_.store(true);
    stop_.store(true, std::memory_order_relaxed);
  }

  // Constant after construction.
  const Arming arming_;
  const CpuEntries entries_;
  const CpuTable table_;
  // The sequences' own.
  std::uint64_t slot_ = 0;
  // Each is one thread's, and read after that thread has ended.
  std::uint64_t steady_adds_ = 0;
  std::uint64_t napping_adds_ = 0;
  std::atomic<bool> stop_ = false;
  std::atomic<bool> failed_ = false;
  // Posted once by each thread, last.
  sem_t ended_{};
};

// Threads start on `cpu` and stay there. Two that never sleep long and share a
// CPU by a real-time policy would not take turns, so they do not inherit one.
bool Prepare(pthread_attr_t& attributes, const cpu_set_t* set, std::size_t bytes) {
  if (pthread_attr_setaffinity_np(&attributes, bytes, set) != 0) return false;
  pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
  int policy = SCHED_OTHER;
  sched_param param{};
  pthread_getschedparam(pthread_self(), &policy, &param);
  if (policy != SCHED_FIFO && policy != SCHED_RR) return true;
  param.sched_priority = 0;
  return pthread_attr_setinheritsched(&attributes, PTHREAD_EXPLICIT_SCHED) == 0 &&
         pthread_attr_setschedpolicy(&attributes, SCHED_OTHER) == 0 &&
         pthread_attr_setschedparam(&attributes, &param) == 0;
}

// Runs a duel on `cpu`. False if the system refuses.
bool RunOn(std::uint32_t cpu, Arming arming) {
  cpu_set_t* const set = CPU_ALLOC(cpu + 1);
  if (set == nullptr) return false;
  const std::size_t bytes = CPU_ALLOC_SIZE(cpu + 1);
  CPU_ZERO_S(bytes, set);
  CPU_SET_S(cpu, bytes, set);
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  const auto duel = std::make_shared<Duel>(arming, cpu);
  int threads = 0;
  if (Prepare(attributes, set, bytes)) {
    // The program's handlers have no business in threads it knows nothing of. The
    // caller itself hears its signals again as soon as the threads are made.
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    threads = Duel::Start(duel, attributes);
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
  }
  pthread_attr_destroy(&attributes);
  CPU_FREE(set);
  return duel->Wait(threads);
}

}  // namespace

namespace internal {

bool SelfTest(Arming arming) {
  const std::uint32_t cpu = CurrentCpu();
  if (!GlibcRegistered() || cpu == kNoCpu) return false;
  return RunOn(cpu, arming);
}

}  // namespace internal

bool RseqWorks() {
  static const bool works = internal::SelfTest(internal::Arming::kArmed);
  return works;
}

CpuTable Usable(const CpuTable& table, UpdateMode mode) {
  if (mode == UpdateMode::kRseq && !RseqWorks()) return {};
  return table;
}

}  // namespace percpud::rseq

// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/rseq/self_test.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <time.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
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

// Two threads on one CPU. One is inside the slow section nearly all the time;
// the other naps, and each time it wakes it interrupts the first and adds too.
// If the first is not sent back to its start, its store undoes that.
class Duel {
 public:
  explicit Duel(Arming arming, std::uint32_t cpu)
      : arming_(arming),
        entries_(std::vector<std::uint64_t>(std::size_t{cpu} + 1)),
        table_{.entry = entries_.cpu0()} {}

  // True if nothing was lost.
  bool Run(const pthread_attr_t& attributes) {
    pthread_t steady{};
    pthread_t napping{};
    if (pthread_create(&steady, &attributes, &RunSteady, this) != 0) return false;
    const bool both = pthread_create(&napping, &attributes, &RunNapping, this) == 0;
    if (both) pthread_join(napping, nullptr);
    stop_.store(true, std::memory_order_relaxed);
    pthread_join(steady, nullptr);
    return both && !failed_.load() && slot_ == steady_adds_ + napping_adds_;
  }

 private:
  static void* RunSteady(void* self) {
    auto& duel = *static_cast<Duel*>(self);
    while (!duel.stop_.load(std::memory_order_relaxed)) duel.Add(duel.steady_adds_);
    return nullptr;
  }
  static void* RunNapping(void* self) {
    static_cast<Duel*>(self)->Nap();
    return nullptr;
  }

  static std::int64_t NowNs() {
    timespec now{};
    clock_gettime(CLOCK_MONOTONIC, &now);
    return std::int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
  }

  void Nap() {
    const timespec nap{.tv_sec = 0, .tv_nsec = kNapNs};
    const std::int64_t end = NowNs() + kPatienceNs;
    for (int wake = 0; wake < kWakes && (wake < kFewestWakes || NowNs() < end); ++wake) {
      nanosleep(&nap, nullptr);
      Add(napping_adds_);
    }
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
  // One thread's each, read after it has ended.
  std::uint64_t steady_adds_ = 0;
  std::uint64_t napping_adds_ = 0;
  std::atomic<bool> stop_ = false;
  std::atomic<bool> failed_ = false;
};

// Threads start on `cpu` and stay there. False if the system refuses.
bool RunOn(std::uint32_t cpu, Duel& duel) {
  cpu_set_t* const set = CPU_ALLOC(cpu + 1);
  if (set == nullptr) return false;
  const std::size_t bytes = CPU_ALLOC_SIZE(cpu + 1);
  CPU_ZERO_S(bytes, set);
  CPU_SET_S(cpu, bytes, set);
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  const bool pinned = pthread_attr_setaffinity_np(&attributes, bytes, set) == 0;
  // The program's handlers have no business in threads it knows nothing of.
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  const bool exact = pinned && duel.Run(attributes);
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  pthread_attr_destroy(&attributes);
  CPU_FREE(set);
  return exact;
}

}  // namespace

namespace internal {

bool SelfTest(Arming arming) {
  const std::uint32_t cpu = CurrentCpu();
  if (!GlibcRegistered() || cpu == kNoCpu) return false;
  Duel duel(arming, cpu);
  return RunOn(cpu, duel);
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

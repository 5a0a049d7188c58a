// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// Times an operation in one or two workers at once, threads or processes, each
// on a CPU of its own.

#ifndef PERCPUD_TESTS_BENCH_REPORT_WORKERS_H_
#define PERCPUD_TESTS_BENCH_REPORT_WORKERS_H_

#include <sched.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <new>
#include <thread>
#include <vector>

#include "tests/bench/report/comparison.h"

namespace percpud::bench {

enum class Workers { kOneThread, kTwoThreads, kTwoProcesses };

inline constexpr int kMostBatches = 64;

// One worker's record of one batch.
struct Stretch {
  std::int64_t begin_ns = 0;
  std::int64_t end_ns = 0;
  // Somebody else had the CPU for a while.
  bool interrupted = false;
};

// What the workers of one measurement share, across fork too.
struct Meeting {
  std::array<std::array<Stretch, kMostBatches>, 2> stretches{};
  std::atomic<int> arrived = 0;

  // Returns when all `workers` have arrived `turn` times.
  void Wait(int workers, int turn) {
    arrived.fetch_add(1);
    // Polite: the other may be waiting for this very CPU.
    for (int spins = 0; arrived.load() < workers * turn; ++spins) {
      if (spins % 4096 == 4095) sched_yield();
    }
  }
};

inline std::int64_t NowNs() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return std::int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

inline std::int64_t Interruptions() {
  rusage usage{};
  getrusage(RUSAGE_THREAD, &usage);
  return usage.ru_nivcsw;
}

// Puts the calling thread on the nth CPU it may use, modulo their number, and
// back when the object goes.
class OnCpu {
 public:
  explicit OnCpu(int nth) {
    sched_getaffinity(0, sizeof(before_), &before_);
    int skip = nth % CPU_COUNT(&before_);
    std::size_t cpu = 0;
    while (!CPU_ISSET(cpu, &before_) || skip-- > 0) ++cpu;
    cpu_set_t only;
    CPU_ZERO(&only);
    CPU_SET(cpu, &only);
    sched_setaffinity(0, sizeof(only), &only);
  }
  ~OnCpu() { sched_setaffinity(0, sizeof(before_), &before_); }
  OnCpu(const OnCpu&) = delete;
  OnCpu& operator=(const OnCpu&) = delete;

 private:
  cpu_set_t before_{};
};

// make_op(worker) gives what the worker calls in its loop.
template <typename MakeOp>
void RunWorker(Meeting& meeting, int workers, int worker, const Effort& effort, MakeOp make_op) {
  const OnCpu here(worker);
  auto op = make_op(worker);
  const int batches = std::min(effort.batches, kMostBatches);
  for (int batch = 0; batch < batches; ++batch) {
    meeting.Wait(workers, batch + 1);
    const std::int64_t before = Interruptions();
    Stretch& stretch =
        meeting.stretches[static_cast<std::size_t>(worker)][static_cast<std::size_t>(batch)];
    stretch.begin_ns = NowNs();
    for (int i = 0; i < effort.operations; ++i) op();
    stretch.end_ns = NowNs();
    stretch.interrupted = Interruptions() != before;
  }
}

// Nanoseconds per operation: the median of the batches in which nobody was
// interrupted and, of two workers, both worked for four fifths of the time;
// of all batches if there is no such one.
inline double Evaluate(const Meeting& meeting, int workers, const Effort& effort) {
  std::vector<double> good;
  std::vector<double> all;
  const auto batches = static_cast<std::size_t>(std::min(effort.batches, kMostBatches));
  for (std::size_t batch = 0; batch < batches; ++batch) {
    const Stretch& a = meeting.stretches[0][batch];
    const Stretch& b = workers == 2 ? meeting.stretches[1][batch] : a;
    const double lengths = static_cast<double>(a.end_ns - a.begin_ns + b.end_ns - b.begin_ns);
    const auto common =
        static_cast<double>(std::min(a.end_ns, b.end_ns) - std::max(a.begin_ns, b.begin_ns));
    all.push_back(lengths / 2 / effort.operations);
    if (!a.interrupted && !b.interrupted && common > 0.8 * lengths / 2) good.push_back(all.back());
  }
  return Median(good.empty() ? all : good);
}

// Measures the op of make_op(worker), which each worker makes for itself.
template <typename MakeOp>
double MeasureWorkers(Workers kind, const Effort& effort, MakeOp make_op) {
  void* const page =
      mmap(nullptr, sizeof(Meeting), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (page == MAP_FAILED) std::abort();
  auto& meeting = *new (page) Meeting;
  const int workers = kind == Workers::kOneThread ? 1 : 2;
  if (kind == Workers::kTwoProcesses) {
    const pid_t child = fork();
    if (child < 0) std::abort();
    if (child == 0) {
      RunWorker(meeting, workers, 1, effort, make_op);
      _exit(0);
    }
    RunWorker(meeting, workers, 0, effort, make_op);
    waitpid(child, nullptr, 0);
  } else {
    std::thread second;
    if (workers == 2) {
      second = std::thread([&] { RunWorker(meeting, workers, 1, effort, make_op); });
    }
    RunWorker(meeting, workers, 0, effort, make_op);
    if (second.joinable()) second.join();
  }
  const double ns = Evaluate(meeting, workers, effort);
  munmap(page, sizeof(Meeting));
  return ns;
}

}  // namespace percpud::bench

#endif  // PERCPUD_TESTS_BENCH_REPORT_WORKERS_H_

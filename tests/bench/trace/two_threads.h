// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// Two threads that replay a trace each, beside one that has the machine to
// itself: they must not slow each other.

#ifndef PERCPUD_TESTS_BENCH_TRACE_TWO_THREADS_H_
#define PERCPUD_TESTS_BENCH_TRACE_TWO_THREADS_H_

#include <array>
#include <cstddef>
#include <thread>
#include <vector>

#include "tests/bench/report/workers.h"
#include "tests/bench/trace/trace_replay.h"

namespace percpud::bench {

// Nanoseconds per operation of one thread: by the clock on the wall, and of its
// processor. The first suffers from anything else on the machine, the second
// does not show a thread that sleeps while it waits for a lock.
struct ThreadTiming {
  double wall_ns_per_op = 0;
  double cpu_ns_per_op = 0;
};

// Mean over the threads, which start together; replay(op, thread) does one operation of a
// trace, with the pointers of that thread.
template <typename Pointer, typename Replay>
ThreadTiming TimeThreads(const std::vector<const Trace*>& traces,
                         const std::vector<std::vector<Pointer>>& pointers, Replay replay) {
  std::vector<ThreadTiming> timings(traces.size());
  Meeting meeting;
  std::vector<std::thread> threads;
  for (std::size_t thread = 0; thread < traces.size(); ++thread) {
    threads.emplace_back([&, thread] {
      const OnCpu here(static_cast<int>(thread));
      meeting.Wait(static_cast<int>(traces.size()), 1);
      const double wall = Nanoseconds(CLOCK_MONOTONIC);
      const double cpu = Nanoseconds(CLOCK_THREAD_CPUTIME_ID);
      ForEachOp(*traces[thread], pointers[thread],
                [&](const percpu::TraceOp& op) { replay(op, thread); });
      const auto count = static_cast<double>(traces[thread]->size());
      timings[thread] = {(Nanoseconds(CLOCK_MONOTONIC) - wall) / count,
                         (Nanoseconds(CLOCK_THREAD_CPUTIME_ID) - cpu) / count};
    });
  }
  for (std::thread& thread : threads) thread.join();
  ThreadTiming mean;
  for (const ThreadTiming& one : timings) {
    mean.wall_ns_per_op += one.wall_ns_per_op / static_cast<double>(timings.size());
    mean.cpu_ns_per_op += one.cpu_ns_per_op / static_cast<double>(timings.size());
  }
  return mean;
}

}  // namespace percpud::bench

#endif  // PERCPUD_TESTS_BENCH_TRACE_TWO_THREADS_H_

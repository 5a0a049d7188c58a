// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// An allocation trace through the allocator in this process: how full it keeps
// its chunks, and how long it takes.

#ifndef PERCPUD_TESTS_BENCH_TRACE_TRACE_REPLAY_H_
#define PERCPUD_TESTS_BENCH_TRACE_TRACE_REPLAY_H_

#include <time.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/base/attributes.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "client/cli/trace.h"
#include "server/percpu/allocator/allocator.h"

namespace percpud::bench {

using Trace = std::vector<percpu::TraceOp>;

// What the allocator under test is, and what is done with it.
struct ReplayOptions {
  std::uint32_t cpus = 16;
  std::uint64_t unit_size = 64 << 10;
  std::uint64_t static_size = 4096;
  std::uint64_t arena_size = std::uint64_t{16} << 30;
  // Touch no memory: the metadata work alone.
  bool no_zero = false;
  std::uint32_t empty_pages_low = kEmptyPagesLow;
  std::uint32_t empty_pages_high = kEmptyPagesHigh;
  std::string backend = "km";
  BackendOptions backend_options;
};

// CLOCK_PROCESS_CPUTIME_ID, CLOCK_THREAD_CPUTIME_ID or CLOCK_MONOTONIC.
inline double Nanoseconds(clockid_t clock) {
  timespec now{};
  clock_gettime(clock, &now);
  return static_cast<double>(now.tv_sec) * 1e9 + static_cast<double>(now.tv_nsec);
}

class TimedPageSource;

// A fresh allocator, with the balancer run inline whenever it is due, so that
// every pass takes the same course. Run may be called by several threads.
class Pass {
 public:
  static absl::StatusOr<std::unique_ptr<Pass>> Make(const ReplayOptions& options);
  ~Pass();

  // One operation; `pointers` is the table of the trace it belongs to. Where it fails,
  // `status` says why.
  ABSL_ATTRIBUTE_ALWAYS_INLINE void Run(const percpu::TraceOp& op, std::vector<PercpuPtr>& pointers,
                                        absl::Status& status) {
    if (op.alloc) {
      const auto pointer = allocator_->Alloc({Bytes(op.size), Bytes(op.alignment)});
      if (!pointer.ok()) [[unlikely]] {
        status = pointer.status();
        return;
      }
      pointers[op.id] = *pointer;
    } else {
      const auto freed = allocator_->Free(std::exchange(pointers[op.id], PercpuPtr()));
      if (!freed.ok()) [[unlikely]]
        status = freed.status();
    }
    if (balance_due_.load(std::memory_order_relaxed)) [[unlikely]]
      Balance();
  }
  // Frees what a trace has left behind.
  absl::Status Drain(std::vector<PercpuPtr>& pointers);

  [[nodiscard]] const Allocator& allocator() const { return *allocator_; }
  // Time the system has spent on backing memory so far, of one thread.
  [[nodiscard]] double backing_nanoseconds() const;
  // The balancer's time, without the system's.
  [[nodiscard]] double balancer_nanoseconds() const { return balancer_nanoseconds_; }

 private:
  Pass();
  void Balance();

  std::unique_ptr<TimedPageSource> pages_;
  std::unique_ptr<Allocator> allocator_;
  std::atomic<bool> balance_due_ = false;
  std::atomic<double> balancer_nanoseconds_ = 0;
};

// Calls each(op) for all operations. What a free is about is in the cache when its turn
// comes, as a pointer that was just received is: the misses of a table as large as the
// trace are nobody's work, and hide behind short operations better than behind long ones.
template <typename Pointer, typename Each>
void ForEachOp(const Trace& trace, const std::vector<Pointer>& pointers, Each each) {
  constexpr std::size_t kAhead = 16;
  for (std::size_t at = 0; at < trace.size(); ++at) {
    if (at + kAhead < trace.size()) __builtin_prefetch(&pointers[trace[at + kAhead].id]);
    each(trace[at]);
  }
}

struct Fullness {
  double mean_utilisation = 0;
  double final_utilisation = 0;
  // The share of what the chunks take: the blocks they are cut from with km, the pages that
  // are backed with vm.
  double mean_physical = 0;
  double final_physical = 0;
  // The share of the backed pages that have an area in them.
  double final_pages_in_use = 0;
  std::uint64_t chunks_peak = 0;
  std::uint64_t chunks_created = 0;
  std::uint64_t chunks_created_ahead = 0;
  std::uint64_t growths_while_room = 0;
};

// Measures after every operation, and checks each growth against a naive walk
// over all free gaps. Writes 'ID POINTER' lines to the file `placements`, if
// that is not empty.
absl::StatusOr<Fullness> MeasureFullness(const ReplayOptions& options, const Trace& trace,
                                         const std::string& placements);

struct Timing {
  // Processor time, without the time the system took to back memory, which is
  // beside it.
  double ns_per_op = 0;
  // The balancer's part of that. In the daemon it is a thread of its own.
  double balancer_ns_per_op = 0;
  double backing_ns_per_op = 0;
};

// Passes that do nothing but allocate and free: the first by an allocator that has just
// been made, and `warm_passes` by the same one, drained in between.
absl::StatusOr<std::vector<Timing>> TimeReplay(const ReplayOptions& options, const Trace& trace,
                                               int warm_passes);

// What memory alone takes, ns per operation of the trace: memset of every area it
// allocates, in every unit, where the allocator would place it, over memory that is
// backed. A trace that clears very much is sampled.
absl::StatusOr<double> TimeClearing(const ReplayOptions& options, const Trace& trace);

}  // namespace percpud::bench

#endif  // PERCPUD_TESTS_BENCH_TRACE_TRACE_REPLAY_H_

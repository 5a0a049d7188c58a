// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// What it costs to count: the SDK's Ref on shared memory beside what programs
// use otherwise. The peers are written as tightly as ours.

#include <sched.h>
#include <sys/mman.h>

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <string>
#include <utility>
#include <vector>

#include "client/c/percpud.h"
#include "percpu/count_sum_ref.h"
#include "percpu/ref.h"
#include "server/rseq/self_test.h"
#include "tests/bench/report/comparison.h"
#include "tests/bench/report/workers.h"
#include "tests/bench/this_cpu/plain_sequences.h"
#include "tests/support/command_line.h"

#ifdef PERCPUD_COUNTER_ADD_IS_INLINE
// The C library's calls, for updates that were interrupted: only what is inlined is
// measured, and the library is not linked.
extern "C" void percpud_counter_add_call(percpud_counter* counter, std::uint64_t n) {
  while (!percpud_inline_add(counter, n)) continue;
}
extern "C" void percpud_number_add_call(percpud_number* number, double amount) {
  while (!percpud_inline_add_double(&number->cells, amount)) continue;
}
extern "C" void percpud_histogram_observe_call(percpud_histogram* histogram, double value) {
  while (!percpud_inline_observe(&histogram->cells, histogram->first, value)) continue;
}
#endif

namespace percpud::bench {
namespace {

constexpr std::uint32_t kCpus = 1024;
// With the skew that keeps units out of each other's cache sets.
constexpr std::uint64_t kStride = (64 << 10) + 64;
constexpr percpu::Pointer kCounter{4096};
constexpr std::size_t kArenaBytes = (kCpus + 1) * kStride;

// Shared memory with a unit per CPU, mapped as the SDK maps an arena.
class Arena {
 public:
  Arena() {
    if (base_ == MAP_FAILED) std::abort();
    for (std::uint32_t cpu = 0; cpu < kCpus; ++cpu) offsets_.push_back(cpu * kStride);
    entries_ = rseq::CpuEntries(offsets_);
  }
  ~Arena() { munmap(base_, kArenaBytes); }
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;

  [[nodiscard]] percpu::Mapping Map(percpu::UpdateMode mode) const {
    return {.base = static_cast<std::byte*>(base_),
            .unit_offsets = offsets_,
            .cpu_units = {},
            .cpus = rseq::Usable({.entry = entries_.cpu0()}, mode),
            .mode = mode,
            .pair_commit = rseq::ChoosePairCommit(mode)};
  }

 private:
  void* base_ =
      mmap(nullptr, kArenaBytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  std::vector<std::uint64_t> offsets_;
  rseq::CpuEntries entries_;
};

struct alignas(128) Padded {
  std::atomic<std::uint64_t> value;
};
// The peers' counters: one for all, and one per worker or CPU.
struct Peers {
  Padded shared;
  std::array<Padded, kCpus> padded;
};

thread_local volatile std::uint64_t t_counter = 0;

// What an operation that was refused would do to the figures.
void Require(bool done) {
  if (!done) std::abort();
}

struct Bench {
  Arena sequences_arena;
  Arena locked_arena;
  percpu::Mapping sequences = sequences_arena.Map(percpu::UpdateMode::kRseq);
  percpu::Mapping locked = locked_arena.Map(percpu::UpdateMode::kAtomic);
  Peers* peers = static_cast<Peers*>(
      mmap(nullptr, sizeof(Peers), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
};

template <typename MakeOp>
void AddRow(Comparison& comparison, const std::string& group, const std::string& name,
            Workers workers, MakeOp make_op) {
  comparison.Add(group, name, [workers, make_op](const Effort& effort) {
    return MeasureWorkers(workers, effort, make_op);
  });
}

void AddIncrements(Comparison& comparison, Bench& bench, Workers workers,
                   const std::string& group) {
  Peers& peers = *bench.peers;
  AddRow(comparison, group, "percpu::Ref Increment, rseq", workers, [&](int) {
    const percpu::Ref<std::uint64_t> ref(bench.sequences, kCounter);
    return [ref] { Require(ref.Increment()); };
  });
  AddRow(comparison, group, "percpu::Ref Increment, 4 bytes, rseq", workers, [&](int) {
    const percpu::Ref<std::uint32_t> ref(bench.sequences, kCounter + 128);
    return [ref] { Require(ref.Increment()); };
  });
  AddRow(comparison, group, "percpu::Ref Increment, mode atomic", workers, [&](int) {
    const percpu::Ref<std::uint64_t> ref(bench.locked, kCounter);
    return [ref] { Require(ref.Increment()); };
  });
  AddRow(comparison, group, "sched_getcpu + fetch_add, slot per CPU", workers, [&](int) {
    return [&peers] {
      peers.padded[static_cast<std::size_t>(sched_getcpu())].value.fetch_add(
          1, std::memory_order_relaxed);
    };
  });
  AddRow(comparison, group, "fetch_add, line per worker", workers, [&](int worker) {
    auto& own = peers.padded[static_cast<std::size_t>(worker)].value;
    return [&own] { own.fetch_add(1, std::memory_order_relaxed); };
  });
  AddRow(comparison, group, "fetch_add, shared line", workers, [&](int) {
    return [&peers] { peers.shared.value.fetch_add(1, std::memory_order_relaxed); };
  });
  AddRow(comparison, group, "thread-local increment, private", workers,
         [](int) { return [] { t_counter = t_counter + 1; }; });
}

// An amount that the compiler does not know.
void AddAdds(Comparison& comparison, Bench& bench, Workers workers, const std::string& group) {
  Peers& peers = *bench.peers;
  static volatile std::uint64_t amount = 3;
  AddRow(comparison, group, "percpu::Ref Add, rseq", workers, [&](int) {
    const percpu::Ref<std::uint64_t> ref(bench.sequences, kCounter);
    return [ref, delta = std::uint64_t{amount}] { Require(ref.Add(delta)); };
  });
  AddRow(comparison, group, "sched_getcpu + fetch_add, slot per CPU", workers, [&](int) {
    return [&peers, delta = std::uint64_t{amount}] {
      peers.padded[static_cast<std::size_t>(sched_getcpu())].value.fetch_add(
          delta, std::memory_order_relaxed);
    };
  });
  AddRow(comparison, group, "fetch_add, line per worker", workers, [&](int worker) {
    auto& own = peers.padded[static_cast<std::size_t>(worker)].value;
    return
        [&own, delta = std::uint64_t{amount}] { own.fetch_add(delta, std::memory_order_relaxed); };
  });
  AddRow(comparison, group, "fetch_add, shared line", workers, [&](int) {
    return [&peers, delta = std::uint64_t{amount}] {
      peers.shared.value.fetch_add(delta, std::memory_order_relaxed);
    };
  });
}

void FetchAdd(std::byte* slot, std::uint64_t delta) {
  std::atomic_ref(*reinterpret_cast<std::uint64_t*>(slot))
      .fetch_add(delta, std::memory_order_relaxed);
}

// What an operation on one of `kCounters` counters costs, where all are worked on in
// turn. They lie side by side, as a program's own do. What is hot with one of them is
// not with many: a processor forwards what it has just stored, and a compiler keeps
// one address in a register.
template <std::size_t kCounters, typename MakeCounters, typename Op>
void AddInTurn(Comparison& comparison, const std::string& group, const std::string& name,
               Workers workers, MakeCounters make_counters, Op op) {
  comparison.Add(group, name, [=](Effort effort) {
    effort.operations /= kCounters;
    const double pass = MeasureWorkers(workers, effort, [=](int) {
      return [op, counters = make_counters()] {
        for (const auto& counter : counters) op(counter);
      };
    });
    return pass / kCounters;
  });
}

#ifdef PERCPUD_COUNTER_ADD_IS_INLINE
percpud_counter& CellsOf(percpud_counter& counter) { return counter; }
percpud_counter& CellsOf(percpud_number& number) { return number.cells; }
percpud_counter& CellsOf(percpud_histogram& histogram) { return histogram.cells; }

// The C library's handles of series that are open, with `stride` bytes for each one's cells.
template <typename Handle, std::size_t kHandles>
std::array<Handle*, kHandles> OpenHandles(const Bench& bench, std::size_t stride) {
  static std::array<Handle, kHandles> handles;
  std::array<Handle*, kHandles> out;
  for (std::size_t i = 0; i < kHandles; ++i) {
    std::byte* const unit0 = bench.sequences.base + Value(kCounter) + stride * i;
    CellsOf(handles[i]) = {.entry = bench.sequences.cpus.entry,
                           .unit0 = reinterpret_cast<char*>(unit0),
                           .area = rseq::internal::GlibcAreaOffset(),
                           .version = PERCPUD_COUNTER_VERSION};
    out[i] = &handles[i];
  }
  return out;
}
#endif

template <std::size_t kCounters>
void AddCounters(Comparison& comparison, Bench& bench, Workers workers, const std::string& group) {
  static volatile std::uint64_t amount = 3;
  using Slots = std::array<std::byte*, kCounters>;
  const auto slots = [&bench] {
    Slots out;
    for (std::size_t i = 0; i < kCounters; ++i)
      out[i] = bench.sequences.base + Value(kCounter) + 8 * i;
    return out;
  };
  const auto refs = [&bench] {
    return [&]<std::size_t... kNth>(std::index_sequence<kNth...>) {
      return std::array{percpu::Ref<std::uint64_t>(bench.sequences, kCounter + 8 * kNth)...};
    }
    (std::make_index_sequence<kCounters>());
  };
  const std::uint64_t delta = amount;
  AddInTurn<kCounters>(comparison, group, "percpu::Ref Add, rseq", workers, refs,
                       [delta](const auto& ref) { Require(ref.Add(delta)); });
#ifdef PERCPUD_COUNTER_ADD_IS_INLINE
  AddInTurn<kCounters>(
      comparison, group, "percpud_counter_add of the C library, inlined", workers,
      [&bench] { return OpenHandles<percpud_counter, kCounters>(bench, 8); },
      [delta](percpud_counter* counter) { percpud_counter_add(counter, delta); });
#endif
#ifdef PERCPUD_BENCH_HAS_PLAIN_SEQUENCES
  FindPlainArea();
  AddInTurn<kCounters>(comparison, group, "librseq's load_add_store", workers, slots,
                       [delta](std::byte* cpu0) {
                         while (!LibrseqAdd(cpu0, delta)) continue;
                       });
  AddInTurn<kCounters>(comparison, group, "shortest sequence there can be", workers, slots,
                       [delta](std::byte* cpu0) {
                         while (!ShortestAdd(cpu0, delta)) continue;
                       });
#endif
  AddInTurn<kCounters>(comparison, group, "sched_getcpu + fetch_add, slot per CPU", workers, slots,
                       [delta](std::byte* cpu0) {
                         const auto cpu = static_cast<std::size_t>(sched_getcpu());
                         FetchAdd(cpu0 + cpu * kStride, delta);
                       });
  AddInTurn<kCounters>(comparison, group, "fetch_add, shared", workers, slots,
                       [delta](std::byte* slot) { FetchAdd(slot, delta); });
}

// What a metrics library adds to: integers, doubles, and buckets of a histogram.
template <std::size_t kCells>
void AddCells(Comparison& comparison, Bench& bench, Workers workers, const std::string& group) {
  static volatile double amount = 0.125;
  const double value = amount;
  const auto cells = [&bench]<typename Cell>(std::type_identity<Cell>) {
    return [&bench] {
      return [&]<std::size_t... kNth>(std::index_sequence<kNth...>) {
        return std::array{Cell(bench.sequences, kCounter + 16 * kNth)...};
      }
      (std::make_index_sequence<kCells>());
    };
  };
  AddInTurn<kCells>(comparison, group, "percpu::Ref<uint64_t> Add", workers,
                    cells(std::type_identity<percpu::Ref<std::uint64_t>>()),
                    [](const auto& cell) { Require(cell.Add(3)); });
  AddInTurn<kCells>(comparison, group, "percpu::Ref<double> Add", workers,
                    cells(std::type_identity<percpu::Ref<double>>()),
                    [value](const auto& cell) { Require(cell.Add(value)); });
  AddInTurn<kCells>(comparison, group, "percpu::CountSumRef Observe", workers,
                    cells(std::type_identity<percpu::CountSumRef>()),
                    [value](const auto& cell) { Require(cell.Observe(value)); });
#ifdef PERCPUD_COUNTER_ADD_IS_INLINE
  AddInTurn<kCells>(
      comparison, group, "percpud_number_add of the C library, inlined", workers,
      [&bench] { return OpenHandles<percpud_number, kCells>(bench, 16); },
      [value](percpud_number* number) { percpud_number_add(number, value); });
  AddInTurn<kCells>(
      comparison, group, "percpud_histogram_observe of the C library, one bucket", workers,
      [&bench] { return OpenHandles<percpud_histogram, kCells>(bench, 16); },
      [value](percpud_histogram* histogram) { percpud_histogram_observe(histogram, value); });
#endif
}

// One more by compare and exchange, from what the last one has left. Who has
// seen something else tries again with the next call.
void CompareExchangeOnce(std::atomic<std::uint64_t>& value, std::uint64_t& expected) {
  if (value.compare_exchange_strong(expected, expected + 1, std::memory_order_relaxed)) ++expected;
}

void AddCompareExchanges(Comparison& comparison, Bench& bench, Workers workers,
                         const std::string& group) {
  Peers& peers = *bench.peers;
  AddRow(comparison, group, "percpu::Ref CompareExchange, rseq", workers, [&](int) {
    const percpu::Ref<std::uint64_t> ref(bench.sequences, kCounter);
    return [ref, expected = std::uint64_t{0}]() mutable {
      const auto seen = ref.CompareExchange(expected, expected + 1);
      Require(seen.has_value());
      expected = *seen == expected ? expected + 1 : *seen;
    };
  });
  AddRow(comparison, group, "percpu::Ref CompareExchange, mode atomic", workers, [&](int) {
    const percpu::Ref<std::uint64_t> ref(bench.locked, kCounter);
    return [ref, expected = std::uint64_t{0}]() mutable {
      const auto seen = ref.CompareExchange(expected, expected + 1);
      Require(seen.has_value());
      expected = *seen == expected ? expected + 1 : *seen;
    };
  });
  AddRow(comparison, group, "sched_getcpu + compare_exchange, slot per CPU", workers, [&](int) {
    return [&peers, expected = std::uint64_t{0}]() mutable {
      CompareExchangeOnce(peers.padded[static_cast<std::size_t>(sched_getcpu())].value, expected);
    };
  });
  AddRow(comparison, group, "compare_exchange, line per worker", workers, [&](int worker) {
    auto& own = peers.padded[static_cast<std::size_t>(worker)].value;
    return [&own, expected = std::uint64_t{0}]() mutable { CompareExchangeOnce(own, expected); };
  });
  AddRow(comparison, group, "compare_exchange, shared line", workers, [&](int) {
    return [&peers, expected = std::uint64_t{0}]() mutable {
      CompareExchangeOnce(peers.shared.value, expected);
    };
  });
}

int Main(int argc, char** argv) {
  if (!rseq::RseqWorks()) {
    std::cerr << "bench_this_cpu: no restartable sequences here\n";
    return EXIT_SUCCESS;
  }
  Bench bench;
  if (bench.peers == MAP_FAILED) return EXIT_FAILURE;
  Comparison comparison;
  struct Shape {
    Workers workers;
    std::string name;
  };
  const std::vector<Shape> shapes = {{Workers::kOneThread, "one thread"},
                                     {Workers::kTwoThreads, "two threads"},
                                     {Workers::kTwoProcesses, "two processes"}};
  for (const auto& [workers, name] : shapes) {
    AddIncrements(comparison, bench, workers, "increment, " + name);
    AddAdds(comparison, bench, workers, "add, " + name);
    AddCounters<1>(comparison, bench, workers, "one counter, " + name);
    AddCounters<16>(comparison, bench, workers, "16 counters, " + name);
    AddCells<16>(comparison, bench, workers, "16 cells, " + name);
    AddCompareExchanges(comparison, bench, workers, "compare and exchange, " + name);
  }
  return RunComparison(argc, argv, "Counting on the own CPU beside its peers", comparison);
}

}  // namespace
}  // namespace percpud::bench

int main(int argc, char** argv) {
  return percpud::testing::RunProgram(percpud::bench::Main, argc, argv);
}

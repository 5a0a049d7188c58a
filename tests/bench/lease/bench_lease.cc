// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// Allocation from leases beside malloc: nanoseconds of one thread's processor
// time per allocation and free. Each side runs in a process of its own, the
// peers under LD_PRELOAD, in turn and several times; the table has medians.
//
// What is not alike: a lease hands out an area in every unit, and checks every
// free; a malloc'ed block is one copy. In the zeroed rows the peers' calloc
// clears as many bytes, but in one piece; the lease clears 64 in each of N units
// 64 KiB apart, which fall on the same few sets of the first cache.

#include <time.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <iostream>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_format.h"
#include "percpu/lease_heap.h"
#include "tests/bench/report/comparison.h"
#include "tests/bench/report/malloc_peers.h"
#include "tests/support/command_line.h"
#include "tests/support/fake_chunk_source.h"

namespace percpu {
namespace {

using percpud::testing::FakeChunkSource;

constexpr std::size_t kBatch = 64;
constexpr std::size_t kMixed = 1024;

struct Flags {
  int reps = 5;
  bool smoke = false;
  std::string output = "table";
  // Set in the processes that measure.
  std::string measure;
};

using percpud::bench::Peer;

constexpr std::array<Peer, 4> kPeers{{{"lease", nullptr, nullptr},
                                      percpud::bench::kMallocPeers[0],
                                      percpud::bench::kMallocPeers[1],
                                      percpud::bench::kMallocPeers[2]}};

double ThreadNanoseconds() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) * 1e9 + static_cast<double>(now.tv_nsec);
}

// The compiler may not think the pair of calls away.
template <typename T>
void Keep(T& value) {
  asm volatile("" : "+r"(value) : : "memory");
}

// --- The two sides -------------------------------------------------------------

enum class Clear : std::uint8_t { kNot, kAtAllocation, kAtFree };

template <Clear kClear>
class LeaseSide {
 public:
  using Handle = Pointer;

  explicit LeaseSide(std::uint32_t units)
      : source_({.units = units, .chunks = 256, .scribbles = false}), heap_(source_) {}
  Pointer Take(std::size_t size) {
    const absl::StatusOr<Pointer> got = heap_.Allocate(
        size, 8, kClear == Clear::kAtAllocation ? Zeroing::kZeroed : Zeroing::kAsItIs);
    if (!got.ok()) std::abort();
    return *got;
  }
  void Give(Pointer pointer, std::size_t size) {
    if (kClear == Clear::kAtFree) {
      for (std::uint32_t unit = 0; unit < source_.shape().units; ++unit) {
        std::memset(source_.Address(pointer, unit), 0, size);
      }
    }
    if (!heap_.Free(pointer).ok()) std::abort();
  }

 private:
  FakeChunkSource source_;
  LeaseHeap heap_;
};

template <Clear kClear>
class MallocSide {
 public:
  using Handle = void*;
  explicit MallocSide(std::uint32_t units) : units_(units) {}
  void* Take(std::size_t size) {
    void* memory = kClear == Clear::kNot ? std::malloc(size) : std::calloc(units_, size);
    if (memory == nullptr) std::abort();
    return memory;
  }
  void Give(void* memory, std::size_t /*size*/) { std::free(memory); }

 private:
  std::uint32_t units_;
};

// --- Loads -----------------------------------------------------------------------

// `count` allocations, then their frees in the same order.
template <typename Side>
double Batches(Side& side, std::size_t size, std::size_t count, std::uint64_t operations) {
  std::array<typename Side::Handle, kBatch> handles{};
  const double begin = ThreadNanoseconds();
  for (std::uint64_t done = 0; done < operations; done += count) {
    for (std::size_t i = 0; i < count; ++i) {
      handles[i] = side.Take(size);
      Keep(handles[i]);
    }
    for (std::size_t i = 0; i < count; ++i) side.Give(handles[i], size);
  }
  return (ThreadNanoseconds() - begin) / static_cast<double>(operations);
}

// A live set of which a random one is replaced: sizes 8 to 4096, each doubling
// as likely as the next.
template <typename Side>
double Mixed(Side& side, std::uint64_t operations) {
  std::mt19937 random(1);
  std::array<std::uint16_t, 4096> sizes{};
  for (auto& size : sizes) {
    const std::uint32_t base = 8u << (random() % 9);
    size = static_cast<std::uint16_t>(base + random() % base);
    size = std::min<std::uint16_t>(size, 4096);
  }
  struct Live {
    typename Side::Handle handle;
    std::size_t size;
  };
  std::array<Live, kMixed> live{};
  for (std::size_t i = 0; i < kMixed; ++i) live[i] = {side.Take(sizes[i]), sizes[i]};
  std::uint32_t state = 1;
  const double begin = ThreadNanoseconds();
  for (std::uint64_t done = 0; done < operations; ++done) {
    state = state * 1664525 + 1013904223;
    Live& one = live[state >> 22];
    side.Give(one.handle, one.size);
    one.size = sizes[(state >> 8) % sizes.size()];
    one.handle = side.Take(one.size);
    Keep(one.handle);
  }
  const double total = ThreadNanoseconds() - begin;
  for (const Live& one : live) side.Give(one.handle, one.size);
  return total / static_cast<double>(operations);
}

// Runs `load(operations)` on several threads at once; the mean of each one's
// best of three, after one for warming up.
double OnThreads(int threads, std::uint64_t operations,
                 const std::function<double(std::uint64_t)>& load) {
  std::vector<double> best(static_cast<std::size_t>(threads));
  std::vector<std::thread> running;
  running.reserve(best.size());
  for (double& mine : best) {
    running.emplace_back([&] {
      load(operations / 4 + 1);
      mine = load(operations);
      for (int i = 0; i < 2; ++i) mine = std::min(mine, load(operations));
    });
  }
  for (std::thread& thread : running) thread.join();
  double sum = 0;
  for (const double one : best) sum += one;
  return sum / threads;
}

// --- Rows ------------------------------------------------------------------------

// In the order of the table.
template <template <Clear> class Side>
void MeasurePlain(std::uint64_t operations, nlohmann::ordered_json& rows) {
  Side<Clear::kNot> side(2);
  for (const int threads : {1, 2}) {
    const std::string suffix = absl::StrFormat(", %dT", threads);
    rows["pair of 64 B" + suffix] =
        OnThreads(threads, operations, [&](std::uint64_t n) { return Batches(side, 64, 1, n); });
    for (const std::size_t size : {8, 64, 256, 1024, 4096}) {
      rows[absl::StrFormat("batch of %d B", size) + suffix] = OnThreads(
          threads, operations, [&](std::uint64_t n) { return Batches(side, size, kBatch, n); });
    }
    rows["mixed 8..4096 B" + suffix] =
        OnThreads(threads, operations, [&](std::uint64_t n) { return Mixed(side, n); });
  }
}

template <typename Side>
double MeasureZeroed(std::uint64_t operations, std::uint32_t units, std::size_t count) {
  Side side(units);
  return OnThreads(1, operations / (1 + units / 8),
                   [&](std::uint64_t n) { return Batches(side, 64, count, n); });
}

// In the order of the table.
template <template <Clear> class Side>
nlohmann::ordered_json MeasureRows(std::uint64_t operations, bool is_lease) {
  nlohmann::ordered_json rows;
  MeasurePlain<Side>(operations, rows);
  for (const std::uint32_t units : {2u, 16u, 64u}) {
    const std::string what = absl::StrFormat("zeroed, %d units of 64 B, ", units);
    rows[what + "pair"] = MeasureZeroed<Side<Clear::kAtAllocation>>(operations, units, 1);
    rows[what + "batch"] = MeasureZeroed<Side<Clear::kAtAllocation>>(operations, units, kBatch);
    if (is_lease) {
      rows[what + "batch, at free"] =
          MeasureZeroed<Side<Clear::kAtFree>>(operations, units, kBatch);
    }
  }
  return rows;
}

int Measure(const Flags& flags) {
  const auto peer = std::find_if(kPeers.begin(), kPeers.end(),
                                 [&](const Peer& p) { return flags.measure == p.name; });
  if (peer == kPeers.end()) return 2;
  const std::uint64_t operations = flags.smoke ? 2000 : 1000000;
  if (!percpud::bench::IsLoaded(*peer)) {
    std::cout << "null\n";
  } else if (flags.measure == "lease") {
    std::cout << MeasureRows<LeaseSide>(operations, true) << '\n';
  } else {
    std::cout << MeasureRows<MallocSide>(operations, false) << '\n';
  }
  return 0;
}

// --- The table -------------------------------------------------------------------

using Samples = std::map<std::string, std::vector<double>>;
struct Results {
  std::vector<std::string> rows;
  std::map<std::string, Samples> by_peer;
};

std::optional<double> Figure(const Results& results, const std::string& peer,
                             const std::string& row) {
  const auto samples = results.by_peer.find(peer);
  if (samples == results.by_peer.end() || !samples->second.contains(row)) return std::nullopt;
  return percpud::bench::Median(samples->second.at(row));
}

// False if a process that measures failed.
bool RunPeer(const Flags& flags, const Peer& peer, Results& results) {
  std::vector<std::string> arguments = {"--measure", peer.name};
  if (flags.smoke) arguments.emplace_back("--smoke");
  const auto run = percpud::bench::RunUnder(peer, arguments);
  if (!run.ok() || run->exit_code != 0) {
    std::cerr << peer.name << ": " << (run.ok() ? run->err : run.status().ToString()) << '\n';
    return false;
  }
  const auto rows = nlohmann::ordered_json::parse(run->out);
  for (const auto& [row, nanoseconds] : rows.items()) {
    std::vector<double>& samples = results.by_peer[peer.name][row];
    samples.push_back(nanoseconds.get<double>());
    // The lease comes first, and has all rows.
    if (samples.size() == 1 && peer.symbol == nullptr && peer.name == std::string("lease")) {
      results.rows.push_back(row);
    }
  }
  return true;
}

void PrintTable(const Results& results) {
  std::cout << absl::StrFormat("%-38s %8s", "ns per allocation + free", "lease");
  for (std::size_t i = 1; i < kPeers.size(); ++i) {
    std::cout << absl::StrFormat(" %17s %6s", kPeers[i].name, "ratio");
  }
  std::cout << '\n';
  for (const std::string& row : results.rows) {
    const double lease = *Figure(results, "lease", row);
    std::cout << absl::StrFormat("%-38s %8.2f", row, lease);
    for (std::size_t i = 1; i < kPeers.size(); ++i) {
      const auto figure = Figure(results, kPeers[i].name, row);
      const bool is_absent = !results.by_peer.contains(kPeers[i].name);
      std::cout << (figure ? absl::StrFormat(" %17.2f %6.2f", *figure, *figure / lease)
                           : absl::StrFormat(" %17s %6s", is_absent ? "absent" : "-", ""));
    }
    std::cout << '\n';
  }
  std::cout << "ratio: the peer's time by the lease's; above 1, the lease is faster\n";
}

void PrintJson(const Flags& flags, const Results& results) {
  nlohmann::ordered_json rows = nlohmann::ordered_json::array();
  for (const std::string& row : results.rows) {
    nlohmann::ordered_json one = {{"row", row}};
    for (const Peer& peer : kPeers) {
      const auto figure = Figure(results, peer.name, row);
      one[peer.name] = figure ? nlohmann::ordered_json(*figure) : nlohmann::ordered_json(nullptr);
    }
    rows.push_back(one);
  }
  const nlohmann::ordered_json json = {
      {"unit", "ns per allocation and free"}, {"reps", flags.reps}, {"rows", rows}};
  std::cout << json.dump(2) << '\n';
}

int Run(const Flags& flags) {
  Results results;
  for (int rep = 0; rep < flags.reps; ++rep) {
    for (const Peer& peer : kPeers) {
      if (!RunPeer(flags, peer, results)) return 1;
    }
  }
  if (flags.output == "json") {
    PrintJson(flags, results);
  } else {
    PrintTable(results);
  }
  return 0;
}

int Main(int argc, char** argv) {
  Flags flags;
  const auto app =
      percpud::testing::MakeApp("Allocation from leased chunks beside malloc libraries.");
  app->add_option("--reps", flags.reps, "Processes per side")->check(CLI::PositiveNumber);
  app->add_flag("--smoke", flags.smoke, "That it works, not how fast");
  app->add_option("-o,--output", flags.output)->check(CLI::IsMember({"table", "json"}));
  app->add_option("--measure", flags.measure)->group("");
  if (const auto ended = percpud::testing::Parse(*app, argc, argv)) return *ended;
  if (!flags.measure.empty()) return Measure(flags);
  if (flags.smoke) flags.reps = 1;
  return Run(flags);
}

}  // namespace
}  // namespace percpu

int main(int argc, char** argv) { return percpud::testing::RunProgram(percpu::Main, argc, argv); }

// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// What it costs to read a counter: Ref::Sum over units at different strides,
// beside an array of padded counters, one load and the loop one would write for
// a fixed stride. A stride of whole pages puts all copies of a variable into
// one set of the first-level cache; a unit_skew of 64 bytes spreads them. The
// units lie as the daemon lays them out.
//
// All lines are in the reader's own cache: this is the price of the walk. Lines
// that other CPUs have just written cost a transfer each, in every layout.

#include <sys/mman.h>

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "percpu/ref.h"
#include "server/base/limits.h"
#include "server/percpu/layout/alloc_info.h"
#include "tests/bench/report/comparison.h"
#include "tests/bench/report/workers.h"
#include "tests/support/command_line.h"

namespace percpud::bench {
namespace {

constexpr std::uint64_t kKiB = 1024;
constexpr std::uint64_t kStride = 64 * kKiB;
constexpr percpu::Pointer kCounter{256};
// Sums per batch: one costs tens of operations.
constexpr int kPerSum = 20;

// A chunk as the daemon lays it out, the pages of the counter being there.
class Units {
 public:
  Units(std::uint32_t units, Bytes unit_size, Bytes skew) {
    const auto info =
        BuildAllocInfo({.dyn_size = unit_size, .unit_skew = skew}, *Topology::Uniform(units));
    bytes_ = info->memory_size().value();
    base_ = mmap(nullptr, bytes_, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (base_ == MAP_FAILED) std::abort();
    for (std::uint32_t unit = 0; unit < units; ++unit) {
      offsets_.push_back(info->unit_offset[unit].value());
      cpu_units_.push_back({.cpu = unit, .unit = percpu::Unit{unit}, .offset = offsets_.back()});
    }
    mapping_ = {.base = static_cast<std::byte*>(base_),
                .unit_offsets = offsets_,
                .cpu_units = cpu_units_,
                .cpus = {}};
    for (std::uint32_t unit = 0; unit < units; ++unit) {
      percpu::ShardRef<std::uint64_t>(mapping_, kCounter, percpu::Unit{unit}).Store(unit);
    }
  }
  ~Units() { munmap(base_, bytes_); }
  Units(const Units&) = delete;
  Units& operator=(const Units&) = delete;

  [[nodiscard]] const percpu::Mapping& mapping() const { return mapping_; }

 private:
  std::size_t bytes_ = 0;
  void* base_ = nullptr;
  std::vector<std::uint64_t> offsets_;
  std::vector<percpu::CpuUnit> cpu_units_;
  percpu::Mapping mapping_;
};

struct alignas(64) Padded {
  std::atomic<std::uint64_t> value = 1;
};

// Keeps a result that nobody uses.
void Keep(std::uint64_t value) { __asm__ volatile("" : : "r"(value) : "memory"); }

template <typename Op>
void AddRow(Comparison& comparison, const std::string& group, const std::string& name, Op op) {
  comparison.Add(group, name, [op](const Effort& effort) {
    const Effort fewer{.batches = effort.batches, .operations = effort.operations / kPerSum};
    return MeasureWorkers(Workers::kOneThread, fewer, [op](int) { return op; });
  });
}

void AddLayout(Comparison& comparison, const std::string& group, const std::string& name,
               std::uint32_t units, Bytes unit_size, Bytes skew) {
  const auto memory = std::make_shared<Units>(units, unit_size, skew);
  AddRow(comparison, group, name,
         [memory] { Keep(percpu::Ref<std::uint64_t>(memory->mapping(), kCounter).Sum()); });
}

void AddGroup(Comparison& comparison, std::uint32_t units) {
  const std::string group = absl::StrCat("sum of ", units, " units");
  const Bytes small(kStride);
  const Bytes large(2048 * kKiB);
  AddLayout(comparison, group, "Ref::Sum, units of 64 KiB, unit_skew 64", units, small, kMinSkew);
  AddLayout(comparison, group, "Ref::Sum, units of 64 KiB", units, small, Bytes(0));
  AddLayout(comparison, group, "Ref::Sum, units of 2 MiB, unit_skew 64", units, large, kMinSkew);
  AddLayout(comparison, group, "Ref::Sum, units of 2 MiB", units, large, Bytes(0));
  const auto fixed = std::make_shared<Units>(units, small, Bytes(0));
  AddRow(comparison, group, "base + cpu * 64 KiB, as librseq lays it out", [fixed, units] {
    std::uint64_t sum = 0;
    std::byte* copy = fixed->mapping().base + percpu::Value(kCounter);
    for (std::uint32_t unit = 0; unit < units; ++unit, copy += kStride) {
      sum +=
          std::atomic_ref(*reinterpret_cast<std::uint64_t*>(copy)).load(std::memory_order_relaxed);
    }
    Keep(sum);
  });
  const auto padded = std::make_shared<std::vector<Padded>>(units);
  AddRow(comparison, group, "array of lines, one per worker", [padded] {
    std::uint64_t sum = 0;
    for (const Padded& counter : *padded) sum += counter.value.load(std::memory_order_relaxed);
    Keep(sum);
  });
  AddRow(comparison, group, "one shared counter",
         [padded] { Keep(padded->front().value.load(std::memory_order_relaxed)); });
}

int Main(int argc, char** argv) {
  Comparison comparison;
  AddGroup(comparison, 16);
  AddGroup(comparison, 64);
  return RunComparison(argc, argv, "Reading a counter of many copies", comparison);
}

}  // namespace
}  // namespace percpud::bench

int main(int argc, char** argv) {
  return percpud::testing::RunProgram(percpud::bench::Main, argc, argv);
}

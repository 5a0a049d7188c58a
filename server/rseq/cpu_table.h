// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// Which unit each CPU uses, in the form that the sequences read it: one load
// finds the unit and says whether there is one.
//
//     cpu_id      -2   -1 |   0     1     2    ...   8191
//     entry     none none |   0  4160  none   none   none
//                         ^ CpuTable::entry
//
// A sequence takes the thread's cpu_id as a signed number and has no bound to
// compare it with. -1 and -2 are what glibc and the kernel write for a thread
// that is not registered, and no kernel has more than kMostCpus CPUs. So every
// number that a sequence can meet has an entry.

#ifndef PERCPUD_SERVER_RSEQ_CPU_TABLE_H_
#define PERCPUD_SERVER_RSEQ_CPU_TABLE_H_

#include <algorithm>
#include <array>
#include <atomic>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <span>

namespace percpud::rseq {

// The largest CONFIG_NR_CPUS of any architecture.
inline constexpr std::uint32_t kMostCpus = 8192;

// The memory of a table. A plain value; only Set changes it while a CpuTable looks
// at it.
class CpuEntries {
 public:
  static constexpr std::int64_t kNone = -1;

  // No CPU has a unit.
  constexpr CpuEntries() {
    for (std::int64_t& entry : entries_) entry = kNone;
  }
  // [CPU id] -> bytes from unit 0's copy. CPUs beyond the span have no unit, and
  // what is beyond kMostCpus is no CPU's. REQUIRES: each offset is less than 2^63.
  constexpr explicit CpuEntries(std::span<const std::uint64_t> unit_offset) : CpuEntries() {
    const std::size_t cpus = std::min<std::size_t>(unit_offset.size(), kMostCpus);
    for (std::size_t cpu = 0; cpu < cpus; ++cpu) {
      assert(unit_offset[cpu] >> 63 == 0);
      entries_[kUnregistered + cpu] = static_cast<std::int64_t>(unit_offset[cpu]);
    }
  }

  // Gives a CPU a unit, or takes its unit away (kNone). Thread safe and
  // async-signal-safe: an operation meanwhile sees the entry before or after.
  // CPUs from kMostCpus on have no entry.
  void Set(std::uint32_t cpu, std::int64_t entry) {
    if (cpu >= kMostCpus) return;
    std::atomic_ref(entries_[kUnregistered + cpu]).store(entry, std::memory_order_relaxed);
  }

  // The entry of CPU 0. Those of -1 and -2 are before it.
  [[nodiscard]] constexpr const std::int64_t* cpu0() const { return &entries_[kUnregistered]; }

 private:
  static constexpr std::size_t kUnregistered = 2;
  std::array<std::int64_t, kUnregistered + kMostCpus> entries_;
};

namespace internal {
inline constexpr CpuEntries kNoUnits;
}  // namespace internal

// Where each CPU's unit is. A view of CpuEntries, which outlive it.
struct CpuTable {
  // [CPU id], negative ones included. Below 0 where there is no unit, which sends
  // the caller to its fallback.
  const std::int64_t* entry = internal::kNoUnits.cpu0();

  // False sends everyone to the fallback.
  [[nodiscard]] bool HasUnits() const { return entry != internal::kNoUnits.cpu0(); }
};

}  // namespace percpud::rseq

#endif  // PERCPUD_SERVER_RSEQ_CPU_TABLE_H_

// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_TESTS_UNIT_RSEQ_SLOTS_H_
#define PERCPUD_TESTS_UNIT_RSEQ_SLOTS_H_

#include <sched.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "server/rseq/this_cpu.h"

namespace percpud::rseq::testing {

// More CPUs than a test machine has.
inline constexpr std::uint32_t kManyCpus = 1024;

// One integer per CPU, a cache line apart, all zero.
template <typename T>
class Slots {
 public:
  explicit Slots(std::uint32_t cpus = kManyCpus) : memory_(cpus) {
    for (std::uint32_t cpu = 0; cpu < cpus; ++cpu) offsets_.push_back(cpu * kStride);
    entries_ = CpuEntries(offsets_);
  }
  Slots(const Slots&) = delete;
  Slots& operator=(const Slots&) = delete;

  [[nodiscard]] CpuTable table() const { return {.entry = entries_.cpu0()}; }
  // The first `cpus` of them alone.
  [[nodiscard]] CpuEntries First(std::uint32_t cpus) const {
    return CpuEntries(std::span(offsets_).first(cpus));
  }
  [[nodiscard]] std::byte* unit0() { return memory_.data()->bytes.data(); }
  [[nodiscard]] T& at(std::uint32_t cpu) { return *reinterpret_cast<T*>(unit0() + offsets_[cpu]); }
  [[nodiscard]] T Sum() {
    T sum = 0;
    for (std::uint32_t cpu = 0; cpu < offsets_.size(); ++cpu) sum += at(cpu);
    return sum;
  }

 private:
  static constexpr std::size_t kStride = 64;
  // Its elements are aligned as a slot is.
  struct alignas(kStride) Line {
    std::array<std::byte, kStride> bytes;
  };
  std::vector<Line> memory_;
  std::vector<std::uint64_t> offsets_;
  CpuEntries entries_;
};

// Keeps the calling thread on the CPU it is on, until the object goes.
class StayHere {
 public:
  StayHere() {
    sched_getaffinity(0, sizeof(before_), &before_);
    cpu_ = static_cast<std::uint32_t>(sched_getcpu());
    cpu_set_t only;
    CPU_ZERO(&only);
    CPU_SET(cpu_, &only);
    sched_setaffinity(0, sizeof(only), &only);
  }
  ~StayHere() { sched_setaffinity(0, sizeof(before_), &before_); }
  StayHere(const StayHere&) = delete;
  StayHere& operator=(const StayHere&) = delete;
  [[nodiscard]] std::uint32_t cpu() const { return cpu_; }

 private:
  cpu_set_t before_;
  std::uint32_t cpu_ = 0;
};

}  // namespace percpud::rseq::testing

#endif  // PERCPUD_TESTS_UNIT_RSEQ_SLOTS_H_

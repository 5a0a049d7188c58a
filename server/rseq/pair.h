// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// Cells of 16 bytes (proto/percpud/abi/v1/cells.h) on the CPU the caller runs on: a
// count and a sum that one observation changes together.
//
// Where the hardware stores 16 bytes whole, one sequence commits both, and readers
// load both by one load: neither a reader nor a writer's death ever sees a count
// without its sum. Elsewhere they are two updates (PairCommit::kTwoStores). The two
// ways lose nothing to each other, but an arena has one, which its layout page says.

#ifndef PERCPUD_SERVER_RSEQ_PAIR_H_
#define PERCPUD_SERVER_RSEQ_PAIR_H_

#if defined(__x86_64__)
#include <cpuid.h>
#elif defined(__aarch64__)
#include <sys/auxv.h>
#endif

#include <bit>
#include <cassert>
#include <cstddef>
#include <cstdint>

#include "proto/percpud/abi/v1/cells.h"
#include "server/rseq/this_cpu.h"

namespace percpud::rseq {

using abi::v1::CountSum;
using abi::v1::PairCommit;

// Whether this machine's aligned loads and stores of 16 bytes are whole to its other
// CPUs. Intel and AMD promise it for processors with AVX, Arm from Armv8.4 (LSE2).
inline bool PairsAreWhole() {
#if !defined(PERCPUD_RSEQ_HAS_SECTIONS)
  return false;
#elif defined(__x86_64__)
  unsigned a = 0;
  unsigned b = 0;
  unsigned c = 0;
  unsigned d = 0;
  return __get_cpuid(1, &a, &b, &c, &d) != 0 && (c & bit_AVX) != 0;
#else
  constexpr unsigned long kUnalignedIsAtomic = 1UL << 25;  // HWCAP_USCAT
  return (getauxval(AT_HWCAP) & kUnalignedIsAtomic) != 0;
#endif
}

// The way for a new layout page of an arena in `mode`.
inline PairCommit ChoosePairCommit(UpdateMode mode) {
  return mode == UpdateMode::kRseq && PairsAreWhole() ? PairCommit::kOneStore
                                                      : PairCommit::kTwoStores;
}

// Adds to the own CPU's cell by one store. False as Add says; then nothing was stored.
// REQUIRES: an arena of PairCommit::kOneStore, a cell at a multiple of 16.
template <Tries kTries = Tries::kMany>
[[nodiscard, gnu::always_inline]] inline bool AddPair(std::byte* unit0, const CpuTable& table,
                                                      std::uint64_t count, double sum) {
  return internal::Run<kTries>([&](internal::AreaOffset area) {
    return internal::TryAddPair(area, table, unit0, count, sum);
  });
}

// A cell as it is at one moment (kOneStore), or each half at its own.
// REQUIRES: `at` is a multiple of 16.
inline CountSum ReadPair(const std::byte* at) {
  assert(reinterpret_cast<std::uintptr_t>(at) % alignof(CountSum) == 0);
  std::uint64_t count = 0;
  std::uint64_t sum = 0;
  internal::LoadPair(at, count, sum);
  return {.count = count, .sum = std::bit_cast<double>(sum)};
}

// A writer's cell, likewise. Its only writer stores, anyone loads.
inline abi::v1::WriterCell ReadWriterCell(const std::byte* at) {
  assert(reinterpret_cast<std::uintptr_t>(at) % alignof(abi::v1::WriterCell) == 0);
  std::uint64_t value = 0;
  std::uint64_t timestamp = 0;
  internal::LoadPair(at, value, timestamp);
  return {.value = std::bit_cast<double>(value), .timestamp = std::bit_cast<double>(timestamp)};
}
inline void StoreWriterCell(std::byte* at, abi::v1::WriterCell cell) {
  assert(reinterpret_cast<std::uintptr_t>(at) % alignof(abi::v1::WriterCell) == 0);
  internal::StorePair(at, std::bit_cast<std::uint64_t>(cell.value),
                      std::bit_cast<std::uint64_t>(cell.timestamp));
}

}  // namespace percpud::rseq

#endif  // PERCPUD_SERVER_RSEQ_PAIR_H_

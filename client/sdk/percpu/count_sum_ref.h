// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_CLIENT_SDK_PERCPU_COUNT_SUM_REF_H_
#define PERCPUD_CLIENT_SDK_PERCPU_COUNT_SUM_REF_H_

#include <cassert>
#include <cstddef>
#include <cstdint>

#include "percpu/mapping.h"
#include "percpu/ref.h"
#include "percpu/types.h"
#include "proto/percpud/abi/v1/cells.h"
#include "server/rseq/pair.h"

namespace percpu {

using CountSum = percpud::abi::v1::CountSum;

// The number of observed values and their sum, with a copy per CPU: one bucket of a
// histogram, or a summary.
//
// If the arena commits both by one store (Mapping::pair_commit), nobody ever sees an
// observation's count without its value, and a process that is killed in the middle of an
// observation leaves all of it or nothing. Otherwise these are two updates, and the two
// may be one observation apart.
//
// Ownership, thread safety and order are those of Ref.
class CountSumRef {
 public:
  // REQUIRES: an area of 16 bytes at `pointer`, aligned to 16.
  CountSumRef(const Mapping& mapping, Pointer pointer)
      : mapping_(&mapping),
        unit0_(mapping.base + Value(pointer)),
        sequences_(CommitsWhole(mapping) ? mapping.cpus : CpuTable{}) {
    assert(pointer != kNull && Value(pointer) % sizeof(CountSum) == 0);
  }

  // Adds 1 to the count and `value` to the sum of the own CPU's copy. Returns false as
  // Ref::Add does.
  [[gnu::always_inline]] inline bool Observe(double value) const {
    return Add({.count = 1, .sum = value});
  }
  // Adds to both. Returns false as Ref::Add does.
  [[gnu::always_inline]] inline bool Add(CountSum delta) const {
    if (percpud::rseq::AddPair<percpud::rseq::Tries::kOne>(unit0_, sequences_, delta.count,
                                                           delta.sum)) [[likely]] {
      return true;
    }
    return AddSlowly(*mapping_, unit0_, delta.count, delta.sum);
  }

  // Returns the sum of all CPUs' copies, by rising CPU id. It is as exact as Ref::Sum.
  [[nodiscard]] CountSum Sum() const {
    CountSum total{};
    for (const CpuUnit& backed : mapping_->cpu_units) {
      const CountSum here = percpud::rseq::ReadPair(unit0_ + backed.offset);
      total.count += here.count;
      total.sum += here.sum;
    }
    return total;
  }

 private:
  static bool CommitsWhole(const Mapping& mapping) {
    return mapping.mode == UpdateMode::kRseq && mapping.pair_commit == PairCommit::kOneStore;
  }

  // Tries again, then adds each half as Ref does. Arenas without whole stores of 16 bytes
  // are updated in this way, and the daemon adds for others in this way.
  [[gnu::noinline, gnu::cold]] static bool AddSlowly(const Mapping& mapping, std::byte* unit0,
                                                     std::uint64_t count, double sum) {
    if (CommitsWhole(mapping) && percpud::rseq::AddPair(unit0, mapping.cpus, count, sum)) {
      return true;
    }
    const Pointer counts{static_cast<std::uint64_t>(unit0 - mapping.base)};
    const Pointer sums = counts + offsetof(CountSum, sum);
    return Ref<std::uint64_t>(mapping, counts).Add(count) && Ref<double>(mapping, sums).Add(sum);
  }

  const Mapping* mapping_;
  std::byte* unit0_;
  // The mapping's CPUs if one store commits a cell of this arena; otherwise empty.
  CpuTable sequences_;
};

}  // namespace percpu

#endif  // PERCPUD_CLIENT_SDK_PERCPU_COUNT_SUM_REF_H_

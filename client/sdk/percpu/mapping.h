// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_CLIENT_SDK_PERCPU_MAPPING_H_
#define PERCPUD_CLIENT_SDK_PERCPU_MAPPING_H_

#include <cassert>
#include <cstddef>
#include <cstdint>
#include <span>

#include "percpu/fallback.h"
#include "percpu/types.h"
#include "proto/percpud/abi/v1/cells.h"
#include "server/rseq/this_cpu.h"

namespace percpu {

// How an arena's slots are updated.
using UpdateMode = percpud::rseq::UpdateMode;
// How an arena's cells of a count and a sum are committed.
using PairCommit = percpud::abi::v1::PairCommit;
// Where each CPU's unit lies, by CPU id, in the form that updates read.
using CpuTable = percpud::rseq::CpuTable;

// A CPU and the unit that backs it.
struct CpuUnit {
  std::uint32_t cpu = 0;
  Unit unit{};
  // The unit's entry of Mapping::unit_offsets, so that a sum reads one table, not two.
  std::uint64_t offset = 0;
};

// An arena as this process has it mapped.
// Ownership: a view. What it points to outlives it, and it outlives the refs made with
// it. Constant once made, hence thread safe.
struct Mapping {
  // The arena's first byte.
  std::byte* base = nullptr;
  // [unit] -> bytes from unit 0's copy of anything.
  std::span<const std::uint64_t> unit_offsets;
  // The units that back a CPU, each once, by rising CPU id.
  std::span<const CpuUnit> cpu_units;
  // The same by CPU id, for the CPUs whose slots this process can update. The session
  // sets it.
  CpuTable cpus;
  UpdateMode mode = UpdateMode::kRseq;
  PairCommit pair_commit = PairCommit::kTwoStores;
  // Makes the updates that a thread cannot make itself. Null: they are refused.
  Fallback* fallback = nullptr;

  // Returns where unit `unit`'s copy of what `pointer` names lies in this process.
  // REQUIRES: a unit of the mapping; an area of at least sizeof(T), aligned for T.
  template <typename T>
  [[nodiscard]] T* Get(Pointer pointer, Unit unit) const {
    assert(pointer != kNull && Value(pointer) % alignof(T) == 0);
    assert(Value(unit) < unit_offsets.size());
    return reinterpret_cast<T*>(base + Value(pointer) + unit_offsets[Value(unit)]);
  }
};

}  // namespace percpu

#endif  // PERCPUD_CLIENT_SDK_PERCPU_MAPPING_H_

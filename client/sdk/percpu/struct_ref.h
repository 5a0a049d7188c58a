// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_CLIENT_SDK_PERCPU_STRUCT_REF_H_
#define PERCPUD_CLIENT_SDK_PERCPU_STRUCT_REF_H_

#include <cassert>
#include <concepts>
#include <type_traits>

#include "percpu/mapping.h"
#include "percpu/types.h"

namespace percpu {

// A struct that may lie in an arena: its bytes mean the same in every process, and zeroes
// are a value.
template <typename T>
concept ArenaStruct = std::is_trivially_copyable_v<T> && std::is_standard_layout_v<T> &&
    std::is_trivially_default_constructible_v<T> && !std::is_pointer_v<T>;

// A struct with a copy per unit, for programs whose shards own a unit each.
//
//   struct Load { std::uint64_t requests; std::uint64_t bytes; };
//   auto load = session->Struct<Load>("shard/load");
//   load->On(percpu::Unit{shard}).requests += 1;
//
// Ownership: a view of an area that is allocated and not yet freed.
// Thread safety: that of a plain object in shared memory. One thread at a time writes a
// unit's copy. A reader in another thread or process may see half of a write, unless the
// members are read and written through std::atomic_ref.
template <ArenaStruct T>
class StructRef {
 public:
  // REQUIRES: an area of at least sizeof(T) at `pointer`, aligned for T.
  StructRef(const Mapping& mapping, Pointer pointer) : mapping_(&mapping), pointer_(pointer) {
    assert(pointer != kNull && Value(pointer) % alignof(T) == 0);
  }

  // Returns one unit's copy. REQUIRES: a unit of the mapping that has a CPU.
  [[nodiscard]] T& On(Unit unit) const { return *mapping_->Get<T>(pointer_, unit); }
  // Calls visit(Unit, T&) for each unit that backs a CPU.
  template <std::invocable<Unit, T&> Visit>
  void ForEachUnit(Visit visit) const {
    for (const CpuUnit& backed : mapping_->cpu_units) visit(backed.unit, On(backed.unit));
  }
  [[nodiscard]] Pointer pointer() const { return pointer_; }

 private:
  const Mapping* mapping_;
  Pointer pointer_;
};

}  // namespace percpu

#endif  // PERCPUD_CLIENT_SDK_PERCPU_STRUCT_REF_H_

// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// A gauge with one value for all processes: one f64 that everybody sets and adds to.
// An addition is a compare and exchange, as often as it takes; counters do not live
// here. Relaxed. Thread safe, async-signal-safe.

#ifndef PERCPUD_SERVER_CELLS_SHARED_CELL_H_
#define PERCPUD_SERVER_CELLS_SHARED_CELL_H_

#include <atomic>
#include <cassert>
#include <cstddef>
#include <cstdint>

namespace percpud::cells {

// A view of a cell in memory that any number of processes share.
class SharedCell {
 public:
  // REQUIRES: 8 bytes at `at`, aligned.
  explicit SharedCell(std::byte* at) : cell_(*reinterpret_cast<double*>(at)) {
    assert(reinterpret_cast<std::uintptr_t>(at) % sizeof(double) == 0);
  }

  void Set(double value) const { cell_.store(value, std::memory_order_relaxed); }
  void Add(double delta) const { cell_.fetch_add(delta, std::memory_order_relaxed); }
  // Returns what it was and makes it 0.
  [[nodiscard]] double Take() const { return cell_.exchange(0, std::memory_order_relaxed); }
  [[nodiscard]] double Get() const { return cell_.load(std::memory_order_relaxed); }

 private:
  std::atomic_ref<double> cell_;
};

}  // namespace percpud::cells

#endif  // PERCPUD_SERVER_CELLS_SHARED_CELL_H_

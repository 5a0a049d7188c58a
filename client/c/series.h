// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// Families and series as this process holds them: what they are called, and what they
// have counted locally. series_book.h opens them at the daemon.

#ifndef PERCPUD_CLIENT_C_SERIES_H_
#define PERCPUD_CLIENT_C_SERIES_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "client/c/counter.h"
#include "client/c/percpud.h"
#include "proto/percpud/abi/v1/lane_metrics_requests.h"

namespace percpud::c {

// A cell of 16 bytes that is counted in this process alone. Its halves are taken one
// by one.
struct LocalPair {
  std::atomic<std::uint64_t> count = 0;
  // The bits of a double.
  std::atomic<std::uint64_t> sum = 0;
};

// Doubles that are kept as their bits.
void AddToBits(std::atomic<std::uint64_t>& bits, double amount);
void SetBits(std::atomic<std::uint64_t>& bits, double value);
double ReadBits(const std::atomic<std::uint64_t>& bits);
// Returns what it was and makes it 0.
double TakeBits(std::atomic<std::uint64_t>& bits);

// One that sets gauges at the daemon. Its client's.
struct Writer {
  // Null: what the client is called, or else the process's id. Owned.
  char* label = nullptr;
  // The daemon's number of it in this session; 0 while it has no cell.
  std::uint64_t number = 0;
  Writer* next = nullptr;
};

}  // namespace percpud::c

// Constant once made, but for what is said to be its client's. Made by MakeFamily in
// one block of memory, with all that its shape points to.
struct percpud_family {
  percpud_client* client = nullptr;
  percpud::abi::v1::LaneFamilyShape shape;
  bool tracks_own = false;
  // The client's: whether a refusal was said, and its list of families.
  bool refusal_said = false;
  percpud_family* next = nullptr;

  // Cells of a series: a histogram has one for each bucket and one more, others one.
  [[nodiscard]] std::size_t cells() const;
  [[nodiscard]] bool has_pairs() const;
  // Whether programs may update cells in that arena themselves.
  [[nodiscard]] bool is_inlined(const percpud::c::Arena& arena) const;
  // What a series takes in an arena.
  [[nodiscard]] percpud::c::Extent extent() const;
};

// Made by MakeSeries in one block of memory. What programs update is atomic; what is
// said to be its client's is guarded by the client's lock.
struct percpud_series : percpud::c::Handle {
  percpud_family* family = nullptr;
  percpud::c::Writer* writer = nullptr;
  // One for each label.
  std::span<const std::string_view> values;
  // One for each cell, if the family has pairs.
  std::span<percpud::c::LocalPair> pairs;
  // The bits of a double: what this process has set a gauge to, or has added to a
  // counter that tracks it.
  std::atomic<std::uint64_t> own = 0;
  // The bits of a double: when the gauge was set, in seconds since 1970; 0: never. Of a
  // gauge with a cell for each writer `local` is 1 while the cell is to be stored.
  std::atomic<std::uint64_t> set_at = 0;

  // The client's.
  percpud::c::Standing standing = percpud::c::Standing::kUnasked;
  // There was no room for it when it was asked for last.
  bool was_postponed = false;
  // Removed, and not opened again since.
  bool is_removed = false;
  // What it came to then, without what was local.
  percpud_reading removed_at{};
  // In the client's table, where the hash finds it, in its list in the order of making, and in
  // one of its queues.
  std::uint64_t hash = 0;
  percpud_series* next = nullptr;
  percpud_series* next_made = nullptr;
  percpud_series* next_queued = nullptr;

  // Moves what was counted locally to where it belongs, if this thread can.
  void Fold();
  // Whether nothing is left for Fold.
  [[nodiscard]] bool IsFolded() const;
  // Forgets what was counted locally, the own share, and what a gauge was set to.
  void Zero();
  // Forgets what is the parent's, in the child of a fork.
  void BeginAnew();
  // Stores into a writer's cell no more: it is not the process's own any longer. What was
  // set is kept for the next cell.
  void LeaveCell();
};

namespace percpud::c {

// Null if the options contradict themselves or memory is short. The caller frees it
// with free.
percpud_family* MakeFamily(const percpud_family_options& options);
// Null if memory is short. `values` are as many as the family has labels. The caller
// frees it with free.
percpud_series* MakeSeries(percpud_family& family, const char* const* values);

}  // namespace percpud::c

#endif  // PERCPUD_CLIENT_C_SERIES_H_

// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_SERVER_PERCPU_QUICK_LISTS_H_
#define PERCPUD_SERVER_PERCPU_QUICK_LISTS_H_

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>

#include "server/base/units.h"

namespace percpud {

// Small areas that are parked: taken in their chunk's map, but nobody's, so
// that the next request of the same size gets one without a search and without
// a change to any map. One list per size in granules, newest last, short
// enough that all of them together hold about a unit at worst.
//
// The idea is Quick Fit's (Weinstock and Wulf, 1988). Guarded by the index lock.
class QuickLists {
 public:
  struct Entry {
    ChunkId chunk;
    Granules offset;
  };
  static constexpr Granules kLargest{64};
  static constexpr std::uint32_t kDeepest = 32;

  // Whether there is a list for such areas.
  static constexpr bool Serves(Granules count, Granules align) {
    return count <= kLargest && align <= kLargest;
  }
  // Entries the list of that size takes. REQUIRES: 0 < size <= kLargest.
  static constexpr std::uint32_t Depth(Granules size) {
    return std::clamp(256 / size.value(), std::uint32_t{4}, kDeepest);
  }
  [[nodiscard]] bool is_full(Granules size) const {
    return lists_[size.value()].count == Depth(size);
  }
  // How many areas to park at once: one at first, then twice as many each time,
  // up to half the list; so a size that is rarely asked for parks next to
  // nothing. `Rest` starts over.
  std::uint32_t NextBatch(Granules size) {
    List& list = lists_[size.value()];
    const std::uint32_t batch = list.batch;
    list.batch = std::min(2 * batch, Depth(size) / 2);
    return batch;
  }
  void Rest(Granules size) { lists_[size.value()].batch = 1; }
  // Entries in all.
  [[nodiscard]] std::uint32_t total() const { return total_; }

  [[nodiscard]] Granules granules() const {
    Granules sum;
    ForEach([&](Granules size, Entry) { sum += size; });
    return sum;
  }
  // Calls visit(size, entry) for every entry.
  template <typename Visit>
  void ForEach(Visit visit) const {
    for (std::uint32_t size = 1; size < lists_.size(); ++size) {
      const List& list = lists_[size];
      for (std::uint32_t i = 0; i < list.count; ++i) visit(Granules(size), list.entries[i]);
    }
  }

  // REQUIRES: !is_full(size).
  void Push(Granules size, Entry entry) {
    List& list = lists_[size.value()];
    list.entries[list.count++] = entry;
    ++total_;
  }
  // The newest entry at a multiple of `align`.
  std::optional<Entry> Pop(Granules size, Granules align) {
    List& list = lists_[size.value()];
    for (std::uint32_t i = list.count; i-- > 0;) {
      const Entry entry = list.entries[i];
      if ((entry.offset.value() & (align.value() - 1)) != 0) continue;
      std::copy(&list.entries[i + 1], &list.entries[list.count], &list.entries[i]);
      --list.count;
      --total_;
      return entry;
    }
    return std::nullopt;
  }
  // Takes out the oldest entries but `keep` of them, and calls visit(entry).
  template <typename Visit>
  void Drain(Granules size, std::uint32_t keep, Visit visit) {
    List& list = lists_[size.value()];
    if (list.count <= keep) return;
    const std::uint32_t drained = list.count - keep;
    for (std::uint32_t i = 0; i < drained; ++i) visit(list.entries[i]);
    std::copy(&list.entries[drained], &list.entries[list.count], &list.entries[0]);
    list.count = keep;
    total_ -= drained;
  }

 private:
  struct List {
    std::uint32_t count = 0;
    std::uint32_t batch = 1;
    std::array<Entry, kDeepest> entries{};
  };
  // Indexed by size; 0 is unused.
  std::array<List, kLargest.value() + 1> lists_{};
  std::uint32_t total_ = 0;
};

}  // namespace percpud

#endif  // PERCPUD_SERVER_PERCPU_QUICK_LISTS_H_

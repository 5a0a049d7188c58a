// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_TESTS_SUPPORT_BUDDY_MODEL_H_
#define PERCPUD_TESTS_SUPPORT_BUDDY_MODEL_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <vector>

namespace percpud::testing {

// Which pages are granted, and nothing else: what is free follows, because
// buddies always join. The free blocks are the largest aligned ones.
class BuddyModel {
 public:
  explicit BuddyModel(std::uint64_t total) : granted_(total) {}

  // The lowest block of the smallest order that serves.
  std::optional<std::uint64_t> Allocate(std::size_t order) {
    const auto free = FreeBlocks();
    for (std::size_t from = order; from < free.size(); ++from) {
      if (free[from].empty()) continue;
      const std::uint64_t page = free[from].front() << from;
      Mark(page, order, true);
      blocks_[page] = order;
      return page;
    }
    return std::nullopt;
  }

  // Takes that very block; false if it is not all free, or no block at all.
  bool AllocateAt(std::uint64_t page, std::size_t order) {
    const std::uint64_t end = page + (std::uint64_t{1} << order);
    if (page % (std::uint64_t{1} << order) != 0 || end > granted_.size() || !IsFree(page, end)) {
      return false;
    }
    Mark(page, order, true);
    blocks_[page] = order;
    return true;
  }

  // REQUIRES: a block of blocks().
  void Free(std::uint64_t page) {
    Mark(page, blocks_.at(page), false);
    blocks_.erase(page);
  }

  // Per order, the free blocks in rising order.
  [[nodiscard]] std::vector<std::vector<std::uint64_t>> FreeBlocks() const {
    std::size_t orders = 0;
    while (granted_.size() >> orders > 0) ++orders;
    std::vector<std::vector<std::uint64_t>> out(orders);
    Collect(orders, 0, out);
    return out;
  }

  [[nodiscard]] std::uint64_t FreePages() const {
    return std::count(granted_.begin(), granted_.end(), 0);
  }
  // First page -> order of what is granted.
  [[nodiscard]] const std::map<std::uint64_t, std::size_t>& blocks() const { return blocks_; }

 private:
  void Mark(std::uint64_t page, std::size_t order, bool granted) {
    std::fill_n(granted_.data() + page, std::uint64_t{1} << order,
                static_cast<std::uint8_t>(granted));
  }

  [[nodiscard]] bool IsFree(std::uint64_t begin, std::uint64_t end) const {
    return std::all_of(granted_.data() + begin, granted_.data() + end,
                       [](std::uint8_t granted) { return granted == 0; });
  }

  void Collect(std::size_t order, std::uint64_t index,
               std::vector<std::vector<std::uint64_t>>& out) const {
    const std::uint64_t begin = index << order;
    const std::uint64_t end = begin + (std::uint64_t{1} << order);
    if (begin >= granted_.size()) return;
    if (end <= granted_.size() && IsFree(begin, end)) {
      out[order].push_back(index);
    } else if (order > 0) {
      Collect(order - 1, index * 2, out);
      Collect(order - 1, index * 2 + 1, out);
    }
  }

  std::vector<std::uint8_t> granted_;
  std::map<std::uint64_t, std::size_t> blocks_;
};

}  // namespace percpud::testing

#endif  // PERCPUD_TESTS_SUPPORT_BUDDY_MODEL_H_

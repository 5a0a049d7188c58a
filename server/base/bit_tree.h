// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_SERVER_BASE_BIT_TREE_H_
#define PERCPUD_SERVER_BASE_BIT_TREE_H_

#include <cstdint>
#include <optional>
#include <vector>

#include "server/base/zeroed_array.h"

namespace percpud {

// A set of small integers that finds its lowest member at or after a given one
// in O(log64 n): bits in words, and above each level a level with one bit per
// non-zero word (the shape of a van Emde Boas tree with fan-out 64). About
// size() / 8 bytes, of which only the parts that ever held a member are touched.
//
// REQUIRES of every index: index < size(). Thread compatible.
class BitTree {
 public:
  explicit BitTree(std::uint64_t size = 0);

  void Set(std::uint64_t index);
  void Clear(std::uint64_t index);
  [[nodiscard]] bool Test(std::uint64_t index) const;
  // The lowest member >= from, or nullopt. REQUIRES: from <= size().
  [[nodiscard]] std::optional<std::uint64_t> FindFrom(std::uint64_t from) const;
  [[nodiscard]] std::optional<std::uint64_t> FindFirst() const { return FindFrom(0); }

  [[nodiscard]] std::uint64_t size() const { return size_; }
  [[nodiscard]] std::uint64_t count() const { return count_; }
  [[nodiscard]] bool empty() const { return count_ == 0; }

 private:
  std::uint64_t size_;
  std::uint64_t count_ = 0;
  // levels_[0] holds the bits; the last level is one word.
  std::vector<ZeroedArray<std::uint64_t>> levels_;
};

}  // namespace percpud

#endif  // PERCPUD_SERVER_BASE_BIT_TREE_H_

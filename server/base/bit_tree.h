// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_SERVER_BASE_BIT_TREE_H_
#define PERCPUD_SERVER_BASE_BIT_TREE_H_

#include <array>
#include <bit>
#include <cassert>
#include <cstdint>
#include <optional>

#include "server/base/zeroed_array.h"

namespace percpud {

// A set of small integers that finds its lowest member at or after a given one
// in O(log64 n): bits in words, and above each level a level with one bit per
// non-zero word (the shape of a van Emde Boas tree with fan-out 64). About
// size() / 8 bytes, of which only the parts that ever held a member are touched.
// The tree keeps the levels that its highest member so far needs: while all members are
// below 64, an operation touches one word.
//
// REQUIRES of every index: index < size(). Thread compatible.
class BitTree {
 public:
  explicit BitTree(std::uint64_t size = 0);

  // Whether the tree was empty before.
  bool Set(std::uint64_t index) {
    assert(index < size_);
    if (index >= reach_) [[unlikely]]
      Grow(index);
    std::uint64_t& word = words_[index / kWordBits];
    const std::uint64_t before = word;
    word |= Bit(index);
    if ((before & Bit(index)) != 0) return false;
    if (before == 0) SetAbove(index / kWordBits);
    return count_++ == 0;
  }
  // Whether the tree is empty now.
  bool Clear(std::uint64_t index) {
    assert(index < size_);
    std::uint64_t& word = words_[index / kWordBits];
    if ((word & Bit(index)) == 0) return empty();
    word &= ~Bit(index);
    if (word == 0) ClearAbove(index / kWordBits);
    return --count_ == 0;
  }
  [[nodiscard]] bool Test(std::uint64_t index) const {
    assert(index < size_);
    return (At(0, index / kWordBits) & Bit(index)) != 0;
  }
  // The lowest member >= from, or nullopt. REQUIRES: from <= size().
  [[nodiscard]] std::optional<std::uint64_t> FindFrom(std::uint64_t from) const;
  [[nodiscard]] std::optional<std::uint64_t> FindFirst() const {
    if (count_ == 0) return std::nullopt;
    return LowestUnder(height_, 0);
  }

  [[nodiscard]] std::uint64_t size() const { return size_; }
  [[nodiscard]] std::uint64_t count() const { return count_; }
  [[nodiscard]] bool empty() const { return count_ == 0; }

 private:
  static constexpr std::uint64_t kWordBits = 64;
  // Enough for 2^60 members.
  static constexpr std::uint32_t kMaxLevels = 10;

  static std::uint64_t Bit(std::uint64_t index) { return std::uint64_t{1} << (index % kWordBits); }
  std::uint64_t& At(std::uint32_t level, std::uint64_t word) {
    return words_[begin_[level] + word];
  }
  [[nodiscard]] std::uint64_t At(std::uint32_t level, std::uint64_t word) const {
    return words_[begin_[level] + word];
  }
  // A word of the lowest level got its first bit, or lost its last.
  void SetAbove(std::uint64_t index) {
    for (std::uint32_t level = 1; level < height_; ++level, index /= kWordBits) {
      std::uint64_t& word = At(level, index / kWordBits);
      const bool was_empty = word == 0;
      word |= Bit(index);
      if (!was_empty) return;
    }
  }
  void ClearAbove(std::uint64_t index) {
    for (std::uint32_t level = 1; level < height_; ++level, index /= kWordBits) {
      std::uint64_t& word = At(level, index / kWordBits);
      word &= ~Bit(index);
      if (word != 0) return;
    }
  }
  // Makes room for that member.
  void Grow(std::uint64_t index);
  // The lowest member below bit `at` of that level. REQUIRES: the bit is set,
  // or level == height_ and the tree has a member.
  [[nodiscard]] std::uint64_t LowestUnder(std::uint32_t level, std::uint64_t at) const {
    assert(level == height_ ? count_ > 0 : (At(level, at / kWordBits) & Bit(at)) != 0);
    while (level > 0) {
      --level;
      at = at * kWordBits + static_cast<std::uint64_t>(std::countr_zero(At(level, at)));
    }
    return at;
  }

  std::uint64_t size_;
  std::uint64_t count_ = 0;
  std::uint32_t levels_ = 0;
  // The levels kept, and the members they have room for: 64^height_.
  std::uint32_t height_ = 0;
  std::uint64_t reach_ = 0;
  // Where each level begins in words_: level 0 holds the bits, the last is one
  // word.
  std::array<std::uint64_t, kMaxLevels + 1> begin_{};
  ZeroedArray<std::uint64_t> words_;
};

}  // namespace percpud

#endif  // PERCPUD_SERVER_BASE_BIT_TREE_H_

// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/base/bit_tree.h"

#include <bit>
#include <cassert>
#include <cstdint>
#include <optional>

namespace percpud {

BitTree::BitTree(std::uint64_t size) : size_(size), words_(0) {
  std::uint64_t words = size;
  do {
    words = (words + kWordBits - 1) / kWordBits;
    begin_[levels_ + 1] = begin_[levels_] + words;
    ++levels_;
  } while (words > 1);
  words_ = ZeroedArray<std::uint64_t>(begin_[levels_]);
}

void BitTree::Grow(std::uint64_t index) {
  while (index >= reach_) {
    // All members so far are below the new level's first bit.
    if (height_ > 0) At(height_, 0) = std::uint64_t{!empty()};
    reach_ = height_ == 0 ? kWordBits : reach_ * kWordBits;
    ++height_;
  }
}

std::optional<std::uint64_t> BitTree::FindFrom(std::uint64_t from) const {
  assert(from <= size_);
  // Climb until some word has a member at or after the place, then descend
  // along the lowest ones.
  for (std::uint32_t level = 0; level < height_; ++level) {
    const std::uint64_t word = from / kWordBits;
    if (word >= begin_[level + 1] - begin_[level]) return std::nullopt;
    const std::uint64_t members = At(level, word) & (~std::uint64_t{0} << (from % kWordBits));
    if (members != 0) {
      return LowestUnder(level,
                         word * kWordBits + static_cast<std::uint64_t>(std::countr_zero(members)));
    }
    from = word + 1;
  }
  return std::nullopt;
}

}  // namespace percpud

// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/base/bit_tree.h"

#include <bit>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <optional>

namespace percpud {
namespace {

constexpr std::uint64_t kWordBits = 64;

}  // namespace

BitTree::BitTree(std::uint64_t size) : size_(size) {
  std::uint64_t words = size;
  do {
    words = (words + kWordBits - 1) / kWordBits;
    levels_.emplace_back(words);
  } while (words > 1);
}

void BitTree::Set(std::uint64_t index) {
  assert(index < size_);
  if (Test(index)) return;
  ++count_;
  for (auto& level : levels_) {
    std::uint64_t& word = level[index / kWordBits];
    const bool was_empty = word == 0;
    word |= std::uint64_t{1} << (index % kWordBits);
    if (!was_empty) return;
    index /= kWordBits;
  }
}

void BitTree::Clear(std::uint64_t index) {
  assert(index < size_);
  if (!Test(index)) return;
  --count_;
  for (auto& level : levels_) {
    std::uint64_t& word = level[index / kWordBits];
    word &= ~(std::uint64_t{1} << (index % kWordBits));
    if (word != 0) return;
    index /= kWordBits;
  }
}

bool BitTree::Test(std::uint64_t index) const {
  assert(index < size_);
  return (levels_[0][index / kWordBits] >> (index % kWordBits)) & 1;
}

std::optional<std::uint64_t> BitTree::FindFrom(std::uint64_t from) const {
  assert(from <= size_);
  // Climb until some word has a member at or after the place, then descend
  // along the lowest ones.
  for (std::size_t level = 0; level < levels_.size(); ++level) {
    const std::uint64_t word = from / kWordBits;
    if (word >= levels_[level].size()) return std::nullopt;
    const std::uint64_t members = levels_[level][word] & (~std::uint64_t{0} << (from % kWordBits));
    if (members == 0) {
      from = word + 1;
      continue;
    }
    std::uint64_t at = word * kWordBits + static_cast<std::uint64_t>(std::countr_zero(members));
    while (level > 0) {
      --level;
      at = at * kWordBits + static_cast<std::uint64_t>(std::countr_zero(levels_[level][at]));
    }
    return at;
  }
  return std::nullopt;
}

}  // namespace percpud

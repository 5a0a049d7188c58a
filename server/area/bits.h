// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// Searches and range updates over bitmaps of 64-bit words, bit i of the map
// being bit i % 64 of word i / 64. Pure functions: the caller owns the words
// and keeps writers apart.

#ifndef PERCPUD_SERVER_AREA_BITS_H_
#define PERCPUD_SERVER_AREA_BITS_H_

#include <bit>
#include <cassert>
#include <cstddef>
#include <cstdint>

namespace percpud::bits {

using Word = std::uint64_t;
inline constexpr std::uint32_t kWordBits = 64;

constexpr std::size_t WordsFor(std::uint32_t bit_count) {
  return (std::size_t{bit_count} + kWordBits - 1) / kWordBits;
}

inline bool Test(const Word* map, std::uint32_t bit) {
  return (map[bit / kWordBits] >> (bit % kWordBits)) & 1;
}
inline void Set(Word* map, std::uint32_t bit) {
  map[bit / kWordBits] |= Word{1} << (bit % kWordBits);
}
inline void Clear(Word* map, std::uint32_t bit) {
  map[bit / kWordBits] &= ~(Word{1} << (bit % kWordBits));
}

// Bits [low, high) of one word. REQUIRES: low < high <= 64.
constexpr Word MaskBetween(std::uint32_t low, std::uint32_t high) {
  assert(low < high && high <= kWordBits);
  return (~Word{0} << low) & (~Word{0} >> (kWordBits - high));
}

// Calls visit(word index, mask) for each word that [begin, end) touches, in
// order, until it returns false. REQUIRES: begin < end.
template <typename Visit>
inline void ForEachWord(std::uint32_t begin, std::uint32_t end, Visit visit) {
  assert(begin < end);
  const std::uint32_t last = (end - 1) / kWordBits;
  std::uint32_t low = begin % kWordBits;
  for (std::uint32_t word = begin / kWordBits; word <= last; ++word, low = 0) {
    const std::uint32_t high = word == last ? (end - 1) % kWordBits + 1 : kWordBits;
    if (!visit(word, MaskBetween(low, high))) return;
  }
}

inline void SetRange(Word* map, std::uint32_t begin, std::uint32_t end) {
  if (begin == end) return;
  ForEachWord(begin, end, [map](std::uint32_t word, Word mask) {
    map[word] |= mask;
    return true;
  });
}
inline void ClearRange(Word* map, std::uint32_t begin, std::uint32_t end) {
  if (begin == end) return;
  ForEachWord(begin, end, [map](std::uint32_t word, Word mask) {
    map[word] &= ~mask;
    return true;
  });
}
inline std::uint32_t CountRange(const Word* map, std::uint32_t begin, std::uint32_t end) {
  std::uint32_t count = 0;
  if (begin == end) return count;
  ForEachWord(begin, end, [map, &count](std::uint32_t word, Word mask) {
    count += static_cast<std::uint32_t>(std::popcount(map[word] & mask));
    return true;
  });
  return count;
}

// The lowest bit in [begin, end) for which `word_at(i)`, read as a bitmap, is
// set; `end` if there is none. Lets a search run over a combination of maps.
template <typename WordAt>
inline std::uint32_t FindNextIf(std::uint32_t begin, std::uint32_t end, WordAt word_at) {
  std::uint32_t found = end;
  if (begin >= end) return end;
  ForEachWord(begin, end, [&](std::uint32_t word, Word mask) {
    const Word hits = word_at(word) & mask;
    if (hits == 0) return true;
    found = word * kWordBits + static_cast<std::uint32_t>(std::countr_zero(hits));
    return false;
  });
  return found;
}
inline std::uint32_t FindNextSet(const Word* map, std::uint32_t begin, std::uint32_t end) {
  return FindNextIf(begin, end, [map](std::uint32_t word) { return map[word]; });
}
inline std::uint32_t FindNextClear(const Word* map, std::uint32_t begin, std::uint32_t end) {
  return FindNextIf(begin, end, [map](std::uint32_t word) { return ~map[word]; });
}

// One past the highest set bit in [begin, end); `begin` if there is none.
inline std::uint32_t FindLastSetEnd(const Word* map, std::uint32_t begin, std::uint32_t end) {
  if (begin >= end) return begin;
  const std::uint32_t first = begin / kWordBits;
  std::uint32_t high = (end - 1) % kWordBits + 1;
  for (std::uint32_t word = (end - 1) / kWordBits;; --word, high = kWordBits) {
    const std::uint32_t low = word == first ? begin % kWordBits : 0;
    const Word hits = map[word] & MaskBetween(low, high);
    if (hits != 0) {
      return (word + 1) * kWordBits - static_cast<std::uint32_t>(std::countl_zero(hits));
    }
    if (word == first) return begin;
  }
}

}  // namespace percpud::bits

#endif  // PERCPUD_SERVER_AREA_BITS_H_

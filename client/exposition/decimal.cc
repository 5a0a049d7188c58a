// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// The method is R. Giulietti's ("The Schubfach way to render doubles", 2020). Everything
// between the midpoints to a double's neighbours reads back as that double:
//
//      lower neighbour          value          upper neighbour
//   ---------|------------[-------|-------]------------|---------
//                        low            high
//
// k is chosen so that a multiple of 10^k lies in there, and at most one of 10^(k+1).
// If there is one of 10^(k+1) it is the shortest; else the multiple of 10^k that is
// nearest is. The three numbers are compared in units of 10^k / 4, cut to integers
// whose last bit says whether anything was cut off ("round to odd"), which is exact
// enough to decide. 10^-k is needed to 128 bits.

#include "client/exposition/decimal.h"

#include <array>
#include <bit>
#include <cassert>
#include <cstddef>

namespace percpud::exposition {
namespace {

__extension__ using Wide = unsigned __int128;

// The first 128 bits of a power of ten, rounded up.
struct Power {
  std::uint64_t high;
  std::uint64_t low;
};

// An integer of many words, the lowest first.
template <std::size_t kWords>
struct LongInteger {
  std::array<std::uint64_t, kWords> words{};

  constexpr void MultiplyBy5() {
    std::uint64_t carry = 0;
    for (std::uint64_t& word : words) {
      const Wide product = Wide{word} * 5 + carry;
      word = static_cast<std::uint64_t>(product);
      carry = static_cast<std::uint64_t>(product >> 64);
    }
  }
  // Cuts the remainder off.
  constexpr void DivideBy5() {
    std::uint64_t remainder = 0;
    for (std::size_t i = kWords; i-- > 0;) {
      const Wide dividend = (Wide{remainder} << 64) | words[i];
      words[i] = static_cast<std::uint64_t>(dividend / 5);
      remainder = static_cast<std::uint64_t>(dividend % 5);
    }
  }
  // The highest 128 bits. `is_cut`: they are not all there are.
  [[nodiscard]] constexpr Power Top(bool is_cut) const {
    std::size_t top = kWords - 1;
    while (words[top] == 0) --top;
    const std::uint64_t first = words[top];
    const std::uint64_t second = top > 0 ? words[top - 1] : 0;
    const std::uint64_t third = top > 1 ? words[top - 2] : 0;
    const int zeros = std::countl_zero(first);
    const auto shift = [zeros](std::uint64_t word, std::uint64_t next) {
      return zeros == 0 ? word : word << zeros | next >> (64 - zeros);
    };
    Power out{shift(first, second), shift(second, third)};
    if (is_cut && ++out.low == 0) ++out.high;
    return out;
  }
};

constexpr int kLeastPower = -292;
constexpr int kMostPower = 324;

// [n - kLeastPower] is 10^n. The factor of 2^n only moves the point.
constexpr auto kPowers = [] {
  std::array<Power, kMostPower - kLeastPower + 1> out{};
  LongInteger<12> power;
  power.words[0] = 1;
  constexpr int kMostExact = 55;  // 5^55 < 2^128 < 5^56
  for (int n = 0; n <= kMostPower; ++n) {
    out[n - kLeastPower] = power.Top(n > kMostExact);
    power.MultiplyBy5();
  }
  // 2^895 / 5^n, of which 128 bits are left at the end.
  LongInteger<14> inverse;
  inverse.words[13] = std::uint64_t{1} << 63;
  for (int n = -1; n >= kLeastPower; --n) {
    inverse.DivideBy5();
    out[n - kLeastPower] = inverse.Top(true);
  }
  return out;
}();

constexpr int FloorLog10OfPow2(int e) { return (e * 1262611) >> 22; }
constexpr int FloorLog10OfThreeQuartersPow2(int e) { return (e * 1262611 - 524031) >> 22; }
constexpr int FloorLog2OfPow10(int e) { return (e * 1741647) >> 19; }

// The upper 64 bits of power * n / 2^64; the last bit is set if anything was cut off.
constexpr std::uint64_t MultiplyToOdd(const Power& power, std::uint64_t n) {
  const Wide low = Wide{power.low} * n;
  const Wide high = Wide{power.high} * n + static_cast<std::uint64_t>(low >> 64);
  const auto cut = static_cast<std::uint64_t>(high);
  return static_cast<std::uint64_t>(high >> 64) | (cut > 1 ? 1 : 0);
}

Decimal WithoutZeros(std::uint64_t digits, int exponent) {
  while (digits % 10 == 0) {
    digits /= 10;
    ++exponent;
  }
  return {digits, exponent};
}

// significand * 2^exponent, as a double has it.
struct Binary {
  std::uint64_t significand;
  int exponent;
  // The lower neighbour is as far away as the upper one.
  bool is_regular;
};

constexpr int kSignificandBits = 52;
constexpr std::uint64_t kHiddenBit = std::uint64_t{1} << kSignificandBits;

Binary Parts(double value) {
  const auto bits = std::bit_cast<std::uint64_t>(value);
  const std::uint64_t fraction = bits & (kHiddenBit - 1);
  const int biased = static_cast<int>(bits >> kSignificandBits);
  constexpr int kBias = 1023 + kSignificandBits;
  if (biased == 0) return {fraction, 1 - kBias, true};
  return {kHiddenBit | fraction, biased - kBias, fraction != 0 || biased == 1};
}

}  // namespace

Decimal ShortestDecimal(double value) {
  assert(value > 0 && value - value == 0);
  const auto [c, q, is_regular] = Parts(value);
  // In readings that round half to even, the midpoints belong to an even significand.
  const std::uint64_t open = c & 1;
  const int k = is_regular ? FloorLog10OfPow2(q) : FloorLog10OfThreeQuartersPow2(q);
  const int shift = q + FloorLog2OfPow10(-k) + 1;
  const Power& power = kPowers[-k - kLeastPower];
  const std::uint64_t low = MultiplyToOdd(power, (4 * c - (is_regular ? 2 : 1)) << shift);
  const std::uint64_t middle = MultiplyToOdd(power, (4 * c) << shift);
  const std::uint64_t high = MultiplyToOdd(power, (4 * c + 2) << shift);

  const std::uint64_t below = middle / 4;
  const auto lies_inside = [&](std::uint64_t multiple) {
    return low + open <= 4 * multiple && 4 * multiple + open <= high;
  };
  if (below >= 10) {
    const std::uint64_t tens = below / 10 * 10;
    const bool lower = lies_inside(tens);
    const bool upper = lies_inside(tens + 10);
    if (lower != upper) return WithoutZeros(lower ? tens : tens + 10, k);
  }
  const bool lower = lies_inside(below);
  const bool upper = lies_inside(below + 1);
  if (lower != upper) return WithoutZeros(lower ? below : below + 1, k);
  // Both, or neither of them exactly: the nearer one, and of equal ones the even one.
  const std::uint64_t half = 4 * below + 2;
  const bool down = middle < half || (middle == half && below % 2 == 0);
  return WithoutZeros(down ? below : below + 1, k);
}

}  // namespace percpud::exposition

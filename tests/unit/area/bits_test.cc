// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/area/bits.h"

#include <gtest/gtest.h>

#include <array>
#include <random>

namespace percpud::bits {
namespace {

constexpr std::uint32_t kBits = 256;
using Map = std::array<Word, kBits / kWordBits>;

Map RandomMap(std::mt19937_64& random) {
  Map map;
  // Dense, sparse and whole words alike: runs must cross word ends.
  for (Word& word : map) {
    switch (random() % 4) {
      case 0:
        word = 0;
        break;
      case 1:
        word = ~Word{0};
        break;
      case 2:
        word = random() & random();
        break;
      default:
        word = random() | random();
        break;
    }
  }
  return map;
}

TEST(BitsTest, SearchesAgreeWithALoopOverBits) {
  std::mt19937_64 random(1);
  for (int round = 0; round < 20000; ++round) {
    const Map map = RandomMap(random);
    const std::uint32_t begin = random() % (kBits + 1);
    const std::uint32_t end = begin + random() % (kBits - begin + 1);
    std::uint32_t next_set = end;
    std::uint32_t next_clear = end;
    std::uint32_t last_set_end = begin;
    std::uint32_t count = 0;
    for (std::uint32_t bit = end; bit-- > begin;) {
      if (bits::Test(map.data(), bit)) {
        next_set = bit;
        if (last_set_end == begin) last_set_end = bit + 1;
        ++count;
      } else {
        next_clear = bit;
      }
    }
    EXPECT_EQ(FindNextSet(map.data(), begin, end), next_set);
    EXPECT_EQ(FindNextClear(map.data(), begin, end), next_clear);
    EXPECT_EQ(FindLastSetEnd(map.data(), begin, end), last_set_end);
    EXPECT_EQ(CountRange(map.data(), begin, end), count);
  }
}

TEST(BitsTest, RangesChangeTheirBitsAndNoOther) {
  std::mt19937_64 random(2);
  for (int round = 0; round < 5000; ++round) {
    const Map before = RandomMap(random);
    const std::uint32_t begin = random() % (kBits + 1);
    const std::uint32_t end = begin + random() % (kBits - begin + 1);
    Map set = before;
    Map clear = before;
    SetRange(set.data(), begin, end);
    ClearRange(clear.data(), begin, end);
    for (std::uint32_t bit = 0; bit < kBits; ++bit) {
      const bool inside = begin <= bit && bit < end;
      const bool was = bits::Test(before.data(), bit);
      ASSERT_EQ(bits::Test(set.data(), bit), inside || was);
      ASSERT_EQ(bits::Test(clear.data(), bit), !inside && was);
    }
  }
}

}  // namespace
}  // namespace percpud::bits

// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/area/block_runs.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <random>
#include <utility>
#include <vector>

namespace percpud {
namespace {

using Words = std::array<BlockRuns::Word, BlockRuns::kWords>;
constexpr std::uint32_t kBits = BlockRuns::kBits;

// Bit by bit, with nothing clever about it.
BlockRuns Naive(const Words& words) {
  BlockRuns runs{};
  std::uint32_t run = 0;
  bool at_start = true;
  const auto end_run = [&](bool at_end) {
    if (at_start) runs.left = static_cast<std::uint16_t>(run);
    if (at_end) runs.right = static_cast<std::uint16_t>(run);
    if (!at_start && !at_end && run > 0) {
      if (run > runs.inner) runs.inner_count = 0;
      runs.inner = std::max(runs.inner, static_cast<std::uint16_t>(run));
      if (run == runs.inner) ++runs.inner_count;
    }
    at_start = false;
    run = 0;
  };
  for (std::uint32_t bit = 0; bit < kBits; ++bit) {
    if (bits::Test(words.data(), bit)) {
      end_run(false);
    } else {
      ++run;
      ++runs.free;
    }
  }
  end_run(true);
  return runs;
}

std::optional<std::uint32_t> NaiveInner(const Words& words, const BlockRuns& runs,
                                        std::uint32_t count, std::uint32_t align) {
  for (std::uint32_t at = 0; at + count <= kBits - runs.right; at += align) {
    if (at >= runs.left && bits::CountRange(words.data(), at, at + count) == 0) return at;
  }
  return std::nullopt;
}

TEST(BlockRunsTest, AFreeBlockIsAllEnds) {
  const Words words{};
  const BlockRuns runs = BlockRuns::Of(words.data());
  EXPECT_TRUE(runs.is_empty());
  EXPECT_EQ(runs.left, kBits);
  EXPECT_EQ(runs.right, kBits);
  EXPECT_EQ(runs, Naive(words));
}

TEST(BlockRunsTest, FollowEveryChangeExactly) {
  for (const std::uint32_t largest : {3U, 20U, 100U, 700U}) {
    std::mt19937 random(largest);
    Words words{};
    BlockRuns runs = BlockRuns::Of(words.data());
    std::vector<std::pair<std::uint32_t, std::uint32_t>> taken;
    for (int op = 0; op < 20000; ++op) {
      if (random() % 100 < 55) {
        const std::uint32_t begin = random() % kBits;
        const std::uint32_t end = std::min<std::uint32_t>(kBits, begin + 1 + random() % largest);
        if (bits::CountRange(words.data(), begin, end) > 0) continue;
        runs.Take(words.data(), begin, end);
        taken.emplace_back(begin, end);
      } else if (!taken.empty()) {
        std::swap(taken[random() % taken.size()], taken.back());
        runs.Release(words.data(), taken.back().first, taken.back().second);
        taken.pop_back();
      }
      ASSERT_EQ(runs, Naive(words)) << "operation " << op << ", largest " << largest;
      const std::uint32_t count = 1 + random() % largest;
      const std::uint32_t align = 1U << random() % 11;
      ASSERT_EQ(runs.FindInner(words.data(), count, align), NaiveInner(words, runs, count, align));
    }
  }
}

TEST(BlockRunsTest, ManyAreTakenLowestFirst) {
  std::mt19937_64 random(7);
  for (int round = 0; round < 3000; ++round) {
    Words words{};
    for (BlockRuns::Word& word : words) word = random() & random() & random();
    Words expected_words = words;
    const std::uint32_t count = 1 + random() % (round % 2 == 0 ? 6 : 64);
    const std::uint32_t align = 1U << random() % 7;
    const bool from_left = random() % 2 == 0;
    BlockRuns runs = BlockRuns::Of(words.data());
    std::vector<std::uint32_t> expected;
    for (std::uint32_t at = 0; at + count <= kBits && expected.size() < 8; at += align) {
      if (!from_left && at < runs.left) continue;
      if (bits::CountRange(expected_words.data(), at, at + count) > 0) continue;
      bits::SetRange(expected_words.data(), at, at + count);
      expected.push_back(at);
    }
    std::array<std::uint32_t, 8> out{};
    const std::uint32_t taken = runs.TakeMany(words.data(), count, align, from_left, out);
    ASSERT_EQ(std::vector(out.begin(), out.begin() + taken), expected) << count << " by " << align;
    ASSERT_EQ(words, expected_words);
    ASSERT_EQ(runs, Naive(words));
  }
}

}  // namespace
}  // namespace percpud

// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/percpu/index/fit_index.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

namespace percpud {
namespace {

// (chunk, class)
using Attempt = std::pair<std::uint32_t, std::uint32_t>;

// What is tried, in order.
template <typename Try>
std::vector<Attempt> Tried(Try run) {
  std::vector<Attempt> attempts;
  run([&](ChunkId chunk, std::uint32_t size_class) -> std::optional<int> {
    attempts.emplace_back(chunk.value(), size_class);
    return std::nullopt;
  });
  return attempts;
}

std::vector<Attempt> Few(const FitIndex& index, std::uint32_t count) {
  return Tried([&](auto attempt) { return index.TryFew(Granules(count), attempt); });
}
std::vector<Attempt> All(const FitIndex& index, std::uint32_t count) {
  return Tried([&](auto attempt) { return index.TryAll(Granules(count), attempt); });
}

AreaSpan Span(std::uint32_t offset, std::uint32_t size) {
  return {Granules(offset), Granules(size)};
}

class FitIndexTest : public ::testing::Test {
 protected:
  // Runs of 5 and of 7 granules, and the rest.
  FitIndexTest() : map_(AreaMap::Format(storage_, Granules(1024))) {
    map_.Take(Span(5, 1));
    map_.Take(Span(13, 1));
  }

  std::vector<AreaMap::Word> storage_ =
      std::vector<AreaMap::Word>(AreaMap::StorageWords(Granules(1024)));
  AreaMap map_;
};

TEST_F(FitIndexTest, TheLowestChunkOfTheTightestClassIsTriedFirst) {
  FitIndex index(100);
  index.Set(ChunkId(7), 5, true);
  index.Set(ChunkId(2), 9, true);
  index.Set(ChunkId(3), 5, true);
  index.Set(ChunkId(3), 4, true);
  EXPECT_EQ(Few(index, 5), (std::vector<Attempt>{{3, 5}, {7, 5}, {2, 9}}));
  index.Set(ChunkId(3), 5, false);
  index.Set(ChunkId(7), 5, false);
  EXPECT_EQ(Few(index, 5), (std::vector<Attempt>{{2, 9}}));
  EXPECT_TRUE(index.CheckInvariants().ok());
}

TEST_F(FitIndexTest, TryAllComesToEveryChunkThatMayDo) {
  FitIndex index(1000);
  std::vector<Attempt> expected;
  for (std::uint32_t chunk = 0; chunk < 1000; ++chunk) {
    index.Set(ChunkId(chunk), 8, true);
    expected.emplace_back(chunk, 8);
  }
  EXPECT_EQ(All(index, 8), expected);
  EXPECT_LT(Few(index, 8).size(), 20U);
}

TEST_F(FitIndexTest, AChunkIsInTheClassesItHasRunsOf) {
  FitIndex index(10);
  index.Add(ChunkId(4), map_);
  EXPECT_TRUE(index.Agrees(ChunkId(4), &map_));
  EXPECT_FALSE(index.Agrees(ChunkId(4), nullptr));
  EXPECT_TRUE(index.Agrees(ChunkId(5), nullptr));
  const std::uint32_t rest = AreaMap::ClassOf(Granules(1010));
  EXPECT_EQ(All(index, 1), (std::vector<Attempt>{{4, 5}, {4, 7}, {4, rest}}));
  index.Remove(ChunkId(4), map_);
  EXPECT_TRUE(index.Agrees(ChunkId(4), nullptr));
  EXPECT_TRUE(All(index, 1).empty());
  EXPECT_TRUE(index.CheckInvariants().ok());
}

}  // namespace
}  // namespace percpud

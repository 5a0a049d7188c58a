// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/area/bound_map.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <iterator>
#include <random>
#include <set>
#include <vector>

namespace percpud {
namespace {

// Bounds over memory of their own: one free run.
class Bounds {
 public:
  explicit Bounds(std::uint32_t size)
      : words_(BoundMap::StorageWords(size)), map_(words_.data(), size) {
    map_.AddBegin(0);
    map_.AddBegin(size);
    map_.SetTaken(size);
  }
  BoundMap* operator->() { return &map_; }

 private:
  std::vector<BoundMap::Word> words_;
  BoundMap map_;
};

TEST(BoundMapTest, ARunBeginsWhereItWasSaidTo) {
  Bounds bounds(200);
  bounds->AddBegin(10);
  bounds->SetTaken(10);
  EXPECT_TRUE(bounds->IsBegin(10));
  EXPECT_TRUE(bounds->IsTakenBegin(10));
  EXPECT_FALSE(bounds->IsFreeBegin(10));
  bounds->SetFree(10);
  EXPECT_TRUE(bounds->IsFreeBegin(10));
  bounds->RemoveBegin(10);
  EXPECT_FALSE(bounds->IsBegin(10));
  EXPECT_FALSE(bounds->IsFreeBegin(10));
}

TEST(BoundMapTest, TheEndIsABeginThatIsTaken) {
  for (const std::uint32_t size : {1U, 63U, 64U, 65U, 4096U, 16384U}) {
    Bounds bounds(size);
    EXPECT_EQ(bounds->Next(1), size);
    EXPECT_EQ(bounds->Previous(size - 1), 0U);
    EXPECT_TRUE(bounds->IsTakenBegin(size));
  }
}

// Through the summary: nothing begins in thousands of words between.
TEST(BoundMapTest, FarBeginsAreFound) {
  constexpr std::uint32_t kSize = 1U << 20;
  Bounds bounds(kSize);
  bounds->AddBegin(70);
  bounds->AddBegin(kSize - 70);
  EXPECT_EQ(bounds->Next(71), kSize - 70);
  EXPECT_EQ(bounds->Previous(kSize - 71), 70U);
  bounds->RemoveBegin(70);
  EXPECT_EQ(bounds->Previous(kSize - 71), 0U) << "a word without a begin is passed over";
}

TEST(BoundMapTest, SearchesAgreeWithASet) {
  constexpr std::uint32_t kSize = 10000;
  Bounds bounds(kSize);
  std::set<std::uint32_t> begins{0, kSize};
  std::mt19937 random(1);
  for (int step = 0; step < 20000; ++step) {
    // Dense in one part, sparse in the other.
    const std::uint32_t at = 1 + random() % (step % 2 == 0 ? 500 : kSize - 1);
    if (begins.contains(at)) {
      bounds->RemoveBegin(at);
      begins.erase(at);
    } else if (begins.size() < 300) {
      bounds->AddBegin(at);
      begins.insert(at);
    }
    const std::uint32_t from = random() % (kSize + 1);
    ASSERT_EQ(bounds->Next(from), *begins.lower_bound(from));
    ASSERT_EQ(bounds->Previous(from), *std::prev(begins.upper_bound(from)));
  }
}

}  // namespace
}  // namespace percpud

// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/base/bit_tree.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <optional>
#include <random>
#include <set>
#include <utility>

namespace percpud {
namespace {

std::optional<std::uint64_t> FirstFrom(const std::set<std::uint64_t>& model, std::uint64_t from) {
  const auto at = model.lower_bound(from);
  return at == model.end() ? std::nullopt : std::optional(*at);
}

TEST(BitTreeTest, NothingIsFoundInAnEmptyTree) {
  EXPECT_EQ(BitTree().FindFirst(), std::nullopt);
  const BitTree tree(4097);
  EXPECT_TRUE(tree.empty());
  EXPECT_EQ(tree.FindFirst(), std::nullopt);
  EXPECT_EQ(tree.FindFrom(4097), std::nullopt);
}

TEST(BitTreeTest, FindsAMemberAcrossEveryLevel) {
  constexpr std::uint64_t kSize = (std::uint64_t{1} << 24) + 1;  // Five levels.
  BitTree tree(kSize);
  for (const std::uint64_t member :
       {kSize - 1, std::uint64_t{1} << 18, std::uint64_t{4096}, std::uint64_t{64}}) {
    tree.Set(member);
    EXPECT_EQ(tree.FindFirst(), member);
    EXPECT_EQ(tree.FindFrom(member), member);
  }
  EXPECT_EQ(tree.FindFrom(65), 4096);
  EXPECT_EQ(tree.FindFrom((std::uint64_t{1} << 18) + 1), kSize - 1);
  EXPECT_EQ(tree.FindFrom(kSize), std::nullopt);
}

TEST(BitTreeTest, SettingTwiceCountsOnce) {
  BitTree tree(100);
  tree.Set(7);
  tree.Set(7);
  EXPECT_EQ(tree.count(), 1u);
  tree.Clear(7);
  tree.Clear(7);
  EXPECT_EQ(tree.count(), 0u);
  EXPECT_FALSE(tree.Test(7));
}

TEST(BitTreeTest, ACopyIsItsOwn) {
  BitTree tree(200);
  tree.Set(150);
  BitTree copy = tree;
  copy.Clear(150);
  EXPECT_TRUE(tree.Test(150));
  tree = std::move(copy);
  EXPECT_TRUE(tree.empty());
  EXPECT_EQ(tree.size(), 200u);
}

class BitTreeModel : public ::testing::TestWithParam<std::uint64_t> {};

TEST_P(BitTreeModel, AgreesWithASet) {
  const std::uint64_t size = GetParam();
  BitTree tree(size);
  std::set<std::uint64_t> model;
  std::mt19937_64 random(size);
  for (int op = 0; op < 20000; ++op) {
    const std::uint64_t index = random() % size;
    // Phases that fill and phases that drain reach both ends.
    if (random() % 8 < (op / 2000 % 2 == 0 ? 6u : 2u)) {
      tree.Set(index);
      model.insert(index);
    } else {
      tree.Clear(index);
      model.erase(index);
    }
    const std::uint64_t from = random() % (size + 1);
    ASSERT_EQ(tree.FindFrom(from), FirstFrom(model, from)) << "operation " << op;
    ASSERT_EQ(tree.Test(index), model.contains(index)) << "operation " << op;
    ASSERT_EQ(tree.count(), model.size()) << "operation " << op;
  }
}

INSTANTIATE_TEST_SUITE_P(Sizes, BitTreeModel,
                         ::testing::Values(1, 63, 64, 65, 1000, 4095, 4096, 4097, 300001));

}  // namespace
}  // namespace percpud

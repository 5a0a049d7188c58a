// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/percpu/index/tag_table.h"

#include <gtest/gtest.h>

#include <optional>
#include <string>

#include "absl/strings/str_cat.h"

namespace percpud {
namespace {

TEST(TagTableTest, ATagIsOneIdAsLongAsItIsUsed) {
  TagTable tags;
  const std::optional<TagId> web = tags.Acquire("web", 2);
  ASSERT_TRUE(web);
  EXPECT_EQ(tags.Acquire("web", 1), web);
  EXPECT_EQ(tags.Name(*web), "web");
  tags.Release(*web, 2);
  EXPECT_EQ(tags.size(), 1u);
  tags.Release(*web, 1);
  EXPECT_EQ(tags.size(), 0u);
}

TEST(TagTableTest, NoTagCostsNothing) {
  TagTable tags;
  EXPECT_EQ(tags.Acquire("", 5), kNoTag);
  EXPECT_EQ(tags.size(), 0u);
  tags.Release(kNoTag, 5);
}

TEST(TagTableTest, TheLimitHoldsAndAFreedIdIsUsedAgain) {
  TagTable tags;
  for (std::size_t i = 0; i < kMaxTags; ++i) {
    ASSERT_TRUE(tags.Acquire(absl::StrCat("tag", i), 1));
  }
  EXPECT_EQ(tags.Acquire("one more", 1), std::nullopt);
  EXPECT_TRUE(tags.Acquire("tag5", 1));
  tags.Release(TagId(7), 1);
  EXPECT_EQ(tags.Acquire("one more", 1), TagId(7));
  EXPECT_EQ(tags.Name(TagId(7)), "one more");
}

}  // namespace
}  // namespace percpud

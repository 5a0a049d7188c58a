// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/service/paging.h"

#include <gtest/gtest.h>

#include <limits>
#include <string>

#include "server/base/limits.h"

namespace percpud {
namespace {

TEST(PagingTest, SizesAreDefaultedAndCut) {
  EXPECT_EQ(ParsePage("m", 0, "")->size, kDefaultListPage);
  EXPECT_EQ(ParsePage("m", 1, "")->size, 1U);
  EXPECT_EQ(ParsePage("m", 1000, "")->size, kMaxListPage);
  EXPECT_EQ(ParsePage("m", 1001, "")->size, kMaxListPage);
  EXPECT_EQ(ParsePage("m", std::numeric_limits<std::int32_t>::max(), "")->size, kMaxListPage);
  EXPECT_EQ(ParsePage("m", -1, "").status().code(), absl::StatusCode::kInvalidArgument);
}

TEST(PagingTest, ATokenLeadsBackToItsKey) {
  for (const std::uint32_t key : {0U, 1U, 4096U, ~0U}) {
    const auto page = ParsePage("chunks", 0, PageToken("chunks", key));
    ASSERT_TRUE(page.ok()) << page.status();
    EXPECT_EQ(page->first, key);
  }
}

TEST(PagingTest, OnlyTokensOfThisMethodAreTaken) {
  const std::string good = PageToken("chunks", 26);
  EXPECT_FALSE(ParsePage("areas", 0, good).ok());
  for (const std::string& token :
       {good + "000000000000000", good + " ", " " + good, good + "g", std::string("chunks."),
        std::string("chunks.0x1a"), std::string("chunks.001a"), std::string("chunks.1A"),
        std::string("chunks.-1"), std::string("chunks.10000000000000001"), std::string("26"),
        std::string(10000, 'x'), std::string("\0", 1)}) {
    const auto page = ParsePage("chunks", 0, token);
    EXPECT_EQ(page.status().code(), absl::StatusCode::kInvalidArgument) << token;
  }
}

TEST(PagingTest, ATokenOfANameLeadsBackToIt) {
  for (const std::string& name :
       {std::string("a"), std::string("http/hits"), std::string(kMaxNameLength, 'x')}) {
    const auto page = ParseNamePage("variables", 7, NamePageToken("variables", name));
    ASSERT_TRUE(page.ok()) << page.status();
    EXPECT_EQ(page->after, name);
    EXPECT_EQ(page->size, 7U);
  }
  EXPECT_EQ(ParseNamePage("variables", 0, "")->after, "");
  EXPECT_FALSE(ParseNamePage("variables", -1, "").ok());
}

TEST(PagingTest, OnlyTokensOfNamesOfThisMethodAreTaken) {
  const std::string good = NamePageToken("variables", "hits");
  for (const std::string& token :
       {good + "0", good + "g0", " " + good, std::string("variables."), std::string("variables"),
        std::string("variables.6G"), std::string("variables.6A"), std::string("leases.61"),
        NamePageToken("variables", std::string(kMaxNameLength + 1, 'x'))}) {
    const auto page = ParseNamePage("variables", 0, token);
    EXPECT_EQ(page.status().code(), absl::StatusCode::kInvalidArgument) << token;
  }
}

}  // namespace
}  // namespace percpud

// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/base/refusal_log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <vector>

#include "server/base/errors.h"

namespace percpud {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::vector<std::string> lines;

class RefusalLogTest : public ::testing::Test {
 protected:
  void SetUp() override {
    lines.clear();
    SetWarningSink([](absl::string_view text) { lines.emplace_back(text); });
  }
};

TEST(OnceAMinuteTest, LetsOnePassAndCountsTheRest) {
  OnceAMinute gate;
  const BootTime start(absl::Hours(1));
  EXPECT_EQ(gate.Pass(start), 0);
  EXPECT_EQ(gate.Pass(start + absl::Seconds(1)), std::nullopt);
  EXPECT_EQ(gate.Pass(start + absl::Seconds(59)), std::nullopt);
  EXPECT_EQ(gate.Pass(start + absl::Seconds(60)), 2);
  EXPECT_EQ(gate.Pass(start + absl::Seconds(61)), std::nullopt);
  EXPECT_EQ(gate.Pass(start + absl::Hours(1)), 1);
}

TEST_F(RefusalLogTest, AnExhaustedArenaIsSaidOnceWithItsNameAndItsSetting) {
  for (int i = 0; i < 100; ++i) LogRefusal(errors::NoContiguousBlock(Order(5), Pages(3)));
  EXPECT_THAT(lines, ElementsAre(AllOf(HasSubstr("exhausted"), HasSubstr("NO_CONTIGUOUS_BLOCK"),
                                       HasSubstr("see arena_size"), HasSubstr("order 5"))));
}

TEST_F(RefusalLogTest, EachKindHasItsOwnMinute) {
  LogRefusal(errors::QuotaExceeded("uid 7", "bytes", 1, 2, 3));
  LogRefusal(errors::RoleTooLow("Alloc", "client", "viewer"));
  EXPECT_THAT(lines, ElementsAre(HasSubstr("uid 7"), HasSubstr("ROLE_TOO_LOW")));
}

TEST_F(RefusalLogTest, OrdinaryAnswersAreNotLogged) {
  LogRefusal(absl::OkStatus());
  LogRefusal(errors::SizeIsZero());
  LogRefusal(errors::SessionNotFound(7));
  LogRefusal(absl::ResourceExhaustedError("from elsewhere"));
  EXPECT_THAT(lines, IsEmpty());
}

TEST_F(RefusalLogTest, WhatAPeerSaidCannotWriteALineOfItsOwn) {
  LogRefusal(errors::TooManySessions("uid 7\n2026 critical", 9));
  EXPECT_THAT(lines, ElementsAre(HasSubstr("uid 7\\n2026")));
}

}  // namespace
}  // namespace percpud

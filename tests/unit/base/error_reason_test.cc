// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/base/error_reason.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>
#include <cstdint>
#include <set>
#include <string>

#include "server/base/errors.h"

namespace percpud::errors {
namespace {

std::set<std::string> AllNames() {
  std::set<std::string> out;
  for (std::uint16_t number = 0; !Name(Reason{number}).empty(); ++number) {
    out.emplace(Name(Reason{number}));
  }
  return out;
}

TEST(ErrorReasonTest, NoTwoReasonsShareAName) {
  // The last one of the catalogue, so that the count below is not of a part of it.
  const auto count = static_cast<std::size_t>(Reason::kNotExported) + 1;
  EXPECT_EQ(AllNames().size(), count);
}

TEST(ErrorReasonTest, NamesAreUpperCaseWordsOfTheProtocol) {
  for (const std::string& name : AllNames()) {
    EXPECT_TRUE(std::all_of(name.begin(), name.end(), [](unsigned char c) {
      return std::isupper(c) != 0 || c == '_';
    })) << name;
    EXPECT_LE(name.size(), 63u) << name;
  }
}

TEST(ErrorReasonTest, AStatusKeepsItsReasonWhenItIsCopiedAndHandedOn) {
  const absl::Status refused = SizeIsZero();
  absl::Status handed_on = absl::OkStatus();
  handed_on.Update(refused);
  EXPECT_EQ(ReasonOf(handed_on), "SIZE_IS_ZERO");
  EXPECT_EQ(handed_on, refused);
}

TEST(ErrorReasonTest, WhatTheSystemRefusesHasAReasonToo) {
  EXPECT_EQ(ReasonOf(OsRefused("open", "arena", 13)), "OS_REFUSED");
}

TEST(ErrorReasonTest, OkAndForeignStatusesHaveNone) {
  EXPECT_EQ(ReasonOf(absl::OkStatus()), "");
  EXPECT_EQ(ReasonOf(absl::NotFoundError("from elsewhere")), "");
  absl::Status unknown = absl::NotFoundError("from elsewhere");
  unknown.SetPayload("percpud.reason", absl::Cord("NEVER_HEARD_OF"));
  EXPECT_EQ(ReasonOf(unknown), "");
}

}  // namespace
}  // namespace percpud::errors

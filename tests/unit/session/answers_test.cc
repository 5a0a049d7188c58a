// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/session/answers.h"

#include <gtest/gtest.h>

namespace percpud {
namespace {

TEST(AnswersTest, ARequestIsServedOnceAtATime) {
  Answers answers;
  EXPECT_TRUE(answers.Begin(RequestId(1)).ok());
  EXPECT_FALSE(answers.Begin(RequestId(1)).ok());
  answers.End(RequestId(1));
  EXPECT_TRUE(answers.Begin(RequestId(1)).ok());
}

TEST(AnswersTest, TheOldestIsForgottenAndSaysSo) {
  Answers answers;
  for (std::uint64_t i = 1; i <= Answers::kKept; ++i) {
    EXPECT_TRUE(answers.Keep(RequestId(i), {i}).empty());
  }
  const auto forgotten = answers.Keep(RequestId(1000), {1});
  ASSERT_EQ(forgotten.size(), 1U);
  EXPECT_EQ(forgotten[0].request, RequestId(1));
  EXPECT_EQ(answers.Find(RequestId(1)), nullptr);
  EXPECT_TRUE(absl::IsAborted(answers.Begin(RequestId(1))));
  EXPECT_TRUE(answers.Begin(RequestId(2)).ok());
}

TEST(AnswersTest, WhatIsTakenBackBringsBackWhatItPushedOut) {
  Answers answers;
  for (std::uint64_t i = 1; i <= Answers::kKept; ++i) answers.Keep(RequestId(i), {i});
  answers.TakeBack(RequestId(1000), answers.Keep(RequestId(1000), {1}));
  EXPECT_EQ(answers.Find(RequestId(1000)), nullptr);
  ASSERT_NE(answers.Find(RequestId(1)), nullptr);
  EXPECT_EQ(*answers.Find(RequestId(1)), Answers::Words{1});
  EXPECT_TRUE(answers.Begin(RequestId(1)).ok());
  EXPECT_EQ(answers.kept().front(), RequestId(1));
  EXPECT_EQ(answers.kept().size(), Answers::kKept);
}

TEST(AnswersTest, LongAnswersPushOutMore) {
  Answers answers;
  answers.Keep(RequestId(1), Answers::Words(Answers::kKeptWords / 2, 0));
  answers.Keep(RequestId(2), Answers::Words(Answers::kKeptWords / 2, 0));
  EXPECT_EQ(answers.Keep(RequestId(3), Answers::Words(Answers::kKeptWords, 0)).size(), 2U);
  EXPECT_EQ(answers.kept().size(), 1U);
}

}  // namespace
}  // namespace percpud

// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/fleet/judge.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"

namespace percpud::fleet {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

TEST(JudgeTest, AHostThatHasNothingHasAnswered) {
  Judge judge;
  EXPECT_TRUE(judge.Hear("h1", absl::OkStatus()));
  EXPECT_TRUE(judge.Hear("h2", absl::NotFoundError("no such family")));
  EXPECT_TRUE(judge.Verdict(/*available=*/false).ok());
  v1::Round round;
  judge.WriteTo(round);
  EXPECT_THAT(round.hosts(), ElementsAre("h1", "h2"));
  EXPECT_TRUE(round.missing().empty());
}

TEST(JudgeTest, MissingHostsAreNamed) {
  Judge judge;
  EXPECT_TRUE(judge.Hear("h1", absl::OkStatus()));
  EXPECT_FALSE(judge.Hear("h2", absl::UnavailableError("refused")));
  EXPECT_FALSE(judge.Hear("h3", absl::CancelledError("CANCELLED")));
  const absl::Status verdict = judge.Verdict(/*available=*/false);
  EXPECT_TRUE(absl::IsUnavailable(verdict)) << verdict;
  EXPECT_EQ(verdict.message(), "hosts: 2 of 3 missing: h2 (refused); h3 (no answer in time)");
  EXPECT_TRUE(judge.Verdict(/*available=*/true).ok());
  v1::Round round;
  judge.WriteTo(round);
  ASSERT_EQ(round.missing_size(), 2);
  EXPECT_EQ(round.missing(1).host(), "h3");
  EXPECT_EQ(round.missing(1).code(), static_cast<int>(absl::StatusCode::kDeadlineExceeded));
}

TEST(JudgeTest, ARefusalIsNoOutage) {
  Judge judge;
  judge.Hear("h1", absl::UnavailableError("away"));
  judge.Hear("h2", absl::PermissionDeniedError("export.families: no entry"));
  const absl::Status verdict = judge.Verdict(/*available=*/true);
  EXPECT_TRUE(absl::IsPermissionDenied(verdict)) << "nobody is available: " << verdict;
  EXPECT_THAT(verdict.message(), HasSubstr("export.families"));
}

TEST(JudgeTest, AHostMayBeLeftOutAfterwards) {
  Judge judge;
  judge.Hear("h1", absl::OkStatus());
  judge.Hear("h2", absl::OkStatus());
  judge.Drop("h2", absl::FailedPreconditionError("another shape"));
  v1::Round round;
  judge.WriteTo(round);
  EXPECT_THAT(round.hosts(), ElementsAre("h1"));
  EXPECT_EQ(round.missing(0).message(), "another shape");
}

TEST(JudgeTest, HostsAreToldByName) {
  Judge judge;
  for (const char* const host : {"b", "a"}) judge.Hear(host, absl::OkStatus());
  for (const char* const host : {"d", "c"}) judge.Hear(host, absl::UnavailableError("away"));
  v1::Round round;
  judge.WriteTo(round);
  EXPECT_THAT(round.hosts(), ElementsAre("a", "b"));
  EXPECT_EQ(round.missing(0).host(), "c");
}

TEST(JudgeTest, AFleetWithoutHostsHasNoSum) {
  EXPECT_TRUE(absl::IsUnavailable(Judge().Verdict(/*available=*/true)));
}

TEST(JudgeTest, AMessageNamesNoMoreThanOneCanRead) {
  Judge judge;
  for (int i = 0; i < 30; ++i) judge.Hear(absl::StrCat("h", i), absl::UnavailableError("away"));
  const absl::Status verdict = judge.Verdict(/*available=*/false);
  EXPECT_THAT(verdict.message(), HasSubstr("30 of 30"));
  EXPECT_THAT(verdict.message(), HasSubstr("h19 (away); and others"));
  EXPECT_THAT(verdict.message(), Not(HasSubstr("h20 ")));
}

// Otherwise the answer cannot be read, and gRPC refuses to carry the refusal.
TEST(JudgeTest, WhatAHostSaysIsPrintableAndShort) {
  Judge judge;
  judge.Hear("h0", absl::OkStatus());
  for (int i = 1; i < 20; ++i) {
    judge.Hear(absl::StrCat("h", i), absl::InternalError(std::string(8000, '\xff') + "\x1b[2J"));
  }
  v1::Round round;
  judge.WriteTo(round);
  EXPECT_TRUE(v1::Round().ParseFromString(round.SerializeAsString()));
  EXPECT_THAT(round.missing(0).message(), HasSubstr("\\xff\\xff"));
  const absl::Status verdict = judge.Verdict(/*available=*/false);
  EXPECT_LT(verdict.message().size(), 2000U);
  EXPECT_THAT(verdict.message(), HasSubstr("19 of 20 missing: h1 ("));
  EXPECT_THAT(verdict.message(), HasSubstr("; and others"));
}

}  // namespace
}  // namespace percpud::fleet

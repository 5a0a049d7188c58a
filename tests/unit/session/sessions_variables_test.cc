// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include <gtest/gtest.h>

#include <string>
#include <thread>
#include <vector>

#include "tests/unit/session/session_rig.h"

namespace percpud {
namespace {

class VariablesTest : public testing::SessionTest {
 protected:
  absl::StatusOr<OpenedVariable> OpenCounter(const Caller& caller, std::string name,
                                             bool create = true) {
    return sessions_->variables().Open(caller, {.name = std::move(name),
                                                .type = VariableType::kCounter,
                                                .size = Bytes(8),
                                                .create = create});
  }
};

TEST_F(VariablesTest, OneCallerMakesItAndAllFindIt) {
  const Caller alice = CallerOf(Open());
  EXPECT_EQ(OpenCounter(alice, "requests", false).status().code(), absl::StatusCode::kNotFound);
  const auto made = OpenCounter(alice, "requests");
  ASSERT_TRUE(made.ok()) << made.status();
  EXPECT_TRUE(made->created);
  const auto found = OpenCounter(CallerOf(Open(kBob)), "requests");
  ASSERT_TRUE(found.ok()) << found.status();
  EXPECT_FALSE(found->created);
  EXPECT_EQ(found->variable.pointer, made->variable.pointer);
  EXPECT_EQ(sessions_->variables().NameAt(made->variable.pointer), "requests");
  EXPECT_EQ(LiveAreas(), 1U);
}

TEST_F(VariablesTest, ManyThreadsMakeOne) {
  const Caller alice = CallerOf(Open());
  for (int round = 0; round < 50; ++round) {
    const std::string name = "v" + std::to_string(round);
    std::vector<std::thread> threads;
    std::vector<PercpuPtr> seen(4);
    for (PercpuPtr& pointer : seen) {
      threads.emplace_back([&] {
        const auto opened = OpenCounter(alice, name);
        if (opened.ok()) pointer = opened->variable.pointer;
      });
    }
    for (std::thread& thread : threads) thread.join();
    EXPECT_EQ(seen, std::vector<PercpuPtr>(4, seen[0]));
    ASSERT_EQ(LiveAreas(), static_cast<std::uint64_t>(round) + 1);
  }
}

TEST_F(VariablesTest, ItOutlivesItsMakerAndIsFreedByNameOnly) {
  const OpenedSession session = Open();
  const Caller alice = CallerOf(session);
  const PercpuPtr area = OpenCounter(alice, "hits")->variable.pointer;
  for (const Caller& caller : {alice, kOperator}) {
    EXPECT_EQ(Free(caller, {area}).code(), absl::StatusCode::kFailedPrecondition);
  }
  sessions_->End(session.id);
  EXPECT_EQ(LiveAreas(), 1U);
  const absl::Status denied = sessions_->variables().Remove(CallerOf(Open(kBob)), "hits");
  EXPECT_EQ(denied.code(), absl::StatusCode::kPermissionDenied);
  // Another session of the same user may.
  EXPECT_TRUE(sessions_->variables().Remove(CallerOf(Open(kAlice)), "hits").ok());
  EXPECT_EQ(LiveAreas(), 0U);
  EXPECT_EQ(sessions_->variables().Remove(kOperator, "hits").code(), absl::StatusCode::kNotFound);
}

TEST_F(VariablesTest, AnotherTypeOrSizeIsAnotherVariable) {
  const Caller alice = CallerOf(Open());
  ASSERT_TRUE(OpenCounter(alice, "hits").ok());
  const auto wider = sessions_->variables().Open(
      alice, {.name = "hits", .type = VariableType::kCounter, .size = Bytes(16), .create = true});
  EXPECT_EQ(wider.status().code(), absl::StatusCode::kFailedPrecondition);
  const auto gauge = sessions_->variables().Open(
      alice, {.name = "hits", .type = VariableType::kGauge, .size = Bytes(8)});
  EXPECT_EQ(gauge.status().code(), absl::StatusCode::kFailedPrecondition);
  // A caller that names no size takes the size there is.
  EXPECT_TRUE(sessions_->variables().Open(alice, {.name = "hits"}).ok());
}

TEST_F(VariablesTest, ATypeThatIsCountedInHasItsSizeAndAlignment) {
  const Caller alice = CallerOf(Open());
  const auto refused = [&](VariableType type, std::uint64_t size, std::uint64_t alignment) {
    const auto opened = sessions_->variables().Open(alice, {.name = "odd",
                                                            .type = type,
                                                            .size = Bytes(size),
                                                            .alignment = Bytes(alignment),
                                                            .create = true});
    return absl::IsInvalidArgument(opened.status());
  };
  for (const VariableType type : {VariableType::kCounter, VariableType::kGauge}) {
    for (const std::uint64_t size : {1, 3, 4, 6, 7, 9, 12, 16}) {
      EXPECT_TRUE(refused(type, size, 8)) << Name(type) << " of " << size;
    }
    EXPECT_TRUE(refused(type, 8, 4));
  }
  for (const std::uint64_t size : {4, 5, 12}) {
    EXPECT_TRUE(refused(VariableType::kHistogram, size, 8)) << size;
  }
  EXPECT_TRUE(refused(VariableType::kHistogram, 16, 4));
  EXPECT_EQ(LiveAreas(), 0U);
  EXPECT_FALSE(refused(VariableType::kHistogram, 40, 8));
}

TEST_F(VariablesTest, AnAreaOfAnotherShapeIsNotPublishedAsACounter) {
  const Caller alice = CallerOf(Open());
  const PercpuPtr area = MustAlloc(alice, Bytes(12));
  EXPECT_TRUE(absl::IsInvalidArgument(
      sessions_->variables().Publish(alice, area, "odd", VariableType::kCounter).status()));
  EXPECT_TRUE(sessions_->variables().Publish(alice, area, "odd", VariableType::kBytes).ok());
}

TEST_F(VariablesTest, PublishingMakesAnAreaNobodys) {
  const OpenedSession session = Open();
  const Caller alice = CallerOf(session);
  const Caller bob = CallerOf(Open(kBob));
  const PercpuPtr area = MustAlloc(alice, Bytes(40));
  EXPECT_EQ(
      sessions_->variables().Publish(bob, area, "state", VariableType::kBytes).status().code(),
      absl::StatusCode::kPermissionDenied);
  EXPECT_EQ(sessions_->variables()
                .Publish(alice, PercpuPtr(area.value() + 4), "state", VariableType::kBytes)
                .status()
                .code(),
            absl::StatusCode::kInvalidArgument);
  const auto published = sessions_->variables().Publish(alice, area, "state", VariableType::kBytes);
  ASSERT_TRUE(published.ok()) << published.status();
  EXPECT_EQ(published->size, Bytes(40));
  EXPECT_EQ(UseOf(alice.session), Usage{});
  sessions_->End(session.id);
  EXPECT_EQ(OpenCounter(bob, "state", false).status().code(),
            absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(sessions_->variables().List("", 10).size(), 1U);
  const PercpuPtr bobs = MustAlloc(bob, Bytes(8));
  EXPECT_EQ(
      sessions_->variables().Publish(bob, bobs, "state", VariableType::kBytes).status().code(),
      absl::StatusCode::kAlreadyExists);
  EXPECT_EQ(OwnerOf(bobs), bob.session);
}

TEST_F(VariablesTest, NamesAreSpelt) {
  const Caller alice = CallerOf(Open());
  for (const std::string& name :
       {std::string(), std::string("a b"), std::string("a\n"), std::string("a\0b", 3),
        std::string("\xc3\xa9"), std::string(129, 'x')}) {
    EXPECT_EQ(OpenCounter(alice, name).status().code(), absl::StatusCode::kInvalidArgument);
  }
  EXPECT_TRUE(OpenCounter(alice, "app/http:requests_total-2.5").ok());
  EXPECT_TRUE(OpenCounter(alice, std::string(128, 'x')).ok());
  EXPECT_EQ(LiveAreas(), 2U);
}

TEST_F(VariablesTest, AUsersQuotaCountsWhatHasANameAndNothingElse) {
  Restart({.limits = {.variables_per_user = {.count = 2, .bytes = Bytes(64)}}});
  const Caller alice = CallerOf(Open());
  ASSERT_TRUE(OpenCounter(alice, "a").ok());
  // By name as by publishing; found again costs nothing.
  const PercpuPtr area = MustAlloc(alice, Bytes(60));
  const auto over = sessions_->variables().Publish(alice, area, "b", VariableType::kBytes);
  EXPECT_EQ(over.status().code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(over.status().message(),
            "quota: uid 1000 uses 8 of 64 bytes in variables and asks for 60 more");
  EXPECT_EQ(OwnerOf(area), alice.session);
  ASSERT_TRUE(OpenCounter(alice, "b").ok());
  EXPECT_TRUE(OpenCounter(alice, "a").ok());
  const auto third = OpenCounter(alice, "c");
  EXPECT_EQ(third.status().message(), "quota: uid 1000 uses 2 of 2 variables and asks for 1 more");
  EXPECT_EQ(sessions_->quota_refusals(), 2U);
  EXPECT_EQ(LiveAreas(), 3U);
  // Another user has a quota of its own; a removed one is room again.
  EXPECT_TRUE(OpenCounter(CallerOf(Open(kBob)), "bobs").ok());
  ASSERT_TRUE(sessions_->variables().Remove(alice, "a").ok());
  EXPECT_TRUE(OpenCounter(alice, "c").ok());
}

TEST_F(VariablesTest, MakersWithoutAUidShareAQuotaAndMayNotRemove) {
  Restart({.limits = {.variables_per_user = {.count = 1}}});
  const Caller stranger{.role = Role::kClient};
  ASSERT_TRUE(OpenCounter(stranger, "theirs").ok());
  EXPECT_EQ(OpenCounter(stranger, "more").status().code(), absl::StatusCode::kResourceExhausted);
  const absl::Status refused = sessions_->variables().Remove(CallerOf(Open()), "theirs");
  EXPECT_EQ(refused.code(), absl::StatusCode::kPermissionDenied);
  EXPECT_EQ(refused.message(),
            "name: theirs was made by a caller unknown to the kernel; an operator may remove it");
}

TEST_F(VariablesTest, WhatOthersHaveOpenIsRemovedByForceAndGrantedWhenTheyHaveEnded) {
  const Caller alice = CallerOf(Open());
  const OpenedSession bob = Open(kBob);
  const PercpuPtr area = OpenCounter(alice, "hits")->variable.pointer;
  ASSERT_TRUE(OpenCounter(CallerOf(bob), "hits").ok());
  const absl::Status refused = sessions_->variables().Remove(alice, "hits");
  EXPECT_EQ(refused.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(sessions_->variables().List("", 10).size(), 1U);
  ASSERT_TRUE(sessions_->variables().Remove(alice, "hits", true).ok());
  EXPECT_TRUE(sessions_->variables().IsQuarantined(area));
  for (int i = 0; i < 1000; ++i) EXPECT_NE(MustAlloc(alice, Bytes(8)), area);
  EXPECT_EQ(Free(kOperator, {area}).code(), absl::StatusCode::kFailedPrecondition);
  const std::uint64_t before = LiveAreas();
  sessions_->End(bob.id);
  EXPECT_EQ(LiveAreas(), before - 1);
  EXPECT_FALSE(sessions_->variables().IsQuarantined(area));
}

TEST_F(VariablesTest, TheListGoesOnWhereItEnded) {
  const Caller alice = CallerOf(Open());
  for (const char* name : {"c", "a", "b"}) ASSERT_TRUE(OpenCounter(alice, name).ok());
  const auto page = sessions_->variables().List("", 2);
  ASSERT_EQ(page.size(), 2U);
  EXPECT_EQ(page[1].name, "b");
  ASSERT_EQ(sessions_->variables().List(page[1].name, 2).size(), 1U);
}

}  // namespace
}  // namespace percpud

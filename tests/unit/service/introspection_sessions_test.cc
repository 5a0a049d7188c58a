// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

// What introspection shows of sessions and variables.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <span>
#include <string>
#include <vector>

#include "server/base/clock.h"
#include "tests/unit/service/introspection_rig.h"

namespace percpud {
namespace {

using ::testing::SizeIs;
using Stub = v1::IntrospectionService::Stub;

class IntrospectionSessionsTest : public testing::IntrospectionTest {};

TEST_F(IntrospectionSessionsTest, SessionsComeInPagesById) {
  const Peer peer{.pid = ProcessId(7), .uid = UserId(0), .gid = UserGroupId(0)};
  const auto local =
      sessions_->Open({.kind = SessionKind::kLocalReadOnly, .peer = peer, .command = "shard"});
  ASSERT_TRUE(local.ok()) << local.status();
  clock_.Advance(absl::Milliseconds(1500));
  for (int i = 0; i < 2; ++i) ASSERT_TRUE(sessions_->Open({.ttl = absl::Hours(1)}).ok());
  std::vector<v1::Session> sessions;
  const int pages = CollectPages<v1::ListSessionsRequest, v1::ListSessionsResponse>(
      &Stub::ListSessions, {}, 2, [&](const v1::ListSessionsResponse& page) {
        sessions.insert(sessions.end(), page.sessions().begin(), page.sessions().end());
      });
  EXPECT_EQ(pages, 2);
  ASSERT_THAT(sessions, SizeIs(3));
  EXPECT_EQ(sessions[0].session_id(), local->id.value());
  EXPECT_EQ(sessions[0].kind(), v1::SESSION_KIND_LOCAL_READ_ONLY);
  EXPECT_EQ(sessions[0].pid(), 7U);
  EXPECT_TRUE(sessions[0].has_uid());
  EXPECT_EQ(sessions[0].command(), "shard");
  EXPECT_EQ(sessions[0].age().seconds(), 1);
  EXPECT_EQ(sessions[0].age().nanos(), 500'000'000);
  const absl::Time opened = ToHour(clock_, clock_.Now() - absl::Milliseconds(1500));
  const absl::Time shown = absl::FromUnixSeconds(sessions[0].create_time().seconds());
  EXPECT_LT(absl::AbsDuration(shown - opened), absl::Minutes(1));
  EXPECT_EQ(sessions[1].kind(), v1::SESSION_KIND_REMOTE);
  EXPECT_FALSE(sessions[1].has_pid());
  EXPECT_LT(sessions[1].session_id(), sessions[2].session_id());
}

TEST_F(IntrospectionSessionsTest, VariablesComeInPagesByNameAndResolveKnowsThem) {
  for (const char* name : {"c", "a", "b"}) {
    ASSERT_TRUE(sessions_->variables()
                    .Open(kOperator, {.name = name, .size = Bytes(8), .create = true})
                    .ok());
  }
  std::vector<std::string> names;
  v1::ResolveRequest request;
  const int pages = CollectPages<v1::ListVariablesRequest, v1::ListVariablesResponse>(
      &Stub::ListVariables, {}, 2, [&](const v1::ListVariablesResponse& page) {
        for (const v1::Variable& variable : page.variables()) {
          names.push_back(variable.name());
          request.set_pointer(variable.pointer());
        }
      });
  EXPECT_EQ(pages, 2);
  EXPECT_THAT(names, ::testing::ElementsAre("a", "b", "c"));
  v1::ResolveResponse response;
  ASSERT_TRUE(Call(&Stub::Resolve, request, &response).ok());
  EXPECT_EQ(response.variable(), "c");
  EXPECT_FALSE(response.has_session_id());
}

// A page goes on behind the last name of the one before: what stays is shown once, even
// if that name is gone and others came on both sides of it.
TEST_F(IntrospectionSessionsTest, VariablesThatStayAreShownOnceWhateverComesAndGoes) {
  const auto create = [&](const std::string& name) {
    ASSERT_TRUE(sessions_->variables()
                    .Open(kOperator, {.name = name, .size = Bytes(8), .create = true})
                    .ok());
  };
  for (const char* name : {"b", "d", "f", "h"}) create(name);
  std::vector<std::string> names;
  const int pages = CollectPages<v1::ListVariablesRequest, v1::ListVariablesResponse>(
      &Stub::ListVariables, {}, 2, [&](const v1::ListVariablesResponse& page) {
        for (const v1::Variable& variable : page.variables()) names.push_back(variable.name());
        if (names.size() != 2) return;
        ASSERT_TRUE(sessions_->variables().Remove(kOperator, "d").ok());
        create("a");
        create("e");
      });
  EXPECT_EQ(pages, 3);
  EXPECT_THAT(names, ::testing::ElementsAre("b", "d", "e", "f", "h"));
}

TEST_F(IntrospectionSessionsTest, ResolveNamesTheSessionThatOwnsAnArea) {
  const auto session = sessions_->Open({.ttl = absl::Hours(1)});
  ASSERT_TRUE(session.ok()) << session.status();
  const Caller caller{.role = Role::kClient, .session = session->id};
  const AreaSpec spec{.size = Bytes(64)};
  PercpuPtr area;
  ASSERT_TRUE(
      sessions_->areas().AllocBatch(caller, std::span(&spec, 1), {}, std::span(&area, 1)).ok());
  v1::ResolveRequest request;
  request.set_pointer(area.value() + 63);
  v1::ResolveResponse response;
  ASSERT_TRUE(Call(&Stub::Resolve, request, &response).ok());
  EXPECT_EQ(response.session_id(), session->id.value());
  EXPECT_EQ(response.variable(), "");
  EXPECT_FALSE(response.quarantined());
}

TEST_F(IntrospectionSessionsTest, ResolveSaysThatAnAreaWaitsForTheOpenersOfARemovedVariable) {
  const auto session = sessions_->Open({.ttl = absl::Hours(1)});
  ASSERT_TRUE(session.ok()) << session.status();
  const auto opened = sessions_->variables().Open(
      {.role = Role::kClient, .session = session->id},
      {.name = "hits", .size = Bytes(8), .alignment = Bytes(8), .create = true});
  ASSERT_TRUE(opened.ok()) << opened.status();
  ASSERT_TRUE(sessions_->variables().Remove(kOperator, "hits", /*force=*/true).ok());
  v1::ResolveRequest request;
  request.set_pointer(opened->variable.pointer.value());
  v1::ResolveResponse response;
  ASSERT_TRUE(Call(&Stub::Resolve, request, &response).ok());
  EXPECT_TRUE(response.quarantined());
  EXPECT_EQ(response.variable(), "");
  sessions_->End(session->id);
  ASSERT_TRUE(Call(&Stub::Resolve, request, &response).ok());
  EXPECT_FALSE(response.quarantined());
  EXPECT_EQ(response.owner(), v1::OWNER_FREE);
}

}  // namespace
}  // namespace percpud

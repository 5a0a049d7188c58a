// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/session/access/policy.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <string>

#include "absl/strings/str_replace.h"

namespace percpud {
namespace {

using ::testing::HasSubstr;

constexpr std::array kRoles{Role::kAnonymous, Role::kViewer, Role::kClient, Role::kOperator};

// The table once more, as its readers see it: who may call, and on whose things.
struct Row {
  const char* name;
  // By role, in the order of kRoles.
  std::array<bool, 4> may_call;
  // What a client may use: its own, nobody's, another session's.
  std::array<bool, 3> may_use;
};
constexpr std::array kTable{
    Row{"Ping", {true, true, true, true}, {true, true, true}},
    Row{"Alloc", {false, false, true, true}, {true, true, true}},
    Row{"Free", {false, false, true, true}, {true, false, false}},
    Row{"Read", {false, true, true, true}, {true, true, true}},
    Row{"Write", {false, false, true, true}, {true, true, false}},
    Row{"Add", {false, false, true, true}, {true, true, false}},
    Row{"Sum", {false, true, true, true}, {true, true, true}},
    Row{"Introspection", {false, true, true, true}, {true, true, true}},
    Row{"Attach", {false, false, true, true}, {true, true, true}},
    Row{"OpenSession", {false, false, true, true}, {true, true, true}},
    Row{"HandOver", {false, false, true, true}, {true, false, false}},
    Row{"Publish", {false, false, true, true}, {true, false, false}},
    Row{"OpenVariable", {false, false, true, true}, {true, true, true}},
    Row{"RemoveVariable", {false, false, true, true}, {true, true, true}},
    Row{"LeaseChunk", {false, false, true, true}, {true, true, true}},
    Row{"ReturnLease", {false, false, true, true}, {true, false, false}},
    Row{"OpenSeries", {false, false, true, true}, {true, true, true}},
    Row{"ListFamilies", {false, true, true, true}, {true, true, true}},
    Row{"ReadSeries", {false, true, true, true}, {true, true, true}},
    Row{"WatchSeries", {false, true, true, true}, {true, true, true}},
    Row{"RemoveSeries", {false, false, true, true}, {true, true, true}},
    Row{"ResetNamespace", {false, false, true, true}, {true, true, true}},
    Row{"CloseWriter", {false, false, true, true}, {true, false, false}},
    Row{"EndSession", {false, false, true, true}, {true, false, false}},
    Row{"Check", {false, false, false, true}, {true, true, true}},
    Row{"Health.Check", {true, true, true, true}, {true, true, true}},
    Row{"Health.Watch", {false, true, true, true}, {true, true, true}},
    Row{"ServerReflection", {false, true, true, true}, {true, true, true}},
    Row{"Channelz", {false, true, true, true}, {true, true, true}},
};

class PolicyTest : public ::testing::TestWithParam<std::size_t> {
 protected:
  const Row& row() const { return kTable[GetParam()]; }
  const RpcPolicy& policy() const { return RpcPolicies()[GetParam()]; }
};

TEST_P(PolicyTest, SaysWhoMayCall) {
  EXPECT_EQ(policy().name, row().name);
  for (std::size_t i = 0; i < kRoles.size(); ++i) {
    const absl::Status status = CheckRole(policy().rpc, {.role = kRoles[i]});
    EXPECT_EQ(status.ok(), row().may_call[i]) << row().name << " as " << Name(kRoles[i]);
    if (status.ok()) continue;
    EXPECT_EQ(status.code(), absl::StatusCode::kPermissionDenied);
    EXPECT_THAT(std::string(status.message()), HasSubstr(row().name));
  }
}

TEST_P(PolicyTest, SaysOnWhoseThings) {
  const Caller client{.role = Role::kClient, .session = SessionId(1)};
  constexpr std::array kOwners{Owner::kCaller, Owner::kNobody, Owner::kAnother};
  for (std::size_t i = 0; i < kOwners.size(); ++i) {
    EXPECT_EQ(MayUse(policy().rpc, client, kOwners[i]), row().may_use[i])
        << row().name << " on " << i;
    EXPECT_TRUE(MayUse(policy().rpc, {.role = Role::kOperator}, kOwners[i])) << row().name;
  }
}

INSTANTIATE_TEST_SUITE_P(Rows, PolicyTest, ::testing::Range<std::size_t>(0, kTable.size()),
                         [](const auto& info) {
                           return absl::StrReplaceAll(kTable[info.param].name, {{".", ""}});
                         });

TEST(PolicyTableTest, HasARowPerRpc) { EXPECT_EQ(RpcPolicies().size(), kTable.size()); }

TEST(PolicyTableTest, ASessionlessClientOwnsNothing) {
  EXPECT_FALSE(MayUse(Rpc::kFree, {.role = Role::kClient}, Owner::kNobody));
}

TEST(AccessRulesTest, TheHighestRoleThatNamesAPeerIsIts) {
  const AccessRules rules{
      .operators = {.everybody = false, .users = {UserId(10)}, .groups = {}},
      .clients = {.everybody = false, .users = {UserId(20)}, .groups = {UserGroupId(2)}},
      .viewers = {.everybody = false, .users = {UserId(20), UserId(30)}, .groups = {}},
      .remote = Role::kViewer};
  const auto role = [&](std::uint32_t uid, std::uint32_t gid) {
    return rules.RoleOf(Peer{.pid = ProcessId(1), .uid = UserId(uid), .gid = UserGroupId(gid)});
  };
  EXPECT_EQ(role(10, 9), Role::kOperator);
  EXPECT_EQ(role(20, 9), Role::kClient);
  EXPECT_EQ(role(99, 2), Role::kClient);
  EXPECT_EQ(role(30, 9), Role::kViewer);
  EXPECT_EQ(role(99, 9), Role::kAnonymous);
  EXPECT_EQ(role(0, 9), Role::kOperator);
  EXPECT_EQ(role(geteuid(), 9), Role::kOperator);
  EXPECT_EQ(rules.RoleOf(std::nullopt), Role::kViewer);
}

TEST(AccessRulesTest, AViewerWhoIsNamedIsOneThoughEverybodyIsAClient) {
  const AccessRules rules{.viewers = {.everybody = false, .users = {UserId(30)}, .groups = {}}};
  EXPECT_EQ(rules.RoleOf(Peer{.uid = UserId(30)}), Role::kViewer);
  EXPECT_EQ(rules.RoleOf(Peer{.uid = UserId(31)}), Role::kClient);
}

TEST(AccessRulesTest, ByDefaultLocalsAreClientsAndTheRestNobody) {
  EXPECT_EQ(AccessRules().RoleOf(Peer{.uid = UserId(12345)}), Role::kClient);
  EXPECT_EQ(AccessRules().RoleOf(std::nullopt), Role::kAnonymous);
}

}  // namespace
}  // namespace percpud

// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/session/holders.h"

#include <gtest/gtest.h>

#include <string>

namespace percpud {
namespace {

constexpr Usage kArea{.bytes = Bytes(8), .areas = 1, .leases = 0};
const Identity kAlice{.uid = UserId(1000)};
const Identity kBob{.uid = UserId(1001)};
const Identity kHost{.host = "10.0.0.7"};

SessionLimits PerUser(std::uint64_t areas) {
  SessionLimits out;
  out.per_user.areas = areas;
  return out;
}

TEST(HoldersTest, WhatIsHeldIsChargedToHolderAndIdentity) {
  Holders holders(PerUser(2));
  holders.RestoreSession(SessionId(1), kAlice, false);
  holders.RestoreSession(SessionId(2), kAlice, true);
  const HolderId own = holders.OwnOf(kAlice);
  EXPECT_TRUE(holders.Charge(HolderId(1), kArea).ok());
  EXPECT_TRUE(holders.Charge(own, kArea).ok());
  const absl::Status over = holders.Charge(HolderId(2), kArea);
  EXPECT_EQ(over.message(), "quota: uid 1000 uses 2 of 2 areas and asks for 1 more");
  EXPECT_EQ(holders.quota_refusals(), 1U);
  EXPECT_EQ(holders.Find(HolderId(2))->account.use(), Usage{});
  holders.Refund(own, kArea);
  EXPECT_TRUE(holders.Charge(HolderId(2), kArea).ok());
}

TEST(HoldersTest, ARemoteHostHasAQuotaToo) {
  Holders holders(PerUser(1));
  const HolderId own = holders.OwnOf(kHost);
  EXPECT_TRUE(holders.Charge(own, kArea).ok());
  EXPECT_EQ(holders.Charge(own, kArea).message(),
            "quota: 10.0.0.7 uses 1 of 1 areas and asks for 1 more");
}

TEST(HoldersTest, WhatStaysWithOneIdentityTakesNoneOfItsRoom) {
  Holders holders(PerUser(1));
  holders.RestoreSession(SessionId(1), kAlice, false);
  holders.RestoreSession(SessionId(2), kAlice, false);
  holders.RestoreSession(SessionId(3), kBob, false);
  ASSERT_TRUE(holders.Charge(HolderId(1), kArea).ok());
  ASSERT_TRUE(holders.Charge(HolderId(3), kArea).ok());
  EXPECT_TRUE(holders.Transfer(HolderId(1), HolderId(2), kArea).ok());
  EXPECT_EQ(holders.Find(HolderId(1))->account.use(), Usage{});
  EXPECT_FALSE(holders.Transfer(HolderId(2), HolderId(3), kArea).ok());
  EXPECT_EQ(holders.Find(HolderId(2))->account.use(), kArea);
  holders.TransferBack(HolderId(2), HolderId(3), kArea);
  EXPECT_EQ(holders.Find(HolderId(3))->account.use().areas, 2U);
}

TEST(HoldersTest, AnIdentitysOwnGoesWhenItHasNothing) {
  Holders holders({});
  const HolderId own = holders.OwnOf(kAlice);
  EXPECT_EQ(holders.OwnOf(kAlice), own);
  EXPECT_TRUE(IsIdentity(own));
  EXPECT_EQ(SessionOf(own), kNoSession);
  ASSERT_TRUE(holders.Charge(own, kArea).ok());
  EXPECT_TRUE(holders.WouldBeIdle(own, kArea));
  holders.ForgetIfIdle(own);
  ASSERT_NE(holders.Find(own), nullptr);
  holders.Refund(own, kArea);
  holders.ForgetIfIdle(own);
  EXPECT_EQ(holders.Find(own), nullptr);
  EXPECT_TRUE(holders.identities().empty());
  EXPECT_NE(holders.OwnOf(kAlice), own);
}

TEST(HoldersTest, OnlyUsersOwnWhatTheyMadeWithoutASession) {
  Holders holders({});
  const HolderId hers = holders.OwnOf(kAlice);
  const HolderId hosts = holders.OwnOf(kHost);
  const HolderId nobodys = holders.OwnOf({});
  EXPECT_TRUE(holders.IsCallers(hers, {.uid = kAlice.uid}));
  EXPECT_TRUE(holders.IsCallers(hers, {.session = SessionId(9), .uid = kAlice.uid}));
  EXPECT_FALSE(holders.IsCallers(hers, {.uid = kBob.uid}));
  EXPECT_FALSE(holders.IsCallers(hosts, {.host = kHost.host}));
  EXPECT_FALSE(holders.IsCallers(nobodys, {}));
  EXPECT_FALSE(holders.IsCallers(kNoHolder, {}));
}

TEST(HoldersTest, SessionsAreCountedByKind) {
  SessionLimits limits;
  limits.sessions_per_user = 1;
  limits.remote_sessions_per_opener = 1;
  Holders holders(limits);
  EXPECT_TRUE(holders.AddSession(SessionId(1), kAlice, false).ok());
  EXPECT_TRUE(holders.AddSession(SessionId(2), kAlice, true).ok());
  EXPECT_FALSE(holders.AddSession(SessionId(3), kAlice, false).ok());
  EXPECT_FALSE(holders.AddSession(SessionId(4), kAlice, true).ok());
  holders.RemoveSession(SessionId(1), false);
  EXPECT_TRUE(holders.AddSession(SessionId(5), kAlice, false).ok());
}

}  // namespace
}  // namespace percpud

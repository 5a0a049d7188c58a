// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/session/access/quota.h"

#include <gtest/gtest.h>

#include <string>

namespace percpud {
namespace {

TEST(AccountTest, ChargesUpToTheQuotaAndNotABitMore) {
  Account account;
  const Quota quota{.bytes = Bytes(100), .areas = 3, .leases = 1};
  EXPECT_TRUE(account.Charge(quota, "x", {.bytes = Bytes(100), .areas = 2, .leases = 1}).ok());
  EXPECT_FALSE(account.Charge(quota, "x", {.bytes = Bytes(1)}).ok());
  EXPECT_FALSE(account.Charge(quota, "x", {.leases = 1}).ok());
  EXPECT_TRUE(account.Charge(quota, "x", {.areas = 1}).ok());
  EXPECT_FALSE(account.Charge(quota, "x", {.areas = 1}).ok());
  EXPECT_EQ(account.use(), (Usage{.bytes = Bytes(100), .areas = 3, .leases = 1}));
}

TEST(AccountTest, ARefusalNamesQuotaUseAndRequestAndTakesNothing) {
  Account account;
  const Quota quota{.bytes = Bytes(100), .areas = 10};
  ASSERT_TRUE(account.Charge(quota, "x", {.bytes = Bytes(60), .areas = 1}).ok());
  const absl::Status status = account.Charge(quota, "session 7", {.bytes = Bytes(48), .areas = 1});
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(std::string(status.message()),
            "quota: session 7 uses 60 of 100 bytes and asks for 48 more");
  EXPECT_EQ(account.use(), (Usage{.bytes = Bytes(60), .areas = 1}));
}

TEST(AccountTest, HugeRequestsDoNotWrap) {
  Account account;
  const Quota quota{.bytes = Bytes(100)};
  ASSERT_TRUE(account.Charge(quota, "x", {.bytes = Bytes(100)}).ok());
  EXPECT_FALSE(account.Charge(quota, "x", {.bytes = Bytes::Max()}).ok());
  account.Refund({.bytes = Bytes(100)});
  EXPECT_EQ(account.use(), Usage{});
}

TEST(AccountTest, UnderALoweredQuotaWhatIsHeldIsKept) {
  Account account;
  ASSERT_TRUE(account.Charge({}, "x", {.bytes = Bytes(100), .areas = 2}).ok());
  const Quota lowered{.bytes = Bytes(50), .areas = 5};
  EXPECT_FALSE(account.Charge(lowered, "x", {.bytes = Bytes(4), .areas = 1}).ok());
  EXPECT_TRUE(account.Charge(lowered, "x", {.areas = 1}).ok()) << "it asks for no bytes";
  account.Refund({.bytes = Bytes(60)});
  EXPECT_TRUE(account.Charge(lowered, "x", {.bytes = Bytes(10)}).ok());
}

}  // namespace
}  // namespace percpud

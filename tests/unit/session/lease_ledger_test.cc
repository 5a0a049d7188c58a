// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/session/lease_ledger.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>

namespace percpud {
namespace {

constexpr Bytes kUnit{65536};

class LeaseLedgerTest : public ::testing::Test {
 protected:
  static constexpr UserId kAlice{1000};

  void SetUp() override { holders_.RestoreSession(SessionId(1), {.uid = kAlice}, false); }
  static LeaseRecord Lease(std::uint32_t chunk, std::string name, SessionId holder) {
    return {.chunk = {.id = ChunkId(chunk),
                      .base = PercpuPtr(std::uint64_t{chunk} << 20),
                      .unit_size = kUnit,
                      .map_base = Bytes(0),
                      .map_size = Bytes(0)},
            .name = std::move(name),
            .holder = holder,
            .maker = kAlice};
  }
  void Enter(const LeaseRecord& lease, RowState state = RowState::kSettled) {
    ASSERT_TRUE(holders_.Charge(ledger_.OwnerOf(lease), UsageOfLease(kUnit)).ok());
    ledger_.Enter(lease, state);
  }

  Holders holders_{SessionLimits{}};
  LeaseLedger ledger_{holders_};
};

TEST_F(LeaseLedgerTest, IsFoundByChunkByBaseAndByName) {
  Enter(Lease(3, "cache", SessionId(1)));
  Enter(Lease(4, "", SessionId(1)));
  ASSERT_NE(ledger_.Find(ChunkId(3)), nullptr);
  EXPECT_EQ(ledger_.FindKept("cache"), ledger_.Find(ChunkId(3)));
  EXPECT_EQ(ledger_.At(PercpuPtr(3 << 20)), ledger_.Find(ChunkId(3)));
  EXPECT_EQ(ledger_.FindKept(""), nullptr);
  EXPECT_EQ(ledger_.List(ChunkId(4), 10).size(), 1U);
  EXPECT_EQ(ledger_.Withdraw(ChunkId(3)).name, "cache");
  EXPECT_EQ(ledger_.FindKept("cache"), nullptr);
  EXPECT_EQ(ledger_.At(PercpuPtr(3 << 20)), nullptr);
  EXPECT_EQ(holders_.Find(HolderId(1))->account.use(), UsageOfLease(kUnit));
}

TEST_F(LeaseLedgerTest, BetweenTwoHoldersItIsItsMakers) {
  Enter(Lease(3, "cache", SessionId(1)));
  const HolderId own = holders_.OwnOf({.uid = kAlice});
  holders_.TransferBack(HolderId(1), own, UsageOfLease(kUnit));
  ledger_.Move(ChunkId(3), kNoSession, kNoRequest);
  EXPECT_EQ(ledger_.OwnerOf(*ledger_.Find(ChunkId(3))), own);
  EXPECT_EQ(holders_.Find(own)->account.use(), UsageOfLease(kUnit));
  EXPECT_TRUE(holders_.Find(own)->leases.contains(ChunkId(3)));
  EXPECT_TRUE(holders_.Find(HolderId(1))->leases.empty());
}

TEST_F(LeaseLedgerTest, WhatIsBeingEnteredIsNotListed) {
  Enter(Lease(3, "cache", SessionId(1)), RowState::kEntered);
  EXPECT_TRUE(ledger_.List(ChunkId(0), 10).empty());
  EXPECT_FALSE(ledger_.IsNameSettled("cache"));
  EXPECT_FALSE(ledger_.IsSettled(ChunkId(3)));
  ledger_.SetState(ChunkId(3), RowState::kSettled);
  EXPECT_TRUE(ledger_.IsNameSettled("cache"));
  EXPECT_EQ(ledger_.List(ChunkId(0), 10).size(), 1U);
}

}  // namespace
}  // namespace percpud

// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/session/area_ledger.h"

#include <gtest/gtest.h>

#include <span>
#include <vector>

namespace percpud {
namespace {

class AreaLedgerTest : public ::testing::Test {
 protected:
  void SetUp() override {
    for (const std::uint64_t id : {1, 2}) {
      holders_.RestoreSession(SessionId(id), {.uid = UserId(1000)}, false);
    }
  }
  void Enter(std::uint64_t pointer, HolderId holder) {
    const OwnedArea area{.holder = holder, .size = Bytes(16), .tag_length = 3};
    ASSERT_TRUE(holders_.Charge(holder, area.usage()).ok());
    const PercpuPtr at(pointer);
    ledger_.Enter(std::span(&at, 1), std::span(&area, 1));
  }
  void Withdraw(const std::vector<PercpuPtr>& pointers) { ledger_.Withdraw(pointers); }
  Usage UseOf(std::uint64_t id) { return holders_.Find(HolderId(id))->account.use(); }

  Holders holders_{SessionLimits{}};
  AreaLedger ledger_{holders_};
};

TEST_F(AreaLedgerTest, WhatIsWithdrawnIsRefunded) {
  Enter(64, HolderId(1));
  ASSERT_NE(ledger_.Find(PercpuPtr(64)), nullptr);
  EXPECT_EQ(UseOf(1),
            (Usage{.bytes = Bytes(16), .areas = 1, .leases = 0, .records = RecordBytesOfArea(3)}));
  Withdraw({PercpuPtr(64)});
  EXPECT_EQ(UseOf(1), Usage{});
  EXPECT_EQ(ledger_.Find(PercpuPtr(64)), nullptr);
  EXPECT_TRUE(holders_.Find(HolderId(1))->areas.empty());
}

TEST_F(AreaLedgerTest, ABatchOfSeveralHoldersRefundsEach) {
  const std::vector<PercpuPtr> falling{PercpuPtr(512), PercpuPtr(64), PercpuPtr(256)};
  const OwnedArea area{.holder = HolderId(1), .size = Bytes(16)};
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(holders_.Charge(HolderId(1), area.usage()).ok());
  ledger_.Enter(falling, std::vector(3, area));
  EXPECT_EQ(holders_.Find(HolderId(1))->areas.size(), 3u);
  Enter(128, HolderId(2));
  Enter(1024, HolderId(2));
  Withdraw({PercpuPtr(64), PercpuPtr(128), PercpuPtr(1024), PercpuPtr(512)});
  EXPECT_EQ(UseOf(1), area.usage());
  EXPECT_EQ(UseOf(2), Usage{});
  EXPECT_EQ(ledger_.size(), 1u);
  EXPECT_NE(ledger_.Find(PercpuPtr(256)), nullptr);
}

TEST_F(AreaLedgerTest, AMovedAreaIsInTheOthersSet) {
  Enter(64, HolderId(1));
  const Usage use = ledger_.Find(PercpuPtr(64))->usage();
  ASSERT_TRUE(holders_.Transfer(HolderId(1), HolderId(2), use).ok());
  ledger_.Move(PercpuPtr(64), HolderId(2));
  EXPECT_TRUE(holders_.Find(HolderId(1))->areas.empty());
  EXPECT_TRUE(holders_.Find(HolderId(2))->areas.contains(PercpuPtr(64)));
  EXPECT_EQ(UseOf(2), use);
}

TEST_F(AreaLedgerTest, OneInFlightKeepsTheBatchWaiting) {
  Enter(64, HolderId(1));
  Enter(128, HolderId(1));
  const std::vector<PercpuPtr> both{PercpuPtr(64), PercpuPtr(128)};
  EXPECT_TRUE(ledger_.AreSettled(both));
  ledger_.SetState(std::span(both).first(1), RowState::kChanging);
  EXPECT_FALSE(ledger_.AreSettled(both));
  EXPECT_TRUE(ledger_.AreSettled(std::span(both).last(1)));
  // What is not there is in nobody's way.
  EXPECT_TRUE(ledger_.AreSettled(std::vector{PercpuPtr(4096)}));
}

}  // namespace
}  // namespace percpud

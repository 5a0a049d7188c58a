// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/gateway/ledger.h"

#include <gtest/gtest.h>

#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "server/base/clock.h"
#include "server/gateway/limits.h"

namespace percpud::gateway {
namespace {

const BootTime kStart = BootTime();

// Takes calls until there is no place left.
std::vector<Place> TakeAll(Host& host) {
  std::vector<Place> out;
  for (Place place = host.TakeCall(); place.taken(); place = host.TakeCall()) {
    out.push_back(std::move(place));
  }
  return out;
}

TEST(LedgerTest, AHostHasItsPartAndGetsItBack) {
  Ledger ledger;
  const auto host = ledger.HostOf("10.0.0.1");
  std::vector<Place> all = TakeAll(*host);
  EXPECT_EQ(all.size(), kMaxCallsPerHost);
  EXPECT_FALSE(host->TakeCall().taken());
  all.pop_back();
  EXPECT_TRUE(host->TakeCall().taken());
}

TEST(LedgerTest, GreedyHostsLeavePlacesForOthers) {
  Ledger ledger;
  std::vector<std::shared_ptr<Host>> hosts;
  std::vector<Place> taken;
  for (std::uint32_t i = 0; i < 8; ++i) {
    hosts.push_back(ledger.HostOf(absl::StrCat("10.0.0.", i)));
    std::vector<Place> all = TakeAll(*hosts.back());
    EXPECT_GE(all.size(), 1U) << i;
    for (Place& place : all) taken.push_back(std::move(place));
  }
  EXPECT_LE(taken.size(), kMaxCalls);
}

TEST(LedgerTest, ConnectionsAndCallsAreCountedApart) {
  Ledger ledger;
  const auto host = ledger.HostOf("10.0.0.1");
  const std::vector<Place> calls = TakeAll(*host);
  std::vector<Place> connections;
  for (Place place = host->TakeConnection(); place.taken(); place = host->TakeConnection()) {
    connections.push_back(std::move(place));
  }
  EXPECT_EQ(connections.size(), kMaxConnectionsPerHost);
}

TEST(LedgerTest, ANameIsOneHostAsLongAsAnybodyHoldsIt) {
  Ledger ledger;
  const auto host = ledger.HostOf("::1");
  EXPECT_EQ(ledger.HostOf("::1"), host);
  EXPECT_NE(ledger.HostOf("127.0.0.1"), host);
}

TEST(LedgerTest, DebtIsAHostsOwnUntilAllAreInDebt) {
  Ledger ledger;
  const auto busy = ledger.HostOf("10.0.0.1");
  const auto other = ledger.HostOf("10.0.0.2");
  busy->Charge(kWorkBurst, kStart);
  EXPECT_FALSE(busy->InDebt(kStart));
  busy->Charge(0.5, kStart);
  EXPECT_TRUE(busy->InDebt(kStart));
  // What is over the burst is over that of all, too; it is paid off sooner.
  const BootTime soon = kStart + absl::Seconds(2 / kWorkPerSecondOfAll);
  busy->Charge(10, soon);
  EXPECT_TRUE(busy->InDebt(soon));
}

// An account that is dropped with its last connection leaves no debt behind; that of all
// hosts does.
TEST(LedgerTest, ComingAgainDoesNotPayADebt) {
  Ledger ledger;
  for (int i = 0; i < 10; ++i) {
    const auto host = ledger.HostOf("10.0.0.1");
    host->Charge(kWorkBurst, kStart);
  }
  EXPECT_TRUE(ledger.HostOf("10.0.0.1")->InDebt(kStart));
}

}  // namespace
}  // namespace percpud::gateway

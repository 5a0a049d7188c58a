// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/service/peers.h"

#include <gtest/gtest.h>

#include <memory>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"

namespace percpud {
namespace {

TEST(PeersTest, OnePeerHasOneAccountAndOthersTheirs) {
  Peers peers;
  const auto mine = peers.AccountOf("uid 1000");
  EXPECT_EQ(peers.AccountOf("uid 1000"), mine);
  EXPECT_NE(peers.AccountOf("uid 1001"), mine);
  // However many come and go.
  for (int i = 0; i < 1000; ++i) peers.AccountOf(absl::StrCat("uid ", i));
  EXPECT_EQ(peers.AccountOf("uid 1000"), mine);
}

TEST(PeersTest, PlacesAreLimitedAndComeBack) {
  Peers peers;
  const auto account = peers.AccountOf("10.0.0.7");
  std::vector<PeerAccount::Place> places;
  for (int i = 0; i < 3; ++i) places.push_back(PeerAccount::TakeCall(account, 3));
  for (const PeerAccount::Place& place : places) EXPECT_TRUE(place.taken());
  EXPECT_FALSE(PeerAccount::TakeCall(account, 3).taken());
  // Streams are counted apart.
  EXPECT_TRUE(PeerAccount::TakeStream(account, 1).taken());
  places.pop_back();
  PeerAccount::Place again = PeerAccount::TakeCall(account, 3);
  EXPECT_TRUE(again.taken());
  PeerAccount::Place moved = std::move(again);
  EXPECT_FALSE(PeerAccount::TakeCall(account, 3).taken());
  moved = PeerAccount::Place();
  EXPECT_TRUE(PeerAccount::TakeCall(account, 3).taken());
}

TEST(PeersTest, AnAccountLivesAsLongAsAPlace) {
  Peers peers;
  PeerAccount::Place place = PeerAccount::TakeCall(peers.AccountOf("uid 1"), 1);
  ASSERT_TRUE(place.taken());
  EXPECT_FALSE(PeerAccount::TakeCall(peers.AccountOf("uid 1"), 1).taken());
}

}  // namespace
}  // namespace percpud

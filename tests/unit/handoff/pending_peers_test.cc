// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/handoff/pending_peers.h"

#include <gtest/gtest.h>

#include <optional>

namespace percpud {
namespace {

constexpr UserId kMany(1000);
constexpr UserId kFew(2000);

class PendingPeersTest : public ::testing::Test {
 protected:
  // Adds a peer of `user`, for whom there has to be a place.
  PendingPeers::Key Add(UserId user) {
    now_ += absl::Seconds(1);
    pending_.Add(++key_, user, now_);
    return key_;
  }
  PendingPeers pending_{{.per_user = 3, .in_all = 5}};
  PendingPeers::Key key_ = 0;
  BootTime now_;
};

TEST_F(PendingPeersTest, TheOldestOfOnesOwnMakesRoom) {
  const auto first = Add(kMany);
  Add(kMany);
  Add(kMany);
  EXPECT_EQ(pending_.WhoMakesRoomFor(kMany), first);
  EXPECT_EQ(pending_.WhoMakesRoomFor(kFew), std::nullopt);
  pending_.Remove(first);
  EXPECT_EQ(pending_.WhoMakesRoomFor(kMany), std::nullopt);
}

TEST_F(PendingPeersTest, AFullDoorTakesFromTheUserThatHasMost) {
  Add(kFew);
  const auto first = Add(kMany);
  Add(kMany);
  Add(kMany);
  Add(UserId(3000));
  EXPECT_EQ(pending_.WhoMakesRoomFor(UserId(4000)), first);
  EXPECT_EQ(pending_.WhoMakesRoomFor(kFew), first);
}

TEST_F(PendingPeersTest, TheLongestSilentOneIsKnown) {
  const auto first = Add(kMany);
  const auto second = Add(kFew);
  EXPECT_EQ(pending_.oldest(), first);
  EXPECT_EQ(pending_.next_deadline(), BootTime() + absl::Seconds(1));
  pending_.Remove(first);
  EXPECT_EQ(pending_.oldest(), second);
  pending_.Remove(second);
  EXPECT_TRUE(pending_.empty());
  pending_.Remove(second);
  EXPECT_EQ(pending_.size(), 0u);
}

TEST_F(PendingPeersTest, PlacesAreGivenBackInAnyOrder) {
  for (int round = 0; round < 100; ++round) {
    const auto a = Add(kMany);
    const auto b = Add(kMany);
    const auto c = Add(kFew);
    pending_.Remove(round % 2 == 0 ? b : a);
    pending_.Remove(c);
    pending_.Remove(round % 2 == 0 ? a : b);
  }
  EXPECT_TRUE(pending_.empty());
  EXPECT_EQ(pending_.WhoMakesRoomFor(kMany), std::nullopt);
}

}  // namespace
}  // namespace percpud

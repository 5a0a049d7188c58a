// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// Peers that break the rules of the side door, say nothing, or come in crowds.

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdint>
#include <cstring>
#include <memory>
#include <random>
#include <variant>
#include <vector>

#include "tests/unit/handoff/door_rig.h"

namespace percpud {
namespace {

using testing::DoorTest;
using testing::GoodHello;
using testing::Hello;
using testing::OpenFds;
using testing::Refusal;
using testing::Reply;
using testing::Visitor;
using testing::Welcome;

using DoorPeersTest = DoorTest;

TEST_F(DoorPeersTest, GarbageIsHungUpOn) {
  std::mt19937 random(1);
  for (int i = 0; i < 300; ++i) {
    Visitor visitor(door_->path());
    std::vector<std::uint8_t> garbage(random() % 80 + 1);
    for (std::uint8_t& byte : garbage) byte = static_cast<std::uint8_t>(random());
    // Now and then it starts well.
    const Hello hello = GoodHello();
    if (i % 3 == 0) std::memcpy(garbage.data(), &hello, std::min(garbage.size(), sizeof(hello)));
    if (garbage.size() == sizeof(hello)) garbage.pop_back();
    visitor.Say(garbage.data(), garbage.size());
    EXPECT_TRUE(std::holds_alternative<std::monostate>(visitor.Hear().said)) << i;
  }
  ExpectOpen();
}

TEST_F(DoorPeersTest, ASecondHelloEndsTheSession) {
  Visitor visitor(door_->path());
  visitor.Say(GoodHello());
  ASSERT_TRUE(std::holds_alternative<Welcome>(visitor.Hear().said));
  visitor.Say(GoodHello());
  EXPECT_TRUE(std::holds_alternative<std::monostate>(visitor.Hear().said));
  EXPECT_TRUE(AwaitSessions(0));
}

// The kernel refuses them, where it can; else they are taken, and closed.
TEST_F(DoorPeersTest, DescriptorsInTheWrongDirectionLeaveNothingBehind) {
  ExpectOpen();
  EXPECT_TRUE(AwaitSessions(0));
  const int before = OpenFds();
  for (int i = 0; i < 50; ++i) {
    Visitor visitor(door_->path());
    if (!visitor.SayWithFd(GoodHello(), layout_.fd())) continue;
    EXPECT_TRUE(std::holds_alternative<std::monostate>(visitor.Hear().said));
  }
  EXPECT_TRUE(AwaitFds(before));
}

TEST_F(DoorPeersTest, SilentPeersAreDroppedAtTheirDeadline) {
  OpenDoor({.handshake = absl::Milliseconds(50)});
  const Visitor silent(door_->path());
  EXPECT_TRUE(std::holds_alternative<std::monostate>(silent.Hear().said));
  ExpectOpen();
}

TEST_F(DoorPeersTest, TheOldestSilentPeerMakesRoomForTheNext) {
  OpenDoor({.handshake = absl::Hours(1), .pending = {.per_user = 8, .in_all = 16}});
  std::vector<std::unique_ptr<Visitor>> silent;
  for (int i = 0; i < 64; ++i) silent.push_back(std::make_unique<Visitor>(door_->path()));
  Visitor late(door_->path());
  late.Say(GoodHello());
  EXPECT_TRUE(std::holds_alternative<Welcome>(late.Hear().said));
  // The first ones are told why, and may come again.
  const Reply first = silent[0]->Hear();
  ASSERT_TRUE(std::holds_alternative<Refusal>(first.said));
  EXPECT_EQ(std::get<Refusal>(first.said).code,
            static_cast<std::uint32_t>(absl::StatusCode::kUnavailable));
  silent.back()->Say(GoodHello());
  EXPECT_TRUE(std::holds_alternative<Welcome>(silent.back()->Hear().said));
}

// All of them speak, and none is taken for silent because it was not heard yet.
TEST_F(DoorPeersTest, ACrowdThatSpeaksIsAdmittedWhole) {
  OpenDoor({.pending = {.per_user = 4, .in_all = 8}}, /*starts=*/false);
  std::vector<std::unique_ptr<Visitor>> crowd;
  for (int i = 0; i < 64; ++i) {
    crowd.push_back(std::make_unique<Visitor>(door_->path()));
    crowd.back()->Say(GoodHello());
  }
  door_->Start();
  for (const auto& visitor : crowd) {
    EXPECT_TRUE(std::holds_alternative<Welcome>(visitor->Hear().said));
  }
}

TEST_F(DoorPeersTest, OneUsersSilenceCostsNobodyElseAPlace) {
  if (geteuid() != 0) GTEST_SKIP() << "only root can be somebody else";
  OpenDoor({.handshake = absl::Hours(1), .pending = {.per_user = 8, .in_all = 16}});
  std::vector<std::unique_ptr<Visitor>> silent;
  for (int i = 0; i < 64; ++i) silent.push_back(std::make_unique<Visitor>(door_->path()));
  for (int i = 0; i < 10; ++i) EXPECT_EQ(AskAsNobody(), kAdmitted);
}

TEST_F(DoorPeersTest, TenThousandConnectionsLeaveNothingBehind) {
  const int before = OpenFds();
  for (int i = 0; i < 10000; ++i) {
    Visitor visitor(door_->path());
    if (i % 4 != 0) continue;
    visitor.Say(GoodHello());
    if (i % 8 == 0) visitor.Hear();
  }
  ExpectOpen();
  EXPECT_TRUE(AwaitSessions(0));
  EXPECT_TRUE(AwaitFds(before));
}

}  // namespace
}  // namespace percpud

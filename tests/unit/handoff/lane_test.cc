// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/handoff/lane.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <vector>

#include "absl/synchronization/notification.h"
#include "tests/unit/handoff/lane_rig.h"

namespace percpud {
namespace {

using abi::v1::kLaneAnyUnit;
using abi::v1::LaneAdded;
using abi::v1::LaneFreed;
using abi::v1::LaneKind;
using abi::v1::LaneVariable;
using testing::Answered;
using ::testing::ElementsAre;
using testing::LaneClient;
using testing::LaneTest;

constexpr std::uint64_t kCounter[] = {8};

TEST_F(LaneTest, EveryKindIsAnsweredInTheOrderOfTheRequests) {
  LaneClient client = Connect();
  client.ask().Ping(1);
  client.ask().Alloc(2, 0, {.sizes = kCounter, .alignments = {}, .tag = "one"});
  client.ask().OpenVariable(3, {.name = "hits", .type = 1, .size = 8, .create = true});
  client.ask().OpenVariable(4, {.name = "hits", .type = 1, .size = 8});
  client.Send();
  const std::vector<Answered> answers = client.Hear(4);
  for (std::size_t i = 0; i < answers.size(); ++i) {
    EXPECT_EQ(answers[i].id, i + 1);
    EXPECT_EQ(answers[i].code, 0) << i;
  }
  const std::uint64_t pointer = answers[1].pointers().at(0);
  EXPECT_EQ(sessions_->areas().OwnerOf(PercpuPtr(pointer))->session, client.session());
  EXPECT_EQ(answers[2].As<LaneVariable>().created, 1);
  EXPECT_EQ(answers[3].As<LaneVariable>().created, 0);
  EXPECT_EQ(answers[3].As<LaneVariable>().pointer, answers[2].As<LaneVariable>().pointer);
  EXPECT_EQ(answers[3].As<LaneVariable>().maker, kAlice.value());

  client.ask().Add(5, {.pointer = pointer, .delta = 7, .unit = 1, .width = 8});
  client.ask().Add(6, {.pointer = pointer, .delta = -9, .unit = 1, .width = 8});
  client.ask().Free(7, 0, std::span(&pointer, 1));
  client.Send();
  EXPECT_EQ(client.Hear().As<LaneAdded>().value, 7);
  EXPECT_EQ(client.Hear().As<LaneAdded>().value, -2);
  EXPECT_EQ(client.Hear().As<LaneFreed>().freed_bytes, 8U);
}

TEST_F(LaneTest, ARefusalIsAnAnswerWithItsCodeAndReason) {
  Serve({.batch = 2});
  LaneClient client = Connect();
  const std::array<std::uint64_t, 3> three{8, 8, 8};
  const std::array<std::uint64_t, 1> nowhere{4096};
  client.ask().Alloc(1, 0, {.sizes = three, .alignments = {}, .tag = {}});
  client.ask().Alloc(2, 0, {.sizes = {}, .alignments = {}, .tag = {}});
  client.ask().Alloc(3, 0, {.sizes = kCounter, .alignments = {}, .region = 9, .tag = {}});
  client.ask().Free(4, 0, nowhere);
  client.ask().OpenVariable(5, {.name = "none"});
  client.ask().OpenVariable(6, {.name = "none", .type = 77});
  client.ask().Add(7, {.pointer = 4096, .delta = 1, .unit = 1 << 20, .width = 8});
  client.ask().Add(8, {.pointer = 4096, .delta = 1, .unit = kLaneAnyUnit, .width = 3});
  client.ask().Ping(9);
  client.Send();
  std::vector<std::string> reasons;
  for (const Answered& answer : client.Hear(9)) {
    reasons.push_back(answer.code == 0 ? "" : answer.reason());
  }
  EXPECT_THAT(reasons, ElementsAre("BATCH_OVER_LIMIT", "BATCH_IS_EMPTY", "UNKNOWN_ENUM",
                                   "AREA_NOT_LIVE", "VARIABLE_NOT_FOUND", "UNKNOWN_ENUM",
                                   "UNIT_OUT_OF_RANGE", "UNKNOWN_ENUM", ""));
}

TEST_F(LaneTest, ARequestThatComesAgainIsAnsweredAsTheFirstTime) {
  LaneClient client = Connect();
  client.ask().Alloc(1, 7, {.sizes = kCounter, .alignments = {}, .tag = {}});
  client.ask().Alloc(2, 7, {.sizes = kCounter, .alignments = {}, .tag = {}});
  client.Send();
  const std::uint64_t pointer = client.Hear().pointers().at(0);
  EXPECT_EQ(client.Hear().pointers().at(0), pointer);
  client.ask().Free(3, 8, std::span(&pointer, 1));
  client.ask().Free(4, 8, std::span(&pointer, 1));
  client.Send();
  EXPECT_EQ(client.Hear().As<LaneFreed>().freed_bytes, 8U);
  EXPECT_EQ(client.Hear().As<LaneFreed>().freed_bytes, 8U);
  EXPECT_EQ(LiveAreas(), 0U);
}

TEST_F(LaneTest, ARequestThatSleepsKeepsItsPlaceInTheOrder) {
  LaneClient client = Connect();
  const std::vector<std::uint64_t> whole(1, allocator_->max_alloc_size().value());
  // The second chunk has to be made first.
  for (std::uint64_t id = 1; id <= 6; ++id) {
    if (id % 2 == 0) {
      client.ask().Ping(id);
    } else {
      client.ask().Alloc(id, 0, {.sizes = whole, .alignments = {}, .tag = {}});
    }
  }
  client.Send();
  const std::vector<Answered> answers = client.Hear(6);
  for (std::size_t i = 0; i < answers.size(); ++i) {
    EXPECT_EQ(answers[i].id, i + 1);
    EXPECT_EQ(answers[i].code, 0) << i;
  }
}

TEST_F(LaneTest, ALongBatchWaitsApartAndOthersAreServedMeanwhile) {
  absl::Notification go;
  lane_->slow_lane().Run([&go] { go.WaitForNotification(); });
  LaneClient greedy = Connect();
  LaneClient other = Connect();
  const std::vector<std::uint64_t> many(600, 4);
  greedy.ask().Alloc(1, 0, {.sizes = many, .alignments = {}, .tag = {}});
  greedy.Send();
  other.ask().Alloc(1, 0, {.sizes = kCounter, .alignments = {}, .tag = {}});
  other.Send();
  EXPECT_EQ(other.Hear().code, 0);
  EXPECT_FALSE(greedy.HearsWithin(absl::ZeroDuration()));
  go.Notify();
  const std::vector<std::uint64_t> granted = greedy.Hear().pointers();
  EXPECT_EQ(granted.size(), many.size());
  greedy.ask().Free(2, 0, granted);
  greedy.Send();
  EXPECT_EQ(greedy.Hear().code, 0);
}

TEST_F(LaneTest, WhatIsSentInOneGoAndInManyIsAnsweredAlike) {
  LaneClient client = Connect();
  constexpr std::uint64_t kCount = 200;
  for (std::uint64_t id = 0; id < kCount; ++id) {
    client.ask().Ping(id);
    if (id % 3 == 0) client.Send();
  }
  client.Send();
  for (std::uint64_t id = 0; id < kCount; ++id) EXPECT_EQ(client.Hear().id, id);
}

TEST_F(LaneTest, AConnectionThatClosesIsGone) {
  LaneClient client = Connect();
  client.ask().Ping(1);
  client.Send();
  client.Hear();
  const SessionId session = client.session();
  client.Leave();
  EXPECT_TRUE(AwaitGone(session));
}

TEST_F(LaneTest, ADroppedConnectionIsClosedAndNotSaidToBeGone) {
  LaneClient client = Connect();
  lane_->Drop(client.session());
  EXPECT_EQ(client.HearRefusal(), "");
  EXPECT_FALSE(IsGone(client.session()));
}

TEST_F(LaneTest, RequestsOfASessionThatHasEndedAreRefused) {
  LaneClient client = Connect();
  ASSERT_TRUE(sessions_->End(client.session()));
  client.ask().Ping(1);
  client.ask().Alloc(2, 3, {.sizes = kCounter, .alignments = {}, .tag = {}});
  client.Send();
  EXPECT_EQ(client.Hear().reason(), "SESSION_ENDED");
  EXPECT_EQ(client.Hear().reason(), "SESSION_ENDED");
}

TEST_F(LaneTest, WhatSleepsIsAnsweredBeforeTheLaneStops) {
  LaneClient client = Connect();
  client.ask().OpenVariable(1, {.name = "made", .type = 4, .size = 64, .create = true});
  client.Send();
  EXPECT_EQ(client.Hear().code, 0);
  lane_->Stop(BootTime::InfiniteFuture());
  lane_->Stop(BootTime::InfiniteFuture());
}

TEST_F(LaneTest, BeatsWhenItIsNudged) {
  const std::uint64_t before = lane_->pulse().beats();
  const absl::Time deadline = absl::Now() + LaneClient::kPatience;
  while (lane_->pulse().beats() == before && absl::Now() < deadline) lane_->Nudge();
  EXPECT_GT(lane_->pulse().beats(), before);
}

}  // namespace
}  // namespace percpud

// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/handoff/lane_queue.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

namespace percpud {
namespace {

using ::testing::ElementsAre;

constexpr UserId kAlice{1000};
constexpr UserId kBob{1001};

std::vector<std::uint64_t> PopAll(LaneQueue& queue) {
  std::vector<std::uint64_t> out;
  while (!queue.empty()) out.push_back(queue.Pop().value());
  return out;
}

TEST(LaneQueueTest, AUsersSessionsTakeTurnsInTheOrderTheyCame) {
  LaneQueue queue;
  for (const std::uint64_t id : {7, 3, 5}) queue.Push(kAlice, SessionId(id));
  EXPECT_THAT(PopAll(queue), ElementsAre(7, 3, 5));
}

TEST(LaneQueueTest, UsersTakeTurnsHoweverManySessionsTheyHave) {
  LaneQueue queue;
  for (const std::uint64_t id : {1, 2, 3, 4}) queue.Push(kAlice, SessionId(id));
  queue.Push(kBob, SessionId(9));
  EXPECT_EQ(queue.Pop(), SessionId(1));
  EXPECT_EQ(queue.Pop(), SessionId(9));
  queue.Push(kBob, SessionId(9));
  EXPECT_THAT(PopAll(queue), ElementsAre(2, 9, 3, 4));
}

}  // namespace
}  // namespace percpud

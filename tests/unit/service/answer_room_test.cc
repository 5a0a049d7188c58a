// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/service/answer_room.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

namespace percpud {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr Bytes kAnswer = AnswerRoom::kReserve;
constexpr AnswerRoom::Limits kTwoEachThreeInAll{.per_peer = kAnswer * 2, .in_all = kAnswer * 3};

// A call that notes when it entered.
class Call final : public AnswerRoom::Waiter {
 public:
  Call(std::string name, std::vector<std::string>& entered)
      : name_(std::move(name)), entered_(entered) {}
  void OnRoom() override { entered_.push_back(name_); }

 private:
  const std::string name_;
  std::vector<std::string>& entered_;
};

class AnswerRoomTest : public ::testing::Test {
 protected:
  AnswerRoom room_{kTwoEachThreeInAll};
  PeerAccount a_;
  PeerAccount b_;
  PeerAccount c_;
  std::vector<std::string> entered_;
  Call first_{"first", entered_};
  Call second_{"second", entered_};
  Call third_{"third", entered_};
};

TEST_F(AnswerRoomTest, APeersCallsWaitForItsOwnInTheirOrder) {
  EXPECT_TRUE(room_.Enter(a_, first_));
  EXPECT_TRUE(room_.Enter(a_, first_));
  EXPECT_FALSE(room_.Enter(a_, first_));
  EXPECT_FALSE(room_.Enter(a_, second_));
  EXPECT_EQ(room_.waiting(), 2U);
  EXPECT_TRUE(room_.Enter(b_, third_)) << "another peer waits for nobody";
  room_.Leave(b_, kAnswer);
  EXPECT_THAT(entered_, IsEmpty());
  room_.Leave(a_, kAnswer);
  EXPECT_THAT(entered_, ElementsAre("first"));
  room_.Leave(a_, kAnswer);
  EXPECT_THAT(entered_, ElementsAre("first", "second"));
  EXPECT_EQ(room_.waiting(), 0U);
  EXPECT_EQ(room_.bytes(), kAnswer * 2);
}

TEST_F(AnswerRoomTest, APeerThatHoldsNothingEntersHoweverFullItIs) {
  EXPECT_TRUE(room_.Enter(a_, first_));
  room_.Settle(a_, kAnswer, kAnswer * 10);
  EXPECT_TRUE(room_.Enter(b_, second_));
  EXPECT_FALSE(room_.Enter(b_, second_)) << "it is full of the other's answer";
  EXPECT_TRUE(room_.Enter(c_, third_));
  room_.Leave(c_, kAnswer);
  EXPECT_THAT(entered_, IsEmpty());
  room_.Leave(a_, kAnswer * 10);
  EXPECT_THAT(entered_, ElementsAre("second"));
}

TEST_F(AnswerRoomTest, ASmallAnswerGivesItsReserveBack) {
  EXPECT_TRUE(room_.Enter(a_, first_));
  room_.Settle(a_, kAnswer, Bytes(10));
  EXPECT_EQ(room_.bytes(), Bytes(10));
  EXPECT_EQ(a_.unread(), Bytes(10));
  room_.Leave(a_, Bytes(10));
  EXPECT_EQ(room_.bytes(), Bytes(0));
}

TEST_F(AnswerRoomTest, PeersThatWaitTakeTurns) {
  EXPECT_TRUE(room_.Enter(c_, third_));
  room_.Settle(c_, kAnswer, kAnswer * 3);
  for (PeerAccount* const peer : {&a_, &b_}) EXPECT_TRUE(room_.Enter(*peer, third_));
  EXPECT_FALSE(room_.Enter(a_, first_));
  EXPECT_FALSE(room_.Enter(b_, second_));
  EXPECT_FALSE(room_.Enter(a_, third_));
  room_.Leave(c_, kAnswer * 3);
  EXPECT_THAT(entered_, ElementsAre("first")) << "there is room for one";
  room_.Leave(a_, kAnswer);
  EXPECT_THAT(entered_, ElementsAre("first", "second"));
}

TEST_F(AnswerRoomTest, OneThatGivesUpIsNotCalled) {
  EXPECT_TRUE(room_.Enter(a_, first_));
  EXPECT_TRUE(room_.Enter(a_, first_));
  EXPECT_FALSE(room_.Enter(a_, first_));
  EXPECT_FALSE(room_.Enter(a_, second_));
  room_.GiveUp(a_, first_);
  room_.Leave(a_, kAnswer);
  EXPECT_THAT(entered_, ElementsAre("second"));
}

TEST_F(AnswerRoomTest, NobodyWaitsOnceItIsClosed) {
  EXPECT_TRUE(room_.Enter(a_, first_));
  EXPECT_TRUE(room_.Enter(a_, first_));
  room_.Close();
  EXPECT_TRUE(room_.Enter(a_, first_));
}

}  // namespace
}  // namespace percpud

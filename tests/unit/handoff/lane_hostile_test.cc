// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// Clients of the lane that mean ill, or are stopped: each beside one that does not.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <random>
#include <vector>

#include "absl/strings/str_cat.h"
#include "server/handoff/lane.h"
#include "tests/support/send_fds.h"
#include "tests/unit/handoff/lane_rig.h"

namespace percpud {
namespace {

using abi::v1::kLaneMessageBytes;
using abi::v1::kLaneMessageRequests;
using abi::v1::LaneBytes;
using abi::v1::LaneRequestHeader;
using ::testing::HasSubstr;
using testing::LaneClient;
using testing::LaneTest;

constexpr std::uint64_t kCounter[] = {8};

class LaneHostileTest : public LaneTest {
 protected:
  // An honest client is served as if nobody else were there.
  void ExpectServed(LaneClient& client) {
    client.ask().Ping(++id_);
    client.ask().Alloc(++id_, 0, {.sizes = kCounter, .alignments = {}, .tag = {}});
    client.Send();
    EXPECT_EQ(client.Hear().code, 0);
    const auto allocated = client.Hear();
    ASSERT_EQ(allocated.code, 0);
    client.ask().Free(++id_, 0, allocated.pointers());
    client.Send();
    EXPECT_EQ(client.Hear().code, 0);
  }

 private:
  std::uint64_t id_ = 0;
};

TEST_F(LaneHostileTest, HalfAMessageIsRefusedAndNothingOfItServed) {
  LaneClient honest = Connect(kBob);
  for (std::size_t cut = 1; cut < 3 * sizeof(LaneRequestHeader); cut += 7) {
    LaneClient client = Connect();
    client.ask().OpenVariable(1, {.name = "first", .type = 1, .size = 8, .create = true});
    client.ask().Ping(2);
    const LaneBytes whole = client.ask().message();
    if ((whole.size() - cut) % sizeof(LaneRequestHeader) == 0) continue;
    EXPECT_TRUE(client.TrySend(whole.first(whole.size() - cut)));
    EXPECT_THAT(client.HearRefusal(), HasSubstr("malformed")) << cut;
    EXPECT_TRUE(AwaitGone(client.session()));
  }
  EXPECT_TRUE(sessions_->variables().List("", 10).empty());
  ExpectServed(honest);
}

TEST_F(LaneHostileTest, AMessageThatIsTooLongIsRefused) {
  LaneClient client = Connect();
  const std::vector<std::byte> longer(kLaneMessageBytes + 8);
  EXPECT_TRUE(client.TrySend(longer));
  EXPECT_THAT(client.HearRefusal(), HasSubstr("malformed"));
}

TEST_F(LaneHostileTest, AnEmptyMessageEndsTheConnection) {
  LaneClient client = Connect();
  EXPECT_TRUE(client.TrySend(LaneBytes()));
  EXPECT_TRUE(AwaitGone(client.session()));
}

TEST_F(LaneHostileTest, DescriptorsAreClosedElsewhereAndEndTheConnection) {
  LaneClient client = Connect();
  client.ask().Ping(1);
  const LaneBytes whole = client.ask().message();
  std::array<int, 2> ends{};
  ASSERT_EQ(pipe(ends.data()), 0);
  UniqueFd read_end(ends[0]);
  {
    const UniqueFd write_end(ends[1]);
    const int fd = write_end.get();
    ASSERT_TRUE(testing::SendWithFds(
        client.fd(), std::string(reinterpret_cast<const char*>(whole.data()), whole.size()),
        std::span(&fd, 1)));
  }
  EXPECT_THAT(client.HearRefusal(), HasSubstr("malformed"));
  // The copy was the last: the pipe ends when it is closed.
  pollfd polled{.fd = read_end.get(), .events = POLLIN, .revents = 0};
  EXPECT_EQ(poll(&polled, 1, 20'000), 1);
}

TEST_F(LaneHostileTest, GarbageIsRefusedWhateverItIs) {
  LaneClient honest = Connect(kBob);
  std::mt19937 random(17);
  for (int i = 0; i < 300; ++i) {
    LaneClient client = Connect();
    client.ask().Alloc(1, 0, {.sizes = kCounter, .alignments = {}, .tag = "abc"});
    client.ask().Ping(2);
    const LaneBytes good = client.ask().message();
    std::vector<std::byte> message(good.begin(), good.end());
    for (int flips = 0; flips < 1 + i % 4; ++flips) {
      message[random() % message.size()] = static_cast<std::byte>(random());
    }
    EXPECT_TRUE(client.TrySend(message));
    // An answer, or the end: never silence.
    EXPECT_TRUE(client.HearsWithin(LaneClient::kPatience)) << i;
  }
  ExpectServed(honest);
}

TEST_F(LaneHostileTest, AClientThatDoesNotReadIsNotReadFromAndStaysASession) {
  LaneClient honest = Connect(kBob);
  LaneClient stopped = Connect();
  std::uint64_t sent = 0;
  // Until the daemon reads no more: then its own answers wait, and the socket fills.
  const auto fill = [&] {
    for (std::uint32_t i = 0; i < kLaneMessageRequests; ++i) stopped.ask().Ping(sent + i);
    const bool taken = stopped.TrySend();
    if (taken) sent += kLaneMessageRequests;
    stopped.ask().Clear();
    return taken;
  };
  while (true) {
    while (fill()) {
    }
    // The lane may only be behind.
    ExpectServed(honest);
    ExpectServed(honest);
    if (!fill()) break;
  }
  EXPECT_GT(sent, 2 * kLaneMessageRequests);
  EXPECT_FALSE(IsGone(stopped.session()));
  for (int i = 0; i < 100; ++i) ExpectServed(honest);
  // It goes on where it stopped, and everything it had sent is answered in order.
  for (std::uint64_t id = 0; id < sent; ++id) ASSERT_EQ(stopped.Hear().id, id);
  ExpectServed(stopped);
}

TEST_F(LaneHostileTest, AClientThatClosesWithAFullLaneIsGone) {
  LaneClient stopped = Connect();
  for (std::uint32_t i = 0; i < kLaneMessageRequests; ++i) stopped.ask().Ping(i);
  while (stopped.TrySend()) {
  }
  stopped.Leave();
  EXPECT_TRUE(AwaitGone(stopped.session()));
}

TEST_F(LaneHostileTest, WhoFloodsDoesNotKeepOthersWaiting) {
  std::vector<LaneClient> flood;
  for (int i = 0; i < 8; ++i) flood.push_back(Connect());
  LaneClient honest = Connect(kBob);
  std::uint64_t answered = 0;
  for (int round = 0; round < 50; ++round) {
    for (LaneClient& client : flood) {
      client.ask().Clear();
      for (std::uint32_t i = 0; i < kLaneMessageRequests; ++i) client.ask().Ping(i);
      while (client.TrySend()) {
      }
      std::array<std::byte, kLaneMessageBytes> unread;
      while (recv(client.fd(), unread.data(), unread.size(), MSG_DONTWAIT) > 0) ++answered;
    }
    ExpectServed(honest);
  }
  EXPECT_GT(answered, 0U);
}

TEST_F(LaneHostileTest, ManyWhoseRequestsSleepAreServedAndThoseWhoLeaveAreGone) {
  std::vector<LaneClient> clients;
  for (int i = 0; i < 40; ++i) clients.push_back(Connect(i % 2 == 0 ? kAlice : kBob));
  for (std::size_t i = 0; i < clients.size(); ++i) {
    const std::string name = absl::StrCat("v", i);
    clients[i].ask().OpenVariable(1, {.name = name, .type = 4, .size = 8, .create = true});
    clients[i].Send();
  }
  std::vector<SessionId> left;
  for (std::size_t i = 0; i < clients.size(); i += 4) {
    left.push_back(clients[i].session());
    clients[i].Leave();
  }
  for (std::size_t i = 0; i < clients.size(); ++i) {
    if (i % 4 != 0) EXPECT_EQ(clients[i].Hear().code, 0) << i;
  }
  for (const SessionId session : left) EXPECT_TRUE(AwaitGone(session));
}

TEST_F(LaneHostileTest, DroppedWhileARequestSleepsItIsClosedBehindIt) {
  for (int i = 0; i < 50; ++i) {
    LaneClient client = Connect();
    client.ask().OpenVariable(1, {.name = "v", .type = 4, .size = 8, .create = true});
    client.Send();
    lane_->Drop(client.session());
    while (client.HearsWithin(LaneClient::kPatience)) {
      std::array<std::byte, 256> unread;
      if (recv(client.fd(), unread.data(), unread.size(), 0) <= 0) break;
    }
  }
  LaneClient honest = Connect(kBob);
  ExpectServed(honest);
}

}  // namespace
}  // namespace percpud

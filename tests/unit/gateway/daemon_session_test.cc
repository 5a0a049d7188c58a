// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/gateway/daemon_session.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "server/base/clock.h"
#include "server/base/error_reason.h"
#include "server/gateway/limits.h"
#include "server/gateway/peer_session.h"
#include "tests/unit/gateway/http2_rig.h"

namespace percpud::gateway {
namespace {

using testing::FakeDaemon;
using testing::ToBytes;

constexpr char kPing[] = "/percpud.v1.MemoryService/Ping";
const BootTime kNow = BootTime();

// A peer's side that takes what it is told to take.
class FakePeer final : public PeerSide {
 public:
  void OnResponseHead(Exchange& exchange, const Fields& head) override {
    heads.push_back(head);
    is_complete = exchange.response_complete;
  }
  void OnResponse(Exchange& exchange) override {
    is_complete = exchange.response_complete;
    if (daemon != nullptr) {
      const std::size_t size = exchange.response.size();
      body += std::string(ToText(exchange.response.view().data(), size));
      exchange.response.Drop(size);
      daemon->OnResponseTaken(exchange, size);
    }
  }
  void OnRequestTaken(Exchange& /*exchange*/, std::size_t bytes) override { taken += bytes; }
  void OnDaemonGone(Exchange& exchange, const absl::Status& status) override {
    is_complete = exchange.response_complete;
    gone.push_back(status);
  }

  // Takes answers as they come, if it is set.
  DaemonSession* daemon = nullptr;
  std::vector<Fields> heads;
  std::string body;
  bool is_complete = false;
  std::size_t taken = 0;
  std::vector<absl::Status> gone;
};

// The other end of the connection is a session for peers, in percpud's stead.
class DaemonSessionTest : public ::testing::Test {
 protected:
  void Connect() {
    server_ = std::make_unique<PeerSession>(
        PeerSession::Options{.peer = {.on_behalf = "test", .most = Role::kOperator},
                             .message_limit = Bytes(4 << 20),
                             .has_output = [] {}},
        percpud_, *host_);
    session_.Connect();
  }
  void Talk() {
    while (true) {
      std::string asked;
      ASSERT_TRUE(session_.Send(asked, std::size_t{64} << 20).ok());
      ASSERT_TRUE(server_->Receive(ToBytes(asked), kNow).ok());
      std::string answered;
      ASSERT_TRUE(server_->Send(answered, std::size_t{64} << 20, kNow).ok());
      ASSERT_TRUE(session_.Receive(ToBytes(answered)).ok());
      if (asked.empty() && answered.empty()) return;
    }
  }
  Exchange& Open(std::int32_t stream = 1) {
    exchanges_.push_back(std::make_unique<Exchange>(peer_, stream));
    Exchange& exchange = *exchanges_.back();
    EXPECT_TRUE(session_.Open(exchange, testing::Client::Head(kPing)).ok());
    return exchange;
  }
  void Say(Exchange& exchange, const std::string& message) {
    exchange.request.Append(ToBytes(testing::Message(message)));
    exchange.request_complete = true;
    session_.OnRequest(exchange);
  }
  // Opens a call that percpud answers with that head alone.
  void CallAndAnswer(const Fields& head) {
    Say(Open(), "");
    Talk();
    Exchange& served = *percpud_.open[0];
    served.response_complete = true;
    served.peer.OnResponseHead(served, head);
    Talk();
  }

  int outputs_ = 0;
  FakePeer peer_;
  FakeDaemon percpud_;
  Ledger ledger_;
  std::shared_ptr<Host> host_ = ledger_.HostOf("127.0.0.1");
  std::unique_ptr<PeerSession> server_;
  std::vector<std::unique_ptr<Exchange>> exchanges_;
  DaemonSession session_{[this] { ++outputs_; }};
};

// percpud asks an idle connection whether anybody is there, and ends one that does not answer.
TEST_F(DaemonSessionTest, APingIsAnsweredThoughThereIsNoCall) {
  Connect();
  Talk();
  const int before = outputs_;
  ASSERT_TRUE(session_.Receive(ToBytes(std::string("\0\0\10\6\0\0\0\0\0whoisit?", 17))).ok());
  EXPECT_GT(outputs_, before);
  std::string answer;
  ASSERT_TRUE(session_.Send(answer, kOutput).ok());
  EXPECT_EQ(answer, std::string("\0\0\10\6\1\0\0\0\0whoisit?", 17));
}

TEST_F(DaemonSessionTest, ACallGoesThereAndBack) {
  Connect();
  peer_.daemon = &session_;
  Exchange& exchange = Open();
  Say(exchange, "hello");
  Talk();
  ASSERT_EQ(percpud_.open.size(), 1U);
  EXPECT_EQ(percpud_.requests[1], testing::Message("hello"));
  EXPECT_EQ(peer_.taken, testing::Message("hello").size());
  FakeDaemon::Answer(*percpud_.open[0], "world");
  Talk();
  ASSERT_EQ(peer_.heads.size(), 1U);
  EXPECT_EQ(Find(peer_.heads[0], ":status"), "200");
  EXPECT_EQ(peer_.body, testing::Message("world"));
  EXPECT_TRUE(peer_.is_complete);
  EXPECT_EQ(Find(exchange.trailers, "grpc-status"), "0");
  EXPECT_EQ(session_.calls(), 0U);
}

TEST_F(DaemonSessionTest, ARefusalIsComplete) {
  Connect();
  CallAndAnswer(AnswerOf(absl::PermissionDeniedError("no")));
  ASSERT_EQ(peer_.heads.size(), 1U);
  EXPECT_EQ(Find(peer_.heads[0], "grpc-status"), "7");
  EXPECT_TRUE(peer_.is_complete);
}

// gRPC sends a message as it is, also "there is no variable " with nothing behind it.
TEST_F(DaemonSessionTest, AMessageMayEndWithABlank) {
  Connect();
  CallAndAnswer({{":status", "200"},
                 {"content-type", "application/grpc"},
                 {"grpc-status", "5"},
                 {"grpc-message", "there is none "}});
  ASSERT_EQ(peer_.heads.size(), 1U);
  EXPECT_EQ(Find(peer_.heads[0], "grpc-status"), "5");
  EXPECT_EQ(Find(peer_.heads[0], "grpc-message"), "there is none%20");
  EXPECT_TRUE(peer_.is_complete);
}

TEST_F(DaemonSessionTest, OnlyWhatPeersHaveAUseForComesBack) {
  Connect();
  Open();
  Talk();
  Exchange& served = *percpud_.open[0];
  served.peer.OnResponseHead(served, {{":status", "200"},
                                      {"content-type", "application/grpc"},
                                      {"percpud-on-behalf-of", "plain:10.0.0.1"},
                                      {"server", "x"}});
  Talk();
  ASSERT_EQ(peer_.heads.size(), 1U);
  EXPECT_EQ(peer_.heads[0].size(), 2U);
}

TEST_F(DaemonSessionTest, OfAnAnswerNoMoreWaitsThanTheBuffer) {
  Connect();
  Exchange& slow = Open(1);
  Exchange& other = Open(3);
  Say(slow, "");
  Say(other, "");
  Talk();
  FakeDaemon::Answer(*percpud_.open[0], std::string(1 << 20, 'x'));
  Talk();
  EXPECT_EQ(slow.response.size(), kBuffer);
  // Another call is not held up by it.
  FakeDaemon::Answer(*percpud_.open.back(), std::string(50'000, 'y'));
  Talk();
  EXPECT_EQ(other.response.size(), 50'005U);
  peer_.daemon = &session_;
  peer_.OnResponse(slow);
  Talk();
  EXPECT_EQ(peer_.body.size(), (1U << 20) + 5);
}

TEST_F(DaemonSessionTest, WhatAPeerGivesUpIsReset) {
  Connect();
  Exchange& exchange = Open();
  Talk();
  session_.Forget(exchange);
  Talk();
  EXPECT_EQ(percpud_.forgotten, 1);
  EXPECT_TRUE(peer_.gone.empty());
  EXPECT_EQ(session_.calls(), 0U);
}

TEST_F(DaemonSessionTest, ACallThatPercpudResetsIsCut) {
  Connect();
  Open();
  Talk();
  // The request is never complete, and percpud has enough of that.
  server_->LookAround(kNow + kWholeRequest + absl::Seconds(1));
  Talk();
  ASSERT_EQ(peer_.gone.size(), 1U);
  EXPECT_EQ(errors::ReasonOf(peer_.gone[0]), "CALL_CUT");
}

TEST_F(DaemonSessionTest, WhenTheConnectionIsCutEveryCallIsToldAndTheNextOneServes) {
  Connect();
  Exchange& first = Open(1);
  Open(3);
  Talk();
  session_.Cut();
  EXPECT_FALSE(session_.is_connected());
  ASSERT_EQ(peer_.gone.size(), 2U);
  EXPECT_EQ(errors::ReasonOf(peer_.gone[0]), "DAEMON_AWAY");
  // What the peer's side still says of them is nothing to anybody.
  session_.OnRequest(first);
  session_.OnResponseTaken(first, 10);
  session_.Forget(first);
  Exchange late(peer_, 5);
  EXPECT_EQ(errors::ReasonOf(session_.Open(late, testing::Client::Head(kPing))), "DAEMON_AWAY");
  percpud_.open.clear();
  Connect();
  Say(Open(7), "again");
  Talk();
  EXPECT_EQ(percpud_.open.size(), 1U);
}

}  // namespace
}  // namespace percpud::gateway

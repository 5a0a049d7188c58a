// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/gateway/peer_session.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "proto/percpud/abi/v1/wire.h"
#include "server/base/clock.h"
#include "server/base/error_reason.h"
#include "server/base/errors.h"
#include "server/gateway/limits.h"
#include "tests/unit/gateway/peer_session_rig.h"

namespace percpud::gateway {
namespace {

using testing::Client;
using testing::FakeDaemon;
using testing::kPing;
using testing::PeerSessionTest;

constexpr char kWatch[] = "/percpud.v1.IntrospectionService/Watch";

// --- Calls -------------------------------------------------------------------------

TEST_F(PeerSessionTest, ACallIsPassedOnAndItsAnswerComesBack) {
  Client client;
  const std::int32_t call = client.Ask(kPing, "hello");
  ASSERT_TRUE(Talk(client).ok());
  ASSERT_EQ(daemon_.open.size(), 1U);
  EXPECT_EQ(Find(daemon_.heads[0], ":path"), kPing);
  EXPECT_EQ(Find(daemon_.heads[0], abi::v1::kOnBehalfKey), "plain:127.0.0.1");
  EXPECT_EQ(daemon_.requests[1], testing::Message("hello"));
  EXPECT_TRUE(daemon_.open[0]->request_complete);
  EXPECT_FALSE(client.answer(call).is_over);

  FakeDaemon::Answer(*daemon_.open[0], "world");
  ASSERT_TRUE(Talk(client).ok());
  EXPECT_TRUE(client.answer(call).is_over);
  EXPECT_EQ(client.answer(call).body, testing::Message("world"));
  EXPECT_EQ(StatusOf(client.answer(call)), "0");
  EXPECT_EQ(daemon_.taken, testing::Message("world").size());
  EXPECT_EQ(session_->calls(), 0U);
}

TEST_F(PeerSessionTest, AnAnswerOfTrailersOnlyIsOne) {
  Client client;
  const std::int32_t call = client.Ask(kPing);
  ASSERT_TRUE(Talk(client).ok());
  Exchange& exchange = *daemon_.open[0];
  exchange.response_complete = true;
  exchange.peer.OnResponseHead(exchange, AnswerOf(absl::PermissionDeniedError("no")));
  ASSERT_TRUE(Talk(client).ok());
  EXPECT_TRUE(client.answer(call).is_over);
  EXPECT_EQ(StatusOf(client.answer(call)), "7");
}

TEST_F(PeerSessionTest, WhatIsRefusedNeverReachesPercpud) {
  Client client;
  const std::int32_t unknown = client.Ask("/percpud.v1.MemoryService/Explode");
  const std::int32_t forbidden = client.Ask("/percpud.v1.MemoryService/Alloc");
  Fields head = Client::Head(kPing);
  head.push_back({"grpc-encoding", "gzip"});
  const std::int32_t compressed = client.Call(head);
  Fields large = Client::Head(kPing);
  large.push_back({"x", std::string(7000, 'x')});
  large.push_back({"y", std::string(7000, 'y')});
  const std::int32_t too_large = client.Call(large);
  ASSERT_TRUE(Talk(client).ok());
  EXPECT_EQ(StatusOf(client.answer(unknown)), "12");
  EXPECT_EQ(StatusOf(client.answer(forbidden)), "7");
  EXPECT_EQ(StatusOf(client.answer(compressed)), "12");
  EXPECT_EQ(StatusOf(client.answer(too_large)), "8");
  // The rest of a request that is refused is not waited for.
  EXPECT_TRUE(client.answer(compressed).is_over);
  EXPECT_TRUE(daemon_.heads.empty());
  EXPECT_EQ(session_->calls(), 0U);
}

TEST_F(PeerSessionTest, AMessageThatIsCompressedOrTooLargeEndsItsCallOnly) {
  Client client;
  const std::int32_t bomb = client.Call(Client::Head(kPing));
  client.Say(bomb, testing::Message("x", 1), true);
  const std::int32_t large = client.Call(Client::Head(kPing));
  client.Say(large, std::string("\0\0\x10\0\1", 5), false);
  const std::int32_t fine = client.Ask(kPing);
  ASSERT_TRUE(Talk(client).ok());
  EXPECT_EQ(StatusOf(client.answer(bomb)), "12");
  EXPECT_EQ(StatusOf(client.answer(large)), "8");
  EXPECT_EQ(daemon_.forgotten, 2);
  ASSERT_EQ(daemon_.open.size(), 1U);
  FakeDaemon::Answer(*daemon_.open[0], "");
  ASSERT_TRUE(Talk(client).ok());
  EXPECT_EQ(StatusOf(client.answer(fine)), "0");
}

TEST_F(PeerSessionTest, AnAnswerBeforeTheRequestIsCompleteEndsBoth) {
  Client client;
  const std::int32_t call = client.Call(Client::Head(kPing));
  client.Say(call, testing::Message("x"), false);
  ASSERT_TRUE(Talk(client).ok());
  FakeDaemon::Answer(*daemon_.open[0], "");
  ASSERT_TRUE(Talk(client).ok());
  EXPECT_TRUE(client.answer(call).is_over);
  EXPECT_EQ(client.answer(call).error, NGHTTP2_NO_ERROR);
  EXPECT_EQ(session_->calls(), 0U);
}

TEST_F(PeerSessionTest, ACallThatIsGivenUpIsForgottenByPercpudToo) {
  Client client;
  const std::int32_t call = client.Ask(kWatch);
  ASSERT_TRUE(Talk(client).ok());
  client.Cancel(call);
  ASSERT_TRUE(Talk(client).ok());
  EXPECT_EQ(daemon_.forgotten, 1);
  EXPECT_EQ(session_->calls(), 0U);
  // So are those of a peer that is gone.
  client.Ask(kWatch);
  ASSERT_TRUE(Talk(client).ok());
  session_.reset();
  EXPECT_EQ(daemon_.forgotten, 2);
}

TEST_F(PeerSessionTest, WithoutPercpudCallsAreUnavailable) {
  Client client;
  const std::int32_t before = client.Ask(kPing);
  const std::int32_t begun = client.Ask(kWatch);
  ASSERT_TRUE(Talk(client).ok());
  FakeDaemon::Answer(*daemon_.open[1], "first", /*is_complete=*/false);
  ASSERT_TRUE(Talk(client).ok());
  for (Exchange* const exchange : std::vector(daemon_.open)) {
    exchange->peer.OnDaemonGone(*exchange, errors::DaemonAway());
  }
  daemon_.is_away = true;
  const std::int32_t after = client.Ask(kPing);
  ASSERT_TRUE(Talk(client).ok());
  for (const std::int32_t call : {before, begun, after}) {
    EXPECT_EQ(StatusOf(client.answer(call)), "14");
    EXPECT_TRUE(client.answer(call).is_over);
  }
  EXPECT_EQ(client.answer(begun).body, testing::Message("first"));
  EXPECT_EQ(daemon_.forgotten, 0);
}

TEST_F(PeerSessionTest, AHostHasOnlySoManyCalls) {
  std::vector<Place> taken;
  while (taken.size() < kMaxCallsPerHost) taken.push_back(host_->TakeCall());
  Client client;
  const std::int32_t refused = client.Ask(kPing);
  ASSERT_TRUE(Talk(client).ok());
  EXPECT_EQ(StatusOf(client.answer(refused)), "8");
  taken.pop_back();
  const std::int32_t served = client.Ask(kPing);
  ASSERT_TRUE(Talk(client).ok());
  EXPECT_EQ(StatusOf(client.answer(served)), "");
  EXPECT_EQ(daemon_.open.size(), 1U);
}

// --- Buffers -----------------------------------------------------------------------

TEST_F(PeerSessionTest, OfARequestNoMoreWaitsThanTheBuffer) {
  daemon_.takes_requests = false;
  Client client;
  const std::int32_t call = client.Call(Client::Head(kPing));
  client.Say(call, testing::Message(std::string(1 << 20, 'x')), true);
  ASSERT_TRUE(Talk(client).ok());
  EXPECT_EQ(daemon_.open[0]->request.size(), kBuffer);
  // It goes on as percpud takes it.
  daemon_.takes_requests = true;
  daemon_.OnRequest(*daemon_.open[0]);
  ASSERT_TRUE(Talk(client).ok());
  EXPECT_EQ(daemon_.requests[1].size(), (1U << 20) + 5);
  EXPECT_TRUE(daemon_.open[0]->request_complete);
}

TEST_F(PeerSessionTest, AnAnswerThatIsNotReadWaitsAndIsResetInTime) {
  Client client(/*window=*/0);
  const std::int32_t call = client.Ask(kPing);
  ASSERT_TRUE(Talk(client).ok());
  FakeDaemon::Answer(*daemon_.open[0], std::string(50'000, 'x'));
  ASSERT_TRUE(Talk(client).ok());
  EXPECT_EQ(daemon_.taken, 0U);
  EXPECT_TRUE(session_->LookAround(now_ += kUnread));
  ASSERT_TRUE(Talk(client).ok());
  EXPECT_FALSE(client.answer(call).is_over);
  EXPECT_TRUE(session_->LookAround(now_ += absl::Seconds(1)));
  ASSERT_TRUE(Talk(client).ok());
  EXPECT_TRUE(client.answer(call).is_over);
  EXPECT_EQ(client.answer(call).error, NGHTTP2_CANCEL);
  EXPECT_EQ(daemon_.forgotten, 1);
}

// --- Deadlines ---------------------------------------------------------------------

TEST_F(PeerSessionTest, ARequestThatIsNeverCompleteIsReset) {
  Client client;
  const std::int32_t half = client.Call(Client::Head(kPing));
  const std::int32_t stream =
      client.Call(Client::Head("/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo"));
  ASSERT_TRUE(Talk(client).ok());
  EXPECT_TRUE(session_->LookAround(now_ += kWholeRequest + absl::Seconds(1)));
  ASSERT_TRUE(Talk(client).ok());
  EXPECT_TRUE(client.answer(half).is_over);
  // One that may send as long as it likes goes on.
  EXPECT_FALSE(client.answer(stream).is_over);
}

TEST_F(PeerSessionTest, ASilentPeerIsAskedAndHasToAnswer) {
  Client client;
  client.Ask(kWatch);
  ASSERT_TRUE(Talk(client).ok());
  EXPECT_TRUE(session_->LookAround(now_ += kSilent + absl::Seconds(1)));
  const std::string question = Output();
  EXPECT_TRUE(session_->LookAround(now_ += kUnread));
  EXPECT_FALSE(session_->LookAround(now_ + absl::Seconds(1)));
  client.Input(question);
  EXPECT_EQ(client.pings(), 1U);
  ASSERT_TRUE(Talk(client).ok());
  EXPECT_TRUE(session_->LookAround(now_ += absl::Seconds(1)));
}

TEST_F(PeerSessionTest, AfterTheGoodbyeTheSessionEndsWithItsLastCall) {
  Client client;
  const std::int32_t call = client.Ask(kPing);
  ASSERT_TRUE(Talk(client).ok());
  session_->SayGoodbye();
  ASSERT_TRUE(Talk(client).ok());
  EXPECT_TRUE(client.has_goodbye());
  EXPECT_EQ(client.goodbye(), NGHTTP2_NO_ERROR);
  EXPECT_FALSE(session_->is_over());
  FakeDaemon::Answer(*daemon_.open[0], "");
  ASSERT_TRUE(Talk(client).ok());
  EXPECT_EQ(StatusOf(client.answer(call)), "0");
  EXPECT_TRUE(session_->is_over());
}

}  // namespace
}  // namespace percpud::gateway

// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/gateway/peer_session.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "proto/percpud/abi/v1/wire.h"
#include "server/base/clock.h"
#include "server/base/error_reason.h"
#include "server/base/errors.h"
#include "server/gateway/limits.h"
#include "tests/unit/gateway/http2_rig.h"

namespace percpud::gateway {
namespace {

using testing::Client;
using testing::FakeDaemon;
using testing::Frame;
using testing::Preface;
using testing::ToBytes;

constexpr char kPing[] = "/percpud.v1.MemoryService/Ping";
constexpr char kWatch[] = "/percpud.v1.IntrospectionService/Watch";

class PeerSessionTest : public ::testing::Test {
 protected:
  PeerSessionTest() { Begin(); }

  void Begin() {
    session_ = std::make_unique<PeerSession>(
        PeerSession::Options{.peer = {.on_behalf = "plain:127.0.0.1", .most = Role::kViewer},
                             .message_limit = Bytes(1 << 20),
                             .has_output = [this] { ++outputs_; }},
        daemon_, *host_);
  }
  // What the session has for the peer.
  std::string Output() {
    std::string out;
    EXPECT_TRUE(session_->Send(out, std::size_t{64} << 20, now_).ok());
    return out;
  }
  absl::Status Input(const std::string& bytes) { return session_->Receive(ToBytes(bytes), now_); }
  // Lets client and session talk until neither has more to say.
  absl::Status Talk(Client& client) {
    while (true) {
      const std::string asked = client.Output();
      if (!asked.empty()) {
        if (absl::Status status = Input(asked); !status.ok()) return status;
      }
      const std::string answered = Output();
      client.Input(answered);
      if (asked.empty() && answered.empty()) return absl::OkStatus();
    }
  }
  static std::string StatusOf(const Client::Answer& answer) {
    return std::string(Find(answer.fields, "grpc-status"));
  }
  // Sends `count` of one frame, in pieces as a socket gives them. Returns the first refusal.
  absl::Status Flood(const std::string& frame, int count) {
    std::string piece;
    for (int i = 0; i < count; ++i) {
      piece += frame;
      if (piece.size() < 16 << 10 && i + 1 < count) continue;
      if (absl::Status status = Input(piece); !status.ok()) return status;
      Output();
      piece.clear();
    }
    return absl::OkStatus();
  }

  BootTime now_ = BootTime();
  int outputs_ = 0;
  FakeDaemon daemon_;
  Ledger ledger_;
  std::shared_ptr<Host> host_ = ledger_.HostOf("127.0.0.1");
  std::unique_ptr<PeerSession> session_;
};

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

// --- Floods ------------------------------------------------------------------------

struct FloodCase {
  const char* name;
  std::string frame;
};

class PeerFloodTest : public PeerSessionTest, public ::testing::WithParamInterface<FloodCase> {};

TEST_P(PeerFloodTest, EndsTheConnectionOfItsSender) {
  ASSERT_TRUE(Input(Preface()).ok());
  // An open call, for frames that need one.
  Client client;
  client.Call(Client::Head(kPing));
  std::string hello = client.Output();
  ASSERT_TRUE(Input(hello.substr(Preface().size() - 9)).ok());
  Output();
  const absl::Status status = Flood(GetParam().frame, 20'000);
  EXPECT_FALSE(status.ok());
  EXPECT_EQ(errors::ReasonOf(status), "FLOODED") << status;
  // The peer is told so.
  std::string goodbye;
  static_cast<void>(session_->Send(goodbye, 1 << 20, now_));
  EXPECT_NE(goodbye.find(std::string("\0\0\0\x0b", 4)), std::string::npos);
}

INSTANTIATE_TEST_SUITE_P(
    Kinds, PeerFloodTest,
    ::testing::Values(FloodCase{"Settings", Frame(4, 0, 0, std::string("\0\4\0\1\0\0", 6))},
                      FloodCase{"Ping", Frame(6, 0, 0, "12345678")},
                      FloodCase{"Window", Frame(8, 0, 0, std::string("\0\0\0\1", 4))},
                      FloodCase{"Priority", Frame(2, 0, 5, std::string(5, '\0'))},
                      FloodCase{"EmptyData", Frame(0, 0, 1, "")}),
    [](const auto& test) { return test.param.name; });

TEST_F(PeerSessionTest, RapidResetsEndTheConnection) {
  Client client;
  absl::Status status;
  for (int i = 0; i < 2000 && status.ok(); ++i) {
    const std::int32_t call = client.Call(Client::Head(kPing));
    std::string begun = client.Output();
    client.Cancel(call);
    status = Input(begun + client.Output());
    client.Input(Output());
  }
  EXPECT_EQ(errors::ReasonOf(status), "FLOODED") << status;
  EXPECT_LE(daemon_.heads.size(), 1000U);
}

TEST_F(PeerSessionTest, AHeaderBlockWithoutAnEndIsCutShort) {
  // A literal of a length that is said in more and more bytes, and a name of 2^30 bytes.
  for (const std::string& start :
       {std::string("\0\x7f", 2), std::string("\0\x7f\x81\xff\xff\xff\3", 7)}) {
    Begin();
    ASSERT_TRUE(Input(Preface()).ok());
    absl::Status status = Input(Frame(1, 0, 1, start));
    int frames = 0;
    while (status.ok() && !session_->is_over() && frames < 1000) {
      status = Input(Frame(9, 0, 1, std::string(1024, '\x80')));
      Output();
      ++frames;
    }
    EXPECT_LE(frames, 17);
  }
}

TEST_F(PeerSessionTest, CallsAndMessagesAreWork) {
  Client client;
  int asked = 0;
  for (; asked < 10'000 && !host_->InDebt(now_); ++asked) {
    const std::int32_t call = client.Ask(kPing);
    ASSERT_TRUE(Input(client.Output()).ok());
    client.Cancel(call);
    ASSERT_TRUE(Input(client.Output()).ok());
    client.Input(Output());
  }
  EXPECT_GT(asked, 50);
  EXPECT_LT(asked, kWorkBurst);
}

TEST_F(PeerSessionTest, FramesThatSayLittleAreWorkToo) {
  Client client;
  client.Call(Client::Head(kPing));
  ASSERT_TRUE(Input(client.Output()).ok());
  // A message of 64 KiB, a byte a frame.
  std::string piece = Frame(0, 0, 1, std::string("\0\0\1\0\0", 5));
  for (int i = 0; i < 10'000; ++i) piece += Frame(0, 0, 1, "x");
  ASSERT_TRUE(Input(piece).ok());
  EXPECT_TRUE(host_->InDebt(now_));
}

// No client of gRPC sends any, and HTTP/2 wants them ignored.
TEST_F(PeerSessionTest, FramesOfUnknownKindsAreWork) {
  ASSERT_TRUE(Input(Preface()).ok());
  ASSERT_TRUE(Flood(Frame(0x77, 0, 0, "x"), 200'000).ok());
  EXPECT_TRUE(host_->InDebt(now_));
}

TEST_F(PeerSessionTest, GarbageIsRefused) {
  for (const std::string& garbage :
       {std::string(100, 'x'), std::string("GET / HTTP/1.1\r\n\r\n\r\n\r\n\r\n"),
        Preface() + std::string(9, '\xff'), Preface() + Frame(1, 4, 2, "\x82"),
        Preface() + Frame(5, 4, 1, std::string("\0\0\0\2\x82", 5)),
        Preface() + Frame(9, 4, 1, "\x82")}) {
    Begin();
    absl::Status status = Input(garbage);
    if (status.ok()) {
      std::string out;
      status = session_->Send(out, 1 << 20, now_);
    }
    EXPECT_TRUE(!status.ok() || session_->is_over()) << garbage.substr(0, 20);
    EXPECT_TRUE(daemon_.heads.empty());
  }
}

}  // namespace
}  // namespace percpud::gateway

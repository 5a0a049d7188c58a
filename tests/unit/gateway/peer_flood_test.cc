// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// Peers that send what no client sends that means well.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "server/base/error_reason.h"
#include "server/gateway/limits.h"
#include "server/gateway/peer_session.h"
#include "tests/unit/gateway/peer_session_rig.h"

namespace percpud::gateway {
namespace {

using testing::Client;
using testing::Frame;
using testing::kPing;
using testing::PeerSessionTest;
using testing::Preface;

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

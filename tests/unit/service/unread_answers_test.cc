// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// Peers that ask and do not read: what they hold is theirs, and not for long.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <string>

#include "absl/strings/str_cat.h"
#include "grpc/health/v1/health.grpc.pb.h"
#include "server/base/limits.h"
#include "tests/support/raw_http2.h"
#include "tests/unit/service/lane_rig.h"

namespace percpud {
namespace {

using testing::RawHttp2;

constexpr char kPing[] = "/percpud.v1.MemoryService/Ping";
constexpr char kGetStats[] = "/percpud.v1.IntrospectionService/GetStats";
constexpr char kHealthCheck[] = "/grpc.health.v1.Health/Check";
constexpr char kHealthWatch[] = "/grpc.health.v1.Health/Watch";
constexpr char kReflection[] = "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo";

class UnreadAnswersTest : public testing::LaneTest {
 protected:
  void SetUp() override {
    round_ = absl::Milliseconds(20);
    LaneTest::SetUp();
  }
};

// A connection makes all the calls it may, of one method and of others on the same lanes.
TEST_F(UnreadAnswersTest, WhoeverDoesNotReadHoldsNoMethodForOthers) {
  RawHttp2 hostile(testing::ConnectTo(*server_), /*window=*/0);
  for (const char* path : {kPing, kGetStats, kHealthCheck}) {
    for (std::uint32_t i = 0; i < kMaxCallsPerConnection / 3; ++i) hostile.Call(path);
  }
  for (int i = 0; i < 100; ++i) {
    ASSERT_TRUE(Ping().ok());
    ASSERT_TRUE(Alloc(8).ok());
  }
  const auto health = grpc::health::v1::Health::NewStub(testing::ChannelTo(*server_));
  grpc::ClientContext context;
  context.set_deadline(absl::ToChronoTime(absl::Now() + testing::kPatience));
  grpc::health::v1::HealthCheckResponse response;
  EXPECT_TRUE(health->Check(&context, {}, &response).ok());
}

TEST_F(UnreadAnswersTest, AreCutOffAfterAWhile) {
  RawHttp2 hostile(testing::ConnectTo(*server_), /*window=*/0);
  std::set<std::uint32_t> open;
  for (int i = 0; i < 20; ++i) open.insert(hostile.Call(kPing));
  while (!open.empty()) {
    const auto reset = hostile.Await(RawHttp2::kReset, testing::kPatience);
    ASSERT_TRUE(reset.has_value()) << open.size() << " calls were never cut off";
    EXPECT_EQ(open.erase(reset->stream), 1U);
  }
}

// A client that reads in time is never cut off, however many rounds there are meanwhile.
TEST_F(UnreadAnswersTest, ASleepingCallIsNoUnreadAnswer) {
  pages_.Shut();
  grpc::Status grown;
  std::thread grower([&] { grown = Alloc(64 << 10); });
  ASSERT_TRUE(pages_.AwaitVisitor());
  const std::uint32_t before = server_->lane().round();
  while (server_->lane().round() < before + 2 * HotLane::kAnswerRounds) {
    ASSERT_TRUE(Ping().ok());
  }
  pages_.Open();
  grower.join();
  EXPECT_TRUE(grown.ok()) << grown.error_message();
}

// Streams take no thread, and one peer gets a part of them only: here the hostile one
// comes by TCP and the other by a Unix socket.
TEST_F(UnreadAnswersTest, OnePeersStreamsLeaveRoomForOthers) {
  RawHttp2 hostile(testing::ConnectTo(*server_), /*window=*/0);
  for (int i = 0; i < 100; ++i) hostile.Call(i % 2 == 0 ? kHealthWatch : kReflection);
  const auto health =
      grpc::health::v1::Health::NewStub(testing::ChannelTo(*server_, testing::UnixPair()));
  grpc::ClientContext context;
  context.set_deadline(absl::ToChronoTime(absl::Now() + testing::kPatience));
  const auto watch = health->Watch(&context, {});
  grpc::health::v1::HealthCheckResponse response;
  EXPECT_TRUE(watch->Read(&response));
  EXPECT_TRUE(Ping().ok());
  context.TryCancel();
  EXPECT_EQ(watch->Finish().error_code(), grpc::CANCELLED);
}

// A call that never says what it asks holds no place among the calls that wait.
TEST_F(UnreadAnswersTest, HalfACallHoldsNobodyUp) {
  RawHttp2 hostile(testing::ConnectTo(*server_));
  for (std::uint32_t i = 0; i < kMaxCallsPerConnection; ++i) hostile.Call(kPing, "", /*half=*/true);
  for (int i = 0; i < 100; ++i) ASSERT_TRUE(Ping().ok());
}

// No connection has more calls than it was told: one that goes on is hung up.
TEST_F(UnreadAnswersTest, AConnectionWithCallsOverItsLimitIsHungUp) {
  RawHttp2 hostile(testing::ConnectTo(*server_));
  ASSERT_TRUE(hostile.Await(RawHttp2::kSettings, testing::kPatience).has_value());
  hostile.Send(RawHttp2::kSettings, /*flags=*/1, 0, "");
  for (std::uint32_t i = 0; i <= kMaxCallsPerConnection; ++i) {
    hostile.Call(kPing, "", /*half=*/true);
  }
  EXPECT_TRUE(hostile.AwaitHangUp(testing::kPatience));
  EXPECT_TRUE(Ping().ok());
}

}  // namespace
}  // namespace percpud

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

constexpr char kRead[] = "/percpud.v1.MemoryService/Read";
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

// Large answers are not built while as many as a peer may have are unread.
class LargeAnswersTest : public testing::LaneTest {
 protected:
  static constexpr std::uint64_t kBytes = 48 << 10;
  static constexpr std::size_t kCalls = 100;
  static constexpr Bytes kMost{512 << 10};

  void SetUp() override {
    answers_ = {.per_peer = kMost, .in_all = kMost * 2};
    LaneTest::SetUp();
    std::uint64_t pointer = 0;
    ASSERT_TRUE(Alloc(kBytes, &pointer).ok());
    v1::ReadRequest request;
    request.set_pointer(pointer);
    request.set_length_bytes(kBytes);
    read_ = request.SerializeAsString();
  }
  [[nodiscard]] AnswerRoom& room() { return server_->lane().answers(); }
  // Asks, and returns when as many answers are there as may be.
  void AskForAll(RawHttp2& peer) {
    for (std::size_t i = 0; i < kCalls; ++i) peer.Call(kRead, read_);
    const absl::Time deadline = absl::Now() + testing::kPatience;
    while (room().bytes() < kMost || room().waiting() == 0) {
      ASSERT_LT(absl::Now(), deadline) << room().bytes().value() << " bytes";
      absl::SleepFor(absl::Milliseconds(1));
    }
    EXPECT_LE(room().bytes(), kMost + AnswerRoom::kReserve);
  }

  std::string read_;
};

TEST_F(LargeAnswersTest, AreBuiltAsTheyAreRead) {
  RawHttp2 slow(testing::ConnectTo(*server_), /*window=*/0);
  AskForAll(slow);
  EXPECT_TRUE(Ping().ok()) << "a small answer waits for nothing";
  // Now it reads.
  slow.OpenWindows();
  std::size_t answered = 0;
  while (answered < kCalls) {
    const auto end = slow.AwaitEndOfStream(testing::kPatience);
    ASSERT_TRUE(end.has_value()) << answered << " of " << kCalls;
    ++answered;
    EXPECT_LE(room().bytes(), kMost + AnswerRoom::kReserve);
  }
  EXPECT_EQ(room().waiting(), 0U);
}

TEST_F(LargeAnswersTest, OfOnePeerLeaveRoomForAnothers) {
  RawHttp2 slow(testing::ConnectTo(*server_, testing::UnixPair()), /*window=*/0);
  AskForAll(slow);
  v1::ReadRequest request;
  ASSERT_TRUE(request.ParseFromString(read_));
  for (int i = 0; i < 20; ++i) {
    v1::ReadResponse response;
    ASSERT_TRUE(Call(&v1::MemoryService::Stub::Read, request, &response).ok());
    EXPECT_EQ(response.data().size(), kBytes);
  }
}

TEST_F(LargeAnswersTest, ThatWaitDoNotKeepTheServerFromItsEnd) {
  RawHttp2 slow(testing::ConnectTo(*server_), /*window=*/0);
  AskForAll(slow);
  ShutDown(NowSinceBoot());
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

// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/service/session_stream.h"
#include "proto/percpud/abi/v1/wire.h"
#include "server/base/clock.h"
#include "server/percpu/introspect/inspector.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <thread>

#include "absl/time/clock.h"
#include "tests/unit/service/lane_rig.h"

namespace percpud {
namespace {

using ::testing::HasSubstr;
using ::testing::SizeIs;

// More than the rig's first chunk has room for: it has to grow.
constexpr std::uint64_t kGrowing = 64 << 10;

v1::AttachRequest PingRequest(std::uint64_t id) {
  v1::AttachRequest request;
  request.set_call_id(id);
  request.mutable_ping();
  return request;
}

v1::AttachRequest AllocRequest(std::uint64_t id, std::uint64_t size) {
  v1::AttachRequest request;
  request.set_call_id(id);
  request.mutable_alloc()->add_sizes_bytes(size);
  return request;
}

v1::AttachRequest AddRequest(std::uint64_t id, std::uint64_t pointer, std::int64_t delta) {
  v1::AttachRequest request;
  request.set_call_id(id);
  request.mutable_add()->set_pointer(pointer);
  request.mutable_add()->set_delta(delta);
  request.mutable_add()->set_unit(0);
  return request;
}

v1::AttachRequest FreeRequest(std::uint64_t id, std::uint64_t pointer) {
  v1::AttachRequest request;
  request.set_call_id(id);
  request.mutable_free()->add_pointers(pointer);
  return request;
}

// A client's end of a stream.
class Attached {
 public:
  explicit Attached(v1::SessionService::Stub& stub, const Token* token = nullptr) {
    context_.set_deadline(absl::ToChronoTime(absl::Now() + testing::kPatience));
    if (token != nullptr) context_.AddMetadata(abi::v1::kTokenKey, {token->begin(), token->end()});
    stream_ = stub.Attach(&context_);
  }
  ~Attached() {
    if (finished_) return;
    Cancel();
    static_cast<void>(Finish());
  }

  void Send(const v1::AttachRequest& request) { EXPECT_TRUE(stream_->Write(request)); }
  // What is written goes out together.
  void SendMany(std::uint64_t count, const std::function<v1::AttachRequest(std::uint64_t)>& make) {
    for (std::uint64_t id = 1; id <= count; ++id) {
      grpc::WriteOptions options;
      if (id < count) options.set_buffer_hint();
      ASSERT_TRUE(stream_->Write(make(id), options));
    }
  }
  // The answers to the next `count` requests, whatever their order.
  std::map<std::uint64_t, v1::AttachResponse> Receive(std::size_t count) {
    std::map<std::uint64_t, v1::AttachResponse> answers;
    v1::AttachResponse response;
    for (std::size_t i = 0; i < count && stream_->Read(&response); ++i) {
      EXPECT_TRUE(answers.emplace(response.call_id(), response).second) << "answered twice";
    }
    EXPECT_THAT(answers, SizeIs(count));
    return answers;
  }
  v1::AttachResponse ReceiveOne() { return Receive(1).begin()->second; }
  void HalfClose() { EXPECT_TRUE(stream_->WritesDone()); }
  [[nodiscard]] bool AtEnd() {
    v1::AttachResponse response;
    return !stream_->Read(&response);
  }
  void Cancel() { context_.TryCancel(); }
  grpc::Status Finish() {
    finished_ = true;
    while (!AtEnd()) {
    }
    return stream_->Finish();
  }

 private:
  grpc::ClientContext context_;
  std::unique_ptr<grpc::ClientReaderWriter<v1::AttachRequest, v1::AttachResponse>> stream_;
  bool finished_ = false;
};

class SessionStreamTest : public testing::LaneTest {
 protected:
  OpenedSession Open(Role role = Role::kClient) {
    const auto opened = sessions_->Open({.command = "shard", .role = role, .ttl = absl::Hours(1)});
    EXPECT_TRUE(opened.ok()) << opened.status();
    return opened.value_or(OpenedSession{});
  }
  std::uint64_t LiveAreas() { return Inspector(*allocator_).GetStats().nr_cur_alloc; }
};

TEST_F(SessionStreamTest, PipelinedRequestsAreAnsweredById) {
  Attached client(*session_stub_);
  client.Send(AllocRequest(7, 8));
  const v1::AttachResponse granted = client.ReceiveOne();
  EXPECT_EQ(granted.call_id(), 7U);
  ASSERT_EQ(granted.code(), 0U) << granted.message();
  const std::uint64_t area = granted.alloc().pointers(0);
  client.Send(AddRequest(11, area, 5));
  client.Send(AddRequest(12, area, -2));
  client.Send(PingRequest(13));
  client.Send(FreeRequest(14, area));
  client.Send(FreeRequest(15, area));
  auto answers = client.Receive(5);
  EXPECT_EQ(answers[11].add().value(), 5);
  EXPECT_EQ(answers[12].add().value(), 3);
  EXPECT_TRUE(answers[13].has_ping());
  EXPECT_EQ(answers[14].free().freed_bytes(), 8U);
  EXPECT_EQ(answers[15].code(), static_cast<std::uint32_t>(grpc::NOT_FOUND));
  EXPECT_THAT(answers[15].message(), HasSubstr("pointer: "));
  EXPECT_EQ(answers[15].answer_case(), v1::AttachResponse::ANSWER_NOT_SET);
}

TEST_F(SessionStreamTest, WhatHasToSleepIsOvertaken) {
  pages_.Shut();
  Attached client(*session_stub_);
  client.Send(AllocRequest(1, kGrowing));
  ASSERT_TRUE(pages_.AwaitVisitor());
  client.Send(PingRequest(2));
  client.Send(AllocRequest(3, 8));
  auto answers = client.Receive(2);
  EXPECT_TRUE(answers[2].has_ping());
  EXPECT_EQ(answers[3].alloc().pointers_size(), 1);
  pages_.Open();
  const v1::AttachResponse late = client.ReceiveOne();
  EXPECT_EQ(late.call_id(), 1U);
  EXPECT_EQ(late.alloc().pointers_size(), 1) << late.message();
  EXPECT_EQ(Inspector(*allocator_).GetStats().nr_chunks, 2U);
}

TEST_F(SessionStreamTest, AMessageWithoutACallIsRefusedByName) {
  Attached client(*session_stub_);
  v1::AttachRequest empty;
  empty.set_call_id(9);
  client.Send(empty);
  const v1::AttachResponse refused = client.ReceiveOne();
  EXPECT_EQ(refused.call_id(), 9U);
  EXPECT_EQ(refused.code(), static_cast<std::uint32_t>(grpc::INVALID_ARGUMENT));
  EXPECT_THAT(refused.message(), HasSubstr("call: "));
  client.Send(PingRequest(10));
  EXPECT_TRUE(client.ReceiveOne().has_ping());
}

TEST_F(SessionStreamTest, WhoeverSaysNoMoreIsStillAnswered) {
  pages_.Shut();
  Attached client(*session_stub_);
  client.Send(AllocRequest(1, kGrowing));
  client.Send(PingRequest(2));
  client.HalfClose();
  ASSERT_TRUE(pages_.AwaitVisitor());
  pages_.Open();
  auto answers = client.Receive(2);
  EXPECT_EQ(answers[1].alloc().pointers_size(), 1) << answers[1].message();
  EXPECT_TRUE(answers[2].has_ping());
  EXPECT_TRUE(client.AtEnd());
  EXPECT_TRUE(client.Finish().ok());
}

TEST_F(SessionStreamTest, WhatSleepsWhenTheClientGoesIsItsSessionsAllTheSame) {
  const OpenedSession session = Open();
  pages_.Shut();
  {
    Attached client(*session_stub_, &session.token);
    client.Send(AllocRequest(1, kGrowing));
    client.Send(AllocRequest(2, kGrowing));
    ASSERT_TRUE(pages_.AwaitVisitor());
    client.Cancel();
    EXPECT_EQ(client.Finish().error_code(), grpc::CANCELLED);
  }
  pages_.Open();
  Settle();
  EXPECT_GE(LiveAreas(), 1U);
  EXPECT_TRUE(Ping().ok());
  // What the second may have been granted since goes back by itself.
  sessions_->End(session.id);
  Settle();
  EXPECT_EQ(LiveAreas(), 0U);
}

TEST_F(SessionStreamTest, AClientThatReadsLateGetsEverything) {
  constexpr std::uint64_t kRequests = 5000;
  Attached client(*session_stub_);
  client.SendMany(kRequests, PingRequest);
  EXPECT_THAT(client.Receive(kRequests), SizeIs(kRequests));
  client.HalfClose();
  EXPECT_TRUE(client.Finish().ok());
}

TEST_F(SessionStreamTest, AClientThatNeverReadsCostsNobodyElseAnything) {
  Attached client(*session_stub_);
  client.SendMany(5000, PingRequest);
  client.Cancel();
  EXPECT_EQ(client.Finish().error_code(), grpc::CANCELLED);
  EXPECT_TRUE(Ping().ok());
}

// Every sleeping call keeps its request: they count like unread answers.
TEST_F(SessionStreamTest, ThoseWhoSleepAreNotWithoutNumber) {
  constexpr std::uint64_t kSleepers = 1100;
  constexpr std::uint64_t kMostAsleep = 1024;
  pages_.Shut();
  Attached client(*session_stub_);
  client.SendMany(kSleepers + 1, [](std::uint64_t id) {
    return id <= kSleepers ? AllocRequest(id, kGrowing) : PingRequest(id);
  });
  ASSERT_TRUE(pages_.AwaitVisitor());
  // Time enough to read the ping, were it to be read.
  for (int i = 0; i < 500; ++i) ASSERT_TRUE(Ping().ok());
  pages_.Open();
  std::uint64_t before_ping = 0;
  while (!client.ReceiveOne().has_ping()) ++before_ping;
  EXPECT_GE(before_ping, kSleepers - kMostAsleep);
  client.Receive(kSleepers - before_ping);
}

TEST_F(SessionStreamTest, AnEndedSessionIsToldSoInEveryAnswer) {
  const OpenedSession session = Open();
  Attached client(*session_stub_, &session.token);
  client.Send(AllocRequest(1, 8));
  EXPECT_EQ(client.ReceiveOne().code(), 0U);
  EXPECT_EQ(sessions_->List(session.id, 1)[0].use.areas, 1U);
  sessions_->End(session.id);
  client.Send(PingRequest(2));
  client.Send(AllocRequest(3, 8));
  for (const auto& [id, answer] : client.Receive(2)) {
    EXPECT_EQ(answer.code(), static_cast<std::uint32_t>(grpc::UNAUTHENTICATED)) << id;
    EXPECT_THAT(answer.message(), HasSubstr("has ended"));
  }
  EXPECT_EQ(LiveAreas(), 0U);
}

TEST_F(SessionStreamTest, ASessionThatEndsWhileItsCallSleepsGetsNothing) {
  const OpenedSession session = Open();
  Attached client(*session_stub_, &session.token);
  pages_.Shut();
  client.Send(AllocRequest(1, kGrowing));
  ASSERT_TRUE(pages_.AwaitVisitor());
  sessions_->End(session.id);
  pages_.Open();
  EXPECT_EQ(client.ReceiveOne().code(), static_cast<std::uint32_t>(grpc::UNAUTHENTICATED));
  EXPECT_EQ(LiveAreas(), 0U);
}

TEST_F(SessionStreamTest, WhoeverMayNotAttachIsToldAtOnce) {
  const Token forged{1, 2, 3};
  EXPECT_EQ(Attached(*session_stub_, &forged).Finish().error_code(), grpc::UNAUTHENTICATED);
  const OpenedSession viewer = Open(Role::kViewer);
  const grpc::Status denied = Attached(*session_stub_, &viewer.token).Finish();
  EXPECT_EQ(denied.error_code(), grpc::PERMISSION_DENIED);
  EXPECT_THAT(denied.error_message(), HasSubstr("Attach"));
}

TEST_F(SessionStreamTest, OpenStreamsDoNotHoldUpTheEnd) {
  Attached idle(*session_stub_);
  Attached busy(*session_stub_);
  idle.Send(PingRequest(1));
  EXPECT_TRUE(idle.ReceiveOne().has_ping());
  busy.SendMany(2000, PingRequest);
  pages_.Shut();
  Attached sleeper(*session_stub_);
  sleeper.Send(AllocRequest(1, kGrowing));
  ASSERT_TRUE(pages_.AwaitVisitor());
  std::thread closer([&] { ShutDown(NowSinceBoot()); });
  // The cut-off ends it, not the call that sleeps on.
  EXPECT_FALSE(idle.Finish().ok());
  pages_.Open();
  closer.join();
  EXPECT_FALSE(busy.Finish().ok());
  EXPECT_FALSE(sleeper.Finish().ok());
  EXPECT_EQ(LiveAreas(), 1U);
}

}  // namespace
}  // namespace percpud

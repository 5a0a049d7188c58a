// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// The connection against a server in this process: what is sent again, what is
// not, and what becomes of a refusal.

#include <gmock/gmock.h>
#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/notification.h"
#include "absl/time/clock.h"
#include "percpu/client.h"
#include "percpud/v1/introspection.grpc.pb.h"
#include "percpud/v1/memory.grpc.pb.h"
#include "tests/support/process.h"
#include "tests/unit/sdk/hour.h"

namespace percpu {
namespace {

namespace v1 = ::percpud::v1;

using ::testing::ElementsAre;
using ::testing::Field;
using ::testing::IsEmpty;

// Answers every call with `status`, the first `failures` of them with UNAVAILABLE.
class FakeMemory final : public v1::MemoryService::Service {
 public:
  grpc::Status Ping(grpc::ServerContext* /*context*/, const v1::PingRequest* /*request*/,
                    v1::PingResponse* /*response*/) override {
    if (hangs) release.WaitForNotification();
    return Answer();
  }
  grpc::Status Alloc(grpc::ServerContext* /*context*/, const v1::AllocRequest* request,
                     v1::AllocResponse* response) override {
    alloc = *request;
    for (int i = 0; i < request->sizes_bytes_size(); ++i) response->add_pointers(64);
    return Answer();
  }
  grpc::Status Free(grpc::ServerContext* /*context*/, const v1::FreeRequest* request,
                    v1::FreeResponse* response) override {
    response->set_freed_bytes(8 * static_cast<std::uint64_t>(request->pointers_size()));
    return Answer();
  }
  grpc::Status Write(grpc::ServerContext* /*context*/, const v1::WriteRequest* /*request*/,
                     v1::WriteResponse* /*response*/) override {
    return Answer();
  }
  grpc::Status Add(grpc::ServerContext* /*context*/, const v1::AddRequest* request,
                   v1::AddResponse* response) override {
    add = *request;
    response->set_value(-2);
    response->set_unit(3);
    return Answer();
  }
  grpc::Status Sum(grpc::ServerContext* /*context*/, const v1::SumRequest* /*request*/,
                   v1::SumResponse* response) override {
    response->set_sum(42);
    return Answer();
  }

  // The last requests.
  v1::AllocRequest alloc;
  v1::AddRequest add;

  // Set before the first call.
  int failures = 0;
  grpc::Status status;
  // Pings answer once `release` is notified: however late one is taken up.
  bool hangs = false;
  absl::Notification release;

  // The first call sets the hour by this.
  absl::Duration step;

  std::atomic<int> calls = 0;

 private:
  grpc::Status Answer() {
    if (calls == 0) testing::StepHour(step);
    if (calls++ < failures) return {grpc::StatusCode::UNAVAILABLE, "restarting"};
    return status;
  }
};

// Stats for ever, until the caller hangs up; lists in pages of one entry.
class FakeIntrospection final : public v1::IntrospectionService::Service {
 public:
  grpc::Status ListChunks(grpc::ServerContext* /*context*/, const v1::ListChunksRequest* request,
                          v1::ListChunksResponse* response) override {
    if (request->page_token() == fails_at) return {grpc::StatusCode::INTERNAL, "broken"};
    response->add_chunks()->set_chunk_id(request->page_token().empty() ? 1 : 2);
    if (request->page_token().empty()) response->set_next_page_token("2");
    return grpc::Status::OK;
  }
  grpc::Status ListAreas(grpc::ServerContext* /*context*/, const v1::ListAreasRequest* request,
                         v1::ListAreasResponse* response) override {
    const bool first = request->page_token().empty();
    response->mutable_chunk()->set_chunk_id(request->chunk_id());
    response->add_areas()->set_offset(first ? 0 : 64);
    if (first) response->set_next_page_token("64");
    return grpc::Status::OK;
  }
  grpc::Status Watch(grpc::ServerContext* /*context*/, const v1::WatchRequest* /*request*/,
                     grpc::ServerWriter<v1::WatchResponse>* writer) override {
    v1::WatchResponse response;
    for (std::uint64_t n = 0; n < limit; ++n) {
      response.mutable_stats()->set_nr_alloc(n);
      if (!writer->Write(response)) break;
    }
    return grpc::Status::OK;
  }

  std::uint64_t limit = std::uint64_t{1} << 40;
  // The page that cannot be had.
  std::string fails_at = "none";
};

class GrpcConnectionTest : public ::testing::Test {
 protected:
  void Serve() {
    grpc::ServerBuilder builder;
    builder.AddListeningPort(address_, grpc::InsecureServerCredentials());
    builder.RegisterService(&memory_);
    builder.RegisterService(&introspection_);
    server_ = builder.BuildAndStart();
    ASSERT_NE(server_, nullptr);
  }

  // Backoffs short enough not to wait for.
  Client Connect(absl::Duration deadline = absl::Seconds(30), int max_retries = 3) {
    const CallOptions options{.deadline = deadline,
                              .retry = {.max_retries = max_retries,
                                        .initial_backoff = absl::Milliseconds(1),
                                        .max_backoff = absl::Milliseconds(2)}};
    return Client::Connect(address_, options).value();
  }

  const ::percpud::testing::TempDir directory_;
  const std::string address_ = absl::StrCat("unix:", directory_.path(), "/s");
  FakeMemory memory_;
  FakeIntrospection introspection_;
  std::unique_ptr<grpc::Server> server_;
};

TEST_F(GrpcConnectionTest, CallsAnswer) {
  Serve();
  Client client = Connect();
  EXPECT_TRUE(client.Ping().ok());
  EXPECT_EQ(client.Allocate({.size_bytes = 8}).value_or(kNull), Pointer{64});
  EXPECT_EQ(client.Sum(Pointer{64}).value_or(0), 42);
}

TEST_F(GrpcConnectionTest, AnAllocationSendsOneAlignmentForAllOrEachItsOwn) {
  Serve();
  Client client = Connect();
  const std::array<AreaSpec, 2> alike = {{{.size_bytes = 8}, {.size_bytes = 4}}};
  ASSERT_TRUE(
      client.AllocateBatch(alike, {.region = Region::kReserved, .no_grow = true, .tag = "t"}).ok());
  EXPECT_THAT(memory_.alloc.sizes_bytes(), ElementsAre(8, 4));
  EXPECT_THAT(memory_.alloc.alignments(), ElementsAre(8));
  EXPECT_EQ(memory_.alloc.region(), v1::REGION_RESERVED);
  EXPECT_TRUE(memory_.alloc.no_grow());
  EXPECT_EQ(memory_.alloc.tag(), "t");
  const std::array<AreaSpec, 2> unlike = {{{.size_bytes = 8}, {.size_bytes = 8, .alignment = 64}}};
  ASSERT_TRUE(client.AllocateBatch(unlike).ok());
  EXPECT_THAT(memory_.alloc.alignments(), ElementsAre(8, 64));
  ASSERT_TRUE(client.AllocateBatch({}).ok());
  EXPECT_THAT(memory_.alloc.sizes_bytes(), IsEmpty());
}

TEST_F(GrpcConnectionTest, AnAdditionNamesAUnitOnlyWhenToldTo) {
  Serve();
  Client client = Connect();
  const auto added = client.Add(Pointer{8}, -2);
  ASSERT_TRUE(added.ok()) << added.status();
  EXPECT_EQ(added->value, -2);
  EXPECT_EQ(added->unit, Unit{3});
  EXPECT_FALSE(memory_.add.has_unit());
  EXPECT_EQ(memory_.add.width(), v1::WIDTH_64);
  ASSERT_TRUE(client.Add(Pointer{8}, 1, Unit{0}, Width::k32).ok());
  EXPECT_TRUE(memory_.add.has_unit());
  EXPECT_EQ(memory_.add.unit(), 0U);
  EXPECT_EQ(memory_.add.width(), v1::WIDTH_32);
}

TEST_F(GrpcConnectionTest, ListsFollowThePagesToTheEnd) {
  Serve();
  const auto chunks = Connect().ListChunks();
  ASSERT_TRUE(chunks.ok()) << chunks.status();
  EXPECT_THAT(*chunks,
              ElementsAre(Field(&ChunkInfo::id, ChunkId{1}), Field(&ChunkInfo::id, ChunkId{2})));
}

TEST_F(GrpcConnectionTest, AListThatBreaksOffIsNoList) {
  introspection_.fails_at = "2";
  Serve();
  EXPECT_EQ(Connect().ListChunks().status(), absl::InternalError("broken"));
}

TEST_F(GrpcConnectionTest, AnAreaMapCollectsTheAreasOfAllPages) {
  Serve();
  const auto map = Connect().ListAreas(ChunkId{5});
  ASSERT_TRUE(map.ok()) << map.status();
  EXPECT_EQ(map->chunk.id, ChunkId{5});
  EXPECT_THAT(map->areas, ElementsAre(Field(&AreaInfo::offset, 0), Field(&AreaInfo::offset, 64)));
}

TEST_F(GrpcConnectionTest, ARefusalKeepsItsCodeAndMessage) {
  memory_.status = {grpc::StatusCode::RESOURCE_EXHAUSTED, "sizes[0]: no room"};
  Serve();
  EXPECT_EQ(Connect().Allocate({.size_bytes = 8}).status(),
            absl::ResourceExhaustedError("sizes[0]: no room"));
}

TEST_F(GrpcConnectionTest, AReadIsRepeatedUntilItIsAnswered) {
  memory_.failures = 3;
  Serve();
  EXPECT_EQ(Connect().Sum(Pointer{64}).value_or(0), 42);
  EXPECT_EQ(memory_.calls, 4);
}

TEST_F(GrpcConnectionTest, ARefusalAfterAnAttemptThatMayBeDoneIsNoRefusal) {
  memory_.failures = 1;
  memory_.status = {grpc::StatusCode::RESOURCE_EXHAUSTED, "too many calls"};
  Serve();
  EXPECT_EQ(Connect().Sum(Pointer{64}).status(),
            absl::UnavailableError("an earlier attempt may have been carried out; the last was "
                                   "refused: too many calls"));
  EXPECT_EQ(memory_.calls, 2);
}

TEST_F(GrpcConnectionTest, RetriesEnd) {
  memory_.failures = 100;
  Serve();
  EXPECT_EQ(Connect().Ping(), absl::UnavailableError("restarting"));
  EXPECT_EQ(memory_.calls, 4);
}

TEST_F(GrpcConnectionTest, NoRetriesMeansOneAttempt) {
  memory_.failures = 1;
  Serve();
  EXPECT_EQ(Connect(absl::Seconds(30), 0).Ping(), absl::UnavailableError("restarting"));
  EXPECT_EQ(memory_.calls, 1);
}

TEST_F(GrpcConnectionTest, WhatChangesSomethingIsSentOnce) {
  memory_.failures = 100;
  Serve();
  Client client = Connect();
  const absl::Status unavailable = absl::UnavailableError("restarting");
  EXPECT_EQ(client.Allocate({.size_bytes = 8}).status(), unavailable);
  EXPECT_EQ(client.Free(Pointer{64}).status(), unavailable);
  EXPECT_EQ(client.Write(Pointer{64}, Unit{0}, "x"), unavailable);
  EXPECT_EQ(client.Add(Pointer{64}, 1).status(), unavailable);
  EXPECT_EQ(memory_.calls, 4);
}

TEST_F(GrpcConnectionTest, OnlyUnavailableIsRepeated) {
  memory_.status = {grpc::StatusCode::INTERNAL, "broken"};
  Serve();
  EXPECT_EQ(Connect().Ping(), absl::InternalError("broken"));
  EXPECT_EQ(memory_.calls, 1);
}

TEST_F(GrpcConnectionTest, ACallEndsAtItsDeadline) {
  memory_.hangs = true;
  Serve();
  const absl::Status status = Connect(absl::Milliseconds(50)).Ping();
  memory_.release.Notify();
  EXPECT_EQ(status.code(), absl::StatusCode::kDeadlineExceeded);
}

TEST_F(GrpcConnectionTest, RetriesDoNotOutliveTheDeadline) {
  memory_.failures = 1 << 30;
  Serve();
  const absl::Time start = absl::Now();
  const absl::Status status = Connect(absl::Milliseconds(100), 1 << 30).Ping();
  EXPECT_FALSE(status.ok());
  EXPECT_LT(absl::Now() - start, absl::Seconds(10));
}

// Between two attempts the hour is set forward by a day: the second is made all the same.
TEST_F(GrpcConnectionTest, AnHourSetForwardEndsNoCall) {
  memory_.failures = 1;
  memory_.step = absl::Hours(24);
  Serve();
  const absl::Status status = Connect().Ping();
  testing::StepHour(-memory_.step);
  EXPECT_TRUE(status.ok()) << status;
  EXPECT_EQ(memory_.calls, 2);
}

// Between two attempts the hour is set back by a day: the second does not take a day.
TEST_F(GrpcConnectionTest, AnHourSetBackLengthensNoCall) {
  memory_.failures = 1 << 30;
  memory_.step = -absl::Hours(24);
  Serve();
  const absl::Status status = Connect(absl::Milliseconds(200), 1 << 30).Ping();
  testing::StepHour(absl::Hours(24));
  EXPECT_FALSE(status.ok());
}

TEST_F(GrpcConnectionTest, NobodyThereIsUnavailable) {
  EXPECT_EQ(Connect(absl::Seconds(30), 0).Ping().code(), absl::StatusCode::kUnavailable);
}

TEST_F(GrpcConnectionTest, ADaemonThatStartsLaterIsFound) {
  Client client = Connect(absl::Seconds(30), 1 << 20);
  ASSERT_FALSE(Connect(absl::Seconds(30), 0).Ping().ok());
  Serve();
  EXPECT_TRUE(client.Ping().ok());
}

TEST_F(GrpcConnectionTest, ADaemonThatRestartsIsFoundAgain) {
  Serve();
  Client client = Connect(absl::Seconds(30), 1 << 20);
  ASSERT_TRUE(client.Ping().ok());
  server_->Shutdown();
  server_.reset();
  Serve();
  EXPECT_TRUE(client.Ping().ok());
}

TEST_F(GrpcConnectionTest, WatchEndsWhenItsCallerHasSeenEnough) {
  Serve();
  std::uint64_t seen = 0;
  const absl::Status status = Connect().Watch(absl::Seconds(1), [&](const StatsSample& sample) {
    seen = sample.stats.nr_alloc;
    return seen < 5;
  });
  EXPECT_TRUE(status.ok()) << status;
  EXPECT_EQ(seen, 5);
}

TEST_F(GrpcConnectionTest, WatchEndsWithTheStream) {
  introspection_.limit = 3;
  Serve();
  int seen = 0;
  EXPECT_TRUE(Connect().Watch(absl::Seconds(1), [&](const auto&) { return ++seen > 0; }).ok());
  EXPECT_EQ(seen, 3);
}

TEST_F(GrpcConnectionTest, WhatTheDaemonDoesNotKnowIsUnimplemented) {
  Serve();
  const auto info = Connect().GetAllocInfo();
  EXPECT_EQ(info.status().code(), absl::StatusCode::kUnimplemented);
}

}  // namespace
}  // namespace percpu

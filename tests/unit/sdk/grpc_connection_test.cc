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

#include <atomic>
#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/notification.h"
#include "absl/time/clock.h"
#include "percpu/client.h"
#include "percpud/v1/introspection.grpc.pb.h"
#include "percpud/v1/memory.grpc.pb.h"

namespace percpu {
namespace {

using ::testing::HasSubstr;

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
    for (int i = 0; i < request->sizes_bytes_size(); ++i) response->add_pointers(64);
    return Answer();
  }
  grpc::Status Free(grpc::ServerContext* /*context*/, const v1::FreeRequest* /*request*/,
                    v1::FreeResponse* /*response*/) override {
    return Answer();
  }
  grpc::Status Write(grpc::ServerContext* /*context*/, const v1::WriteRequest* /*request*/,
                     v1::WriteResponse* /*response*/) override {
    return Answer();
  }
  grpc::Status Add(grpc::ServerContext* /*context*/, const v1::AddRequest* /*request*/,
                   v1::AddResponse* /*response*/) override {
    return Answer();
  }
  grpc::Status Sum(grpc::ServerContext* /*context*/, const v1::SumRequest* /*request*/,
                   v1::SumResponse* response) override {
    response->set_sum(42);
    return Answer();
  }

  // Set before the first call.
  int failures = 0;
  grpc::Status status;
  // Pings answer once `release` is notified: however late one is taken up.
  bool hangs = false;
  absl::Notification release;

  std::atomic<int> calls = 0;

 private:
  grpc::Status Answer() {
    if (calls++ < failures) return {grpc::StatusCode::UNAVAILABLE, "restarting"};
    return status;
  }
};

// Stats for ever, until the caller hangs up.
class FakeIntrospection final : public v1::IntrospectionService::Service {
 public:
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
};

class GrpcConnectionTest : public ::testing::Test {
 protected:
  GrpcConnectionTest() {
    std::string pattern = absl::StrCat(::testing::TempDir(), "/sdkXXXXXX");
    directory_ = mkdtemp(pattern.data());
    address_ = absl::StrCat("unix:", directory_, "/s");
  }
  ~GrpcConnectionTest() override {
    server_.reset();
    unlink(absl::StrCat(directory_, "/s").c_str());
    rmdir(directory_.c_str());
  }

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
    const Options options{.deadline = deadline,
                          .retry = {.max_retries = max_retries,
                                    .initial_backoff = absl::Milliseconds(1),
                                    .max_backoff = absl::Milliseconds(2)}};
    return Client::Connect(address_, options).value();
  }

  std::string directory_;
  std::string address_;
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
  const absl::Status status = Connect().Watch(absl::Seconds(1), [&](const auto& response) {
    seen = response.stats().nr_alloc();
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
  const auto info = Connect().AllocInfo();
  EXPECT_EQ(info.status().code(), absl::StatusCode::kUnimplemented);
}

}  // namespace
}  // namespace percpu

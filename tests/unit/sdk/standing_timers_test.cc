// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// The connection in a process whose clock was set back: all that gRPC does at a time comes
// a day late. Here the hour is a day ahead of the kernel's, which waits until the hours that
// it is told.

#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <unistd.h>

#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/notification.h"
#include "absl/time/clock.h"
#include "percpu/client.h"
#include "percpu/internal/deadline.h"
#include "percpu/internal/wire/channel.h"
#include "percpu/internal/wire/connectivity.h"
#include "percpu/internal/wire/grpc_start.h"
#include "percpud/v1/memory.grpc.pb.h"
#include "tests/support/process.h"
#include "tests/unit/sdk/hour.h"

namespace percpu {
namespace {

namespace v1 = ::percpud::v1;

constexpr absl::Duration kAhead = absl::Hours(24);
constexpr absl::Duration kPatience = absl::Seconds(30);

class Pings final : public v1::MemoryService::Service {
 public:
  grpc::Status Ping(grpc::ServerContext* /*context*/, const v1::PingRequest* /*request*/,
                    v1::PingResponse* /*response*/) override {
    if (hangs) release.WaitForNotification();
    return grpc::Status::OK;
  }
  // Set before the first call: pings answer once `release` is notified.
  bool hangs = false;
  absl::Notification release;
};

class StandingTimersTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    testing::StepHour(kAhead);
    // gRPC's look at its alarms is no verdict now.
    ASSERT_TRUE(wire::StartGrpc().ok());
  }

  void Serve() {
    grpc::ServerBuilder builder;
    builder.AddListeningPort(address_, grpc::InsecureServerCredentials());
    builder.RegisterService(&pings_);
    server_ = builder.BuildAndStart();
    ASSERT_NE(server_, nullptr);
  }
  void End() {
    server_->Shutdown();
    server_.reset();
  }

  [[nodiscard]] CallOptions Options(absl::Duration deadline) const {
    return {
        .deadline = deadline,
        .retry = {.initial_backoff = absl::Milliseconds(1), .max_backoff = absl::Milliseconds(2)}};
  }

  const ::percpud::testing::TempDir directory_;
  const std::string address_ = absl::StrCat("unix:", directory_.path(), "/s");
  Pings pings_;
  std::unique_ptr<grpc::Server> server_;
};

TEST_F(StandingTimersTest, ADaemonThatRestartsIsFoundAgain) {
  Serve();
  CallOptions options = Options(kPatience);
  options.retry.max_retries = 0;
  Client client = Client::Connect(address_, options).value();
  ASSERT_TRUE(client.Ping().ok());
  End();
  // The channel pauses from here on.
  ASSERT_TRUE(absl::IsUnavailable(client.Ping()));
  Serve();
  const Deadline deadline = Deadline::After(kPatience);
  while (!client.Ping().ok()) ASSERT_FALSE(deadline.has_passed());
}

TEST_F(StandingTimersTest, AWaitForADaemonFindsIt) {
  const CallOptions options = Options(kPatience);
  const auto channel = MakeChannel(address_, options);
  wire::Connectivity connectivity(channel, options.retry.max_backoff);
  // The channel pauses from here on.
  EXPECT_TRUE(absl::IsUnavailable(connectivity.Await(Deadline::After(absl::Milliseconds(400)))));
  Serve();
  EXPECT_TRUE(connectivity.Await(Deadline::After(kPatience)).ok());
}

TEST_F(StandingTimersTest, AWaitForADaemonEndsAtItsDeadline) {
  const CallOptions options = Options(kPatience);
  wire::Connectivity connectivity(MakeChannel(address_, options), options.retry.max_backoff);
  for (int i = 0; i < 20; ++i) {
    const absl::Duration wait = absl::Milliseconds(20);
    EXPECT_TRUE(absl::IsUnavailable(connectivity.Await(Deadline::After(wait))));
  }
}

TEST_F(StandingTimersTest, ACallEndsAtItsDeadline) {
  pings_.hangs = true;
  Serve();
  Client client = Client::Connect(address_, Options(absl::Milliseconds(200))).value();
  EXPECT_TRUE(absl::IsDeadlineExceeded(client.Ping()));
  pings_.release.Notify();
}

}  // namespace
}  // namespace percpu

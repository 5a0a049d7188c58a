// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// Calls of an agent whose clock was set back: all that gRPC does at a time comes a day late.
// Here the hour is a day ahead of the kernel's, which waits until the hours that it is told.

#include "server/fleet/deadlines.h"

#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>
#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/notification.h"
#include "etcdserverpb/etcd.grpc.pb.h"
#include "server/fleet/endpoints.h"
#include "server/fleet/grpc_etcd.h"
#include "server/fleet/local_percpud.h"
#include "tests/support/process.h"
#include "tests/unit/sdk/hour.h"

namespace percpud::fleet {
namespace {

constexpr absl::Duration kAhead = absl::Hours(24);
constexpr absl::Duration kPatience = absl::Seconds(30);

class Leases final : public etcdserverpb::Lease::Service {
 public:
  grpc::Status LeaseGrant(grpc::ServerContext* /*context*/,
                          const etcdserverpb::LeaseGrantRequest* request,
                          etcdserverpb::LeaseGrantResponse* response) override {
    if (hangs) release.WaitForNotification();
    response->set_id(7);
    response->set_ttl(request->ttl());
    return grpc::Status::OK;
  }
  // Set before the first call: calls answer once `release` is notified.
  std::atomic<bool> hangs = false;
  absl::Notification release;
};

class DeadlinesTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() { percpu::testing::StepHour(kAhead); }

  // At the port of the last time, if there was one.
  void Serve() {
    grpc::ServerBuilder builder;
    builder.AddListeningPort(absl::StrCat("127.0.0.1:", port_), grpc::InsecureServerCredentials(),
                             &port_);
    builder.RegisterService(&leases_);
    server_ = builder.BuildAndStart();
    ASSERT_NE(server_, nullptr);
  }
  void End() {
    server_->Shutdown();
    server_.reset();
  }
  std::unique_ptr<Endpoints> Connect() const {
    return Endpoints::Create(
               {.urls = {absl::StrCat("http://127.0.0.1:", port_)}, .files = {}, .server_name = ""})
        .value();
  }

  SystemClock clock_;
  Deadlines deadlines_{clock_};
  Leases leases_;
  int port_ = 0;
  std::unique_ptr<grpc::Server> server_;
};

TEST_F(DeadlinesTest, ACallEndsInTime) {
  leases_.hangs = true;
  Serve();
  const auto endpoints = Connect();
  GrpcEtcd etcd(*endpoints, deadlines_);
  const BootTime begin = clock_.Now();
  EXPECT_FALSE(etcd.Grant(absl::Seconds(10)).ok());
  EXPECT_LT(clock_.Now() - begin, kPatience);
  leases_.release.Notify();
}

TEST_F(DeadlinesTest, AMemberThatRestartsIsFoundAgain) {
  Serve();
  const auto endpoints = Connect();
  GrpcEtcd etcd(*endpoints, deadlines_);
  ASSERT_TRUE(etcd.Grant(absl::Seconds(10)).ok());
  End();
  // A channel pauses from here on.
  ASSERT_FALSE(etcd.Grant(absl::Seconds(10)).ok());
  Serve();
  const BootTime begin = clock_.Now();
  while (!etcd.Grant(absl::Seconds(10)).ok()) ASSERT_LT(clock_.Now() - begin, kPatience);
}

TEST_F(DeadlinesTest, APercpudThatIsNotThereIsNoticedInTime) {
  const testing::TempDir directory;
  LocalPercpud percpud(absl::StrCat("unix:", directory.path(), "/s"), clock_, deadlines_);
  const BootTime begin = clock_.Now();
  EXPECT_FALSE(percpud.Look().serving);
  EXPECT_FALSE(percpud.Look().serving);
  EXPECT_LT(clock_.Now() - begin, kPatience);
}

}  // namespace
}  // namespace percpud::fleet

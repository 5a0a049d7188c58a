// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// The SDK over the local fast lane of the real daemon.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <array>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "percpu/reason.h"
#include "percpu/session.h"
#include "proto/percpud/abi/v1/wire.h"
#include "tests/integration/children.h"
#include "tests/support/process.h"

namespace percpu {
namespace {

constexpr absl::Duration kPatience = absl::Seconds(60);

class LaneSdkTest : public ::testing::Test {
 protected:
  // Its grants outlive it.
  percpud::testing::RunningDaemon Start() {
    auto daemon = percpud::testing::StartDaemon(
        dir_, {"--arena", absl::StrCat("file:", dir_.path(), "/arena"), "--arena-size", "64MiB"});
    EXPECT_TRUE(daemon.ok()) << daemon.status();
    return *std::move(daemon);
  }
  // Nobody serves gRPC where this session would ask.
  std::unique_ptr<Session> OpenByTheDoorAlone(const std::string& address) {
    SessionOptions options;
    options.door = absl::StrCat(absl::StripPrefix(address, "unix:"), percpud::abi::v1::kDoorSuffix);
    auto session = Session::Open(absl::StrCat("unix:", dir_.path(), "/nobody"), options);
    EXPECT_TRUE(session.ok()) << session.status();
    return session.ok() ? *std::move(session) : nullptr;
  }

  percpud::testing::TempDir dir_;
};

TEST_F(LaneSdkTest, WhatALocalSessionAsksMostNeedsNoGrpc) {
  const percpud::testing::RunningDaemon daemon = Start();
  const auto session = OpenByTheDoorAlone(daemon.address);
  ASSERT_NE(session, nullptr);
  Client& client = session->client();
  EXPECT_TRUE(client.Ping().ok());
  const auto area = client.Allocate({.size_bytes = 8});
  ASSERT_TRUE(area.ok()) << area.status();
  const auto added = client.Add(*area, 5);
  ASSERT_TRUE(added.ok()) << added.status();
  EXPECT_EQ(added->value, 5);
  EXPECT_TRUE(client.Free(*area).ok());
  // A refusal is the daemon's.
  const auto again = client.Free(*area);
  EXPECT_FALSE(again.ok());
  EXPECT_EQ(ReasonOf(again.status()), "AREA_NOT_LIVE") << again.status();
  const auto hits = session->Counter("hits");
  ASSERT_TRUE(hits.ok()) << hits.status();
  // What the lane does not carry is asked over gRPC, where nobody is.
  EXPECT_TRUE(absl::IsUnavailable(client.GetStats().status()));
}

TEST_F(LaneSdkTest, AForkedChildHasALaneOfItsOwn) {
  const percpud::testing::RunningDaemon daemon = Start();
  const auto session = OpenByTheDoorAlone(daemon.address);
  ASSERT_NE(session, nullptr);
  ASSERT_TRUE(session->client().Ping().ok());
  testing::Child child([&] {
    const auto area = session->client().Allocate({.size_bytes = 8});
    return area.ok() && session->client().Free(*area).ok() ? 0 : 1;
  });
  EXPECT_EQ(child.Wait(), 0);
  EXPECT_TRUE(session->client().Ping().ok());
}

TEST_F(LaneSdkTest, ThreadsGoOnAcrossADaemonThatIsKilled) {
  constexpr int kThreads = 4;
  constexpr int kAreas = 400;
  std::optional<percpud::testing::RunningDaemon> daemon(Start());
  const auto session = OpenByTheDoorAlone(daemon->address);
  ASSERT_NE(session, nullptr);
  std::mutex mu;
  std::set<Pointer> pointers;
  std::vector<absl::Status> failures;
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < kAreas; ++i) {
        const auto area = session->client().Allocate({.size_bytes = 8});
        const std::lock_guard lock(mu);
        if (!area.ok()) {
          failures.push_back(area.status());
        } else if (!pointers.insert(*area).second) {
          failures.push_back(absl::InternalError("granted twice"));
        }
      }
    });
  }
  for (int kills = 0; kills < 3; ++kills) {
    kill(daemon->process.pid(), SIGKILL);
    static_cast<void>(daemon->process.Wait(kPatience));
    daemon.reset();
    daemon.emplace(Start());
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_THAT(failures, ::testing::IsEmpty());
  EXPECT_EQ(pointers.size(), static_cast<std::size_t>(kThreads * kAreas));
  for (const Pointer pointer : pointers) EXPECT_TRUE(session->client().Free(pointer).ok());
}

}  // namespace
}  // namespace percpu

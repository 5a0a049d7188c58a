// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// The SDK over the local fast lane of the real daemon.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
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
  static void Kill(std::optional<percpud::testing::RunningDaemon>& daemon) {
    kill(daemon->process.pid(), SIGKILL);
    EXPECT_TRUE(daemon->process.Wait(kPatience).ok());
    daemon.reset();
  }
  // Nobody serves gRPC where this session would ask.
  std::unique_ptr<Session> OpenByTheDoorAlone(const std::string& address,
                                              absl::Duration deadline = kPatience) {
    SessionOptions options;
    options.calls.deadline = deadline;
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
  const auto by_grpc = OpenByTheDoorAlone(daemon.address, absl::Milliseconds(200));
  ASSERT_NE(by_grpc, nullptr);
  EXPECT_TRUE(absl::IsUnavailable(by_grpc->client().GetStats().status()));
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
    Kill(daemon);
    daemon.emplace(Start());
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_THAT(failures, ::testing::IsEmpty());
  EXPECT_EQ(pointers.size(), static_cast<std::size_t>(kThreads * kAreas));
  for (const Pointer pointer : pointers) EXPECT_TRUE(session->client().Free(pointer).ok());
}

// Whatever the daemon is away for, a call that was not sent is not lost.
TEST_F(LaneSdkTest, ACallMadeWhileTheDaemonIsAwayWaitsForIt) {
  std::optional<percpud::testing::RunningDaemon> daemon(Start());
  SessionOptions options;
  options.calls.deadline = kPatience;
  const auto session = Session::Open(daemon->address, options).value();
  Client& client = session->client();
  const auto area = client.Allocate({.size_bytes = 8});
  ASSERT_TRUE(area.ok()) << area.status();
  Kill(daemon);
  // One goes over the lane, one over gRPC.
  std::atomic<int> answered = 0;
  absl::Status added;
  absl::Status written;
  std::thread adder([&] {
    added = client.Add(*area, 7, Unit{0}).status();
    ++answered;
  });
  std::thread writer([&] {
    written = client.Write(*area, Unit{1}, "12345678");
    ++answered;
  });
  while (session->state() != SessionState::kWaiting) std::this_thread::yield();
  EXPECT_EQ(answered, 0);
  daemon.emplace(Start());
  adder.join();
  writer.join();
  EXPECT_TRUE(added.ok()) << added;
  EXPECT_TRUE(written.ok()) << written;
  EXPECT_EQ(client.Read(*area, Unit{1}, 8).value_or(""), "12345678");
  EXPECT_EQ(session->At<std::int64_t>(*area).Read(Unit{0}), 7);
}

TEST_F(LaneSdkTest, ACallGivesUpAtItsDeadlineWhileTheDaemonIsAway) {
  constexpr absl::Duration kDeadline = absl::Milliseconds(100);
  std::optional<percpud::testing::RunningDaemon> daemon(Start());
  const auto session = OpenByTheDoorAlone(daemon->address, kDeadline);
  ASSERT_NE(session, nullptr);
  const auto area = session->client().Allocate({.size_bytes = 8});
  ASSERT_TRUE(area.ok()) << area.status();
  Kill(daemon);
  const auto began = std::chrono::steady_clock::now();
  const absl::Status added = session->client().Add(*area, 1).status();
  EXPECT_TRUE(absl::IsUnavailable(added)) << added;
  EXPECT_GE(absl::FromChrono(std::chrono::steady_clock::now() - began), kDeadline);
  EXPECT_EQ(session->state(), SessionState::kWaiting);
}

// A lost answer does not tell whether an addition was made: it is then said so, and it is
// made once or not at all.
TEST_F(LaneSdkTest, NoAdditionIsMadeTwiceAcrossADaemonThatIsKilled) {
  constexpr int kThreads = 4;
  std::optional<percpud::testing::RunningDaemon> daemon(Start());
  const auto session = OpenByTheDoorAlone(daemon->address);
  ASSERT_NE(session, nullptr);
  const auto area = session->client().Allocate({.size_bytes = 8});
  ASSERT_TRUE(area.ok()) << area.status();
  std::atomic<bool> stop = false;
  std::atomic<std::int64_t> made = 0;
  std::atomic<std::int64_t> unknown = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&] {
      while (!stop) {
        const absl::Status added = session->client().Add(*area, 1).status();
        EXPECT_TRUE(added.ok() || absl::IsUnavailable(added)) << added;
        (added.ok() ? made : unknown) += 1;
      }
    });
  }
  for (int kills = 0; kills < 5; ++kills) {
    const std::int64_t before = made;
    while (made < before + 100) std::this_thread::yield();
    Kill(daemon);
    daemon.emplace(Start());
  }
  stop = true;
  for (std::thread& thread : threads) thread.join();
  // Each thread has one call under way when the daemon is killed.
  EXPECT_LE(unknown, 5 * kThreads);
  const std::int64_t sum = session->At<std::int64_t>(*area).Sum();
  EXPECT_GE(sum, made);
  EXPECT_LE(sum, made + unknown);
}

}  // namespace
}  // namespace percpu

// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// Mapped clients against the real daemon, in processes of their own that are
// forked, killed and replaced.

#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/time/clock.h"
#include "percpu/session.h"
#include "server/rseq/self_test.h"
#include "tests/integration/children.h"
#include "tests/support/process.h"

namespace percpu {
namespace {

constexpr absl::Duration kPatience = absl::Seconds(20);

using testing::Child;
using testing::Pipe;

class SessionsTest : public ::testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    if (std::string(GetParam()) == "rseq" && !percpud::rseq::RseqWorks()) {
      GTEST_SKIP() << "no restartable sequences here";
    }
    auto daemon = percpud::testing::StartDaemon(dir_, {"--update-mode", GetParam()});
    ASSERT_TRUE(daemon.ok()) << daemon.status();
    daemon_ = std::make_unique<percpud::testing::RunningDaemon>(*std::move(daemon));
  }

  std::unique_ptr<Session> Open(const SessionOptions& options = {}) {
    auto session = Session::Open(daemon_->address, options);
    EXPECT_TRUE(session.ok()) << session.status();
    return session.ok() ? *std::move(session) : nullptr;
  }
  Client Operator() { return *Client::Connect(daemon_->address); }
  // Areas that live in the daemon, in a while.
  [[nodiscard]] bool AwaitAreas(std::uint64_t count) {
    Client client = Operator();
    const absl::Time deadline = absl::Now() + kPatience;
    while (true) {
      const auto stats = client.GetStats();
      if (stats.ok() && stats->nr_cur_alloc == count) return true;
      if (absl::Now() > deadline) return false;
      absl::SleepFor(absl::Milliseconds(1));
    }
  }

  percpud::testing::TempDir dir_;
  std::unique_ptr<percpud::testing::RunningDaemon> daemon_;
};

TEST_P(SessionsTest, CountsWithoutTheDaemon) {
  const auto session = Open();
  ASSERT_NE(session, nullptr);
  EXPECT_EQ(session->update_mode(),
            std::string(GetParam()) == "rseq" ? Updates::kRseq : Updates::kAtomic);
  const auto hits = session->Counter("hits");
  ASSERT_TRUE(hits.ok()) << hits.status();
  for (int i = 0; i < 100000; ++i) ASSERT_TRUE(hits->Increment());
  EXPECT_EQ(hits->Sum(), 100000U);
  EXPECT_EQ(*Operator().Sum(hits->pointer()), 100000);
}

// The prefork server: the parent makes the counter, the workers count, one is
// killed. No RPC after the fork, no count lost.
TEST_P(SessionsTest, PreforkedWorkersCountOnTheInheritedMapping) {
  constexpr std::uint64_t kEach = 200000;
  const auto session = Open();
  ASSERT_NE(session, nullptr);
  const auto requests = *session->Counter("requests");
  const Pipe ready;
  std::vector<std::unique_ptr<Child>> workers;
  for (int i = 0; i < 3; ++i) {
    workers.push_back(std::make_unique<Child>([&] {
      for (std::uint64_t n = 0; n < kEach; ++n) {
        if (!requests.Increment()) return 1;
      }
      return 0;
    }));
  }
  Child victim([&] {
    for (std::uint64_t n = 0; n < kEach; ++n) requests.Increment();
    ready.Put(1);
    pause();
    return 0;
  });
  EXPECT_EQ(ready.Get(), 1U);
  victim.Kill();
  for (const auto& worker : workers) EXPECT_EQ(worker->Wait(), 0);
  EXPECT_EQ(requests.Sum(), 4 * kEach);
  EXPECT_EQ(*Operator().Sum(requests.pointer()), static_cast<std::int64_t>(4 * kEach));
}

// Mapped updates and the daemon's own, on the same copies at once.
TEST_P(SessionsTest, LocalAndRemoteAddsLoseNothing) {
  constexpr int kRemote = 3000;
  constexpr std::uint64_t kLocal = 3000000;
  const auto session = Open();
  ASSERT_NE(session, nullptr);
  const auto hits = *session->Counter("hits");
  Child remote([&] {
    Client client = Operator();
    for (int i = 0; i < kRemote; ++i) {
      if (!client.Add(hits.pointer(), 1).ok()) return 1;
    }
    return 0;
  });
  Child local([&] {
    for (std::uint64_t i = 0; i < kLocal; ++i) hits.Increment();
    return 0;
  });
  EXPECT_EQ(remote.Wait(), 0);
  EXPECT_EQ(local.Wait(), 0);
  EXPECT_EQ(hits.Sum(), kLocal + kRemote);
}

TEST_P(SessionsTest, WhatAKilledProcessOwnedIsTakenBack) {
  ASSERT_TRUE(AwaitAreas(0));
  const Pipe ready;
  Child victim([&] {
    const auto session = Open();
    if (session == nullptr) return 1;
    for (int i = 0; i < 50; ++i) {
      if (!session->client().Allocate({.size_bytes = 100}).ok()) return 2;
    }
    ready.Put(Value(*session->id()));
    pause();
    return 0;
  });
  EXPECT_NE(ready.Get(), 0U);
  EXPECT_TRUE(AwaitAreas(50));
  victim.Kill();
  EXPECT_TRUE(AwaitAreas(0));
}

TEST_P(SessionsTest, ADestroyedSessionEndsToo) {
  {
    const auto session = Open();
    ASSERT_NE(session, nullptr);
    ASSERT_TRUE(session->client().Allocate({.size_bytes = 100}).ok());
  }
  EXPECT_TRUE(AwaitAreas(0));
}

// The child counts on what it inherited, and is admitted anew when it calls:
// its end takes only its own along.
TEST_P(SessionsTest, AChildIsASessionOfItsOwn) {
  const auto session = Open();
  ASSERT_NE(session, nullptr);
  const auto hits = *session->Counter("hits");
  const auto mine = session->client().Allocate({.size_bytes = 64});
  ASSERT_TRUE(mine.ok()) << mine.status();
  const SessionId id = *session->id();
  Child child([&] {
    if (!hits.Increment()) return 1;
    const auto own = session->client().Allocate({.size_bytes = 64});
    if (!own.ok()) return 2;
    const auto child_id = session->id();
    if (!child_id.ok() || *child_id == id) return 3;
    // The parent's is another's.
    if (session->client().Free(*mine).status().code() != absl::StatusCode::kPermissionDenied) {
      return 4;
    }
    return 0;
  });
  EXPECT_EQ(child.Wait(), 0);
  // The counter and the parent's own area.
  EXPECT_TRUE(AwaitAreas(2));
  EXPECT_EQ(hits.Sum(), 1U);
  EXPECT_TRUE(session->client().Free(*mine).ok());
}

TEST_P(SessionsTest, AViewerReadsAndTheDaemonAddsForIt) {
  const auto session = Open();
  const auto viewer = Open({.read_only = true});
  ASSERT_NE(viewer, nullptr);
  const auto hits = *session->Counter("hits");
  hits.Add(41);
  EXPECT_EQ(viewer->update_mode(), Updates::kRpc);
  const auto view = viewer->At<std::uint64_t>(hits.pointer());
  EXPECT_EQ(view.Sum(), 41U);
  EXPECT_TRUE(view.Increment());
  EXPECT_EQ(hits.Sum(), 42U);
}

TEST_P(SessionsTest, ThreadsShareTheStream) {
  const auto session = Open();
  ASSERT_NE(session, nullptr);
  std::vector<std::thread> threads;
  std::vector<int> failures(8);
  for (int& failed : failures) {
    threads.emplace_back([&] {
      for (int i = 0; i < 300; ++i) {
        const auto area = session->client().Allocate({.size_bytes = 32});
        if (!area.ok() || !session->client().Free(*area).ok()) ++failed;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(failures, std::vector<int>(8, 0));
  EXPECT_TRUE(AwaitAreas(0));
}

TEST_P(SessionsTest, AnEndedSessionIsToldSo) {
  const auto session = Open();
  ASSERT_NE(session, nullptr);
  ASSERT_TRUE(session->client().Allocate({.size_bytes = 8}).ok());
  const auto connection = MakeGrpcConnection(daemon_->address, {});
  ASSERT_TRUE(connection->EndSession(*session->id()).ok());
  EXPECT_EQ(session->client().Allocate({.size_bytes = 8}).status().code(),
            absl::StatusCode::kUnauthenticated);
  EXPECT_TRUE(AwaitAreas(0));
}

INSTANTIATE_TEST_SUITE_P(Modes, SessionsTest, ::testing::Values("rseq", "atomic"),
                         [](const auto& info) { return std::string(info.param); });

// What SessionReclaimTest runs in processes of its own: a client that allocates
// until it is killed.
TEST(VictimProcess, AllocatesForEver) {
  const char* address = getenv("PERCPUD_VICTIM_OF");
  if (address == nullptr) GTEST_SKIP() << "runs as SessionReclaimTest's victim";
  const auto session = Session::Open(address);
  ASSERT_TRUE(session.ok()) << session.status();
  for (int i = 0; i < 10; ++i) {
    ASSERT_TRUE((*session)->client().Allocate({.size_bytes = 64}).ok());
  }
  std::puts("victim at work");
  std::fflush(stdout);
  while ((*session)->client().Allocate({.size_bytes = 64}).ok()) {
  }
}

// A thousand clients die in the middle of their work (a hundred, unless asked
// for more); what is left is nothing, and soon.
TEST(SessionReclaimTest, KilledClientsLeaveNothing) {
  const int kills = getenv("PERCPUD_LONG") != nullptr ? 1000 : 100;
  const percpud::testing::TempDir dir;
  auto daemon = percpud::testing::StartDaemon(dir);
  ASSERT_TRUE(daemon.ok()) << daemon.status();
  auto client = *Client::Connect(daemon->address);
  const auto before = *client.GetStats();
  std::vector<absl::Duration> waits;
  for (int i = 0; i < kills; ++i) {
    auto victim =
        percpud::testing::Process::Spawn({"/proc/self/exe", "--gtest_filter=VictimProcess.*"},
                                         {"PERCPUD_VICTIM_OF=" + daemon->address});
    ASSERT_TRUE(victim.ok()) << victim.status();
    const absl::Status ready = victim->WaitForLine("victim at work", kPatience);
    ASSERT_TRUE(ready.ok()) << ready;
    victim->Kill(SIGKILL);
    ASSERT_TRUE(victim->Wait(kPatience).ok());
    const absl::Time killed = absl::Now();
    while (client.GetStats()->nr_cur_alloc != 0) {
      ASSERT_LT(absl::Now() - killed, kPatience) << "kill " << i;
    }
    waits.push_back(absl::Now() - killed);
  }
  std::sort(waits.begin(), waits.end());
  std::printf("reclaimed after a kill: p50 %s, p99 %s\n",
              absl::FormatDuration(waits[waits.size() / 2]).c_str(),
              absl::FormatDuration(waits[waits.size() * 99 / 100]).c_str());
  const auto after = *client.GetStats();
  EXPECT_EQ(after.live_bytes, before.live_bytes);
  EXPECT_EQ(after.leased_chunks, 0U);
  const auto sessions = MakeGrpcConnection(daemon->address, {})->ListSessions();
  ASSERT_TRUE(sessions.ok()) << sessions.status();
  EXPECT_EQ(sessions->size(), 0U);
}

}  // namespace
}  // namespace percpu

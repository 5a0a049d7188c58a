// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// Sessions opened by RPC, and the limits of users, against the real daemon.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "percpu/remote_session.h"
#include "tests/integration/children.h"
#include "tests/support/process.h"

namespace percpu {
namespace {

using ::testing::HasSubstr;

constexpr absl::Duration kPatience = absl::Seconds(30);
constexpr absl::Duration kTtl = absl::Seconds(1);

class RemoteSessionsTest : public ::testing::Test {
 protected:
  void Start(const std::string& config = "") {
    const std::string path = absl::StrCat(dir_.path(), "/percpud.textproto");
    std::ofstream(path) << config;
    auto daemon = percpud::testing::StartDaemon(dir_, {"--config", path});
    ASSERT_TRUE(daemon.ok()) << daemon.status();
    daemon_.emplace(*std::move(daemon));
    operator_.emplace(*Client::Connect(daemon_->address));
  }
  absl::StatusOr<std::unique_ptr<RemoteSession>> Open(absl::Duration ttl = kTtl) {
    return RemoteSession::Open(daemon_->address, {.command = "loader", .ttl = ttl});
  }
  // How long the only session has been there; zero if there is none.
  absl::Duration Age() {
    const auto sessions = operator_->ListSessions();
    EXPECT_TRUE(sessions.ok()) << sessions.status();
    if (!sessions.ok() || sessions->empty()) return absl::ZeroDuration();
    return sessions->front().age;
  }
  template <typename Condition>
  static bool Await(const Condition& condition) {
    const absl::Time deadline = absl::Now() + kPatience;
    while (!condition()) {
      if (absl::Now() > deadline) return false;
    }
    return true;
  }
  std::uint64_t Areas() { return operator_->GetStats()->nr_cur_alloc; }

  const percpud::testing::TempDir dir_;
  std::optional<percpud::testing::RunningDaemon> daemon_;
  std::optional<Client> operator_;
};

TEST_F(RemoteSessionsTest, IsRenewedForAsLongAsItIsThere) {
  Start();
  auto session = Open();
  ASSERT_TRUE(session.ok()) << session.status();
  ASSERT_TRUE((*session)->client().Allocate({.size_bytes = 64}).ok());
  // It would be over three times, had nobody renewed it.
  EXPECT_TRUE(Await([&] {
    const absl::Duration age = Age();
    return age == absl::ZeroDuration() || age > 3 * kTtl;
  }));
  EXPECT_GT(Age(), 3 * kTtl);
  EXPECT_EQ(Areas(), 1U);
  EXPECT_TRUE((*session)->renewal().ok()) << (*session)->renewal();
  session->reset();
  EXPECT_EQ(Areas(), 0U);
  EXPECT_TRUE(operator_->ListSessions()->empty());
}

TEST_F(RemoteSessionsTest, EndsUnrenewedWithItsProcess) {
  Start();
  const testing::Pipe ready;
  testing::Child client([&] {
    const auto session = Open();
    if (!session.ok() || !(*session)->client().Allocate({.size_bytes = 64}).ok()) return 1;
    ready.Put(1);
    pause();
    return 0;
  });
  ASSERT_EQ(ready.Get(), 1U);
  client.Kill();
  EXPECT_TRUE(Await([&] { return Areas() == 0 && operator_->ListSessions()->empty(); }));
}

TEST_F(RemoteSessionsTest, KnowsThatItWasEnded) {
  Start();
  auto session = Open();
  ASSERT_TRUE(session.ok()) << session.status();
  ASSERT_TRUE(operator_->EndSession((*session)->id()).ok());
  EXPECT_TRUE(Await([&] { return !(*session)->renewal().ok(); }));
  EXPECT_EQ((*session)->renewal().code(), absl::StatusCode::kUnauthenticated);
}

TEST_F(RemoteSessionsTest, AnOpenerHasSoManyAndIsToldWhichLimitItMet) {
  Start("quotas { remote_sessions_per_opener: 2 }");
  auto first = Open(absl::Hours(1));
  const auto second = Open(absl::Hours(1));
  ASSERT_TRUE(first.ok() && second.ok());
  const absl::Status refused = Open(absl::Hours(1)).status();
  EXPECT_EQ(refused.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(refused.message(), absl::StrCat("quotas.remote_sessions_per_opener: uid ", geteuid(),
                                            " has 2 remote sessions, the limit"));
  first->reset();
  EXPECT_TRUE(Open(absl::Hours(1)).ok());
}

TEST_F(RemoteSessionsTest, AUserHasSoManyVariablesAndSoManyBytesInThem) {
  Start("quotas { variables_per_user { count: 2 bytes: \"1KiB\" } }");
  const auto make = [&](const std::string& name, std::uint64_t size) {
    return operator_->OpenVariable({.name = name, .size_bytes = size, .create = true}).status();
  };
  ASSERT_TRUE(make("a", 1000).ok());
  const absl::Status big = make("b", 25);
  EXPECT_EQ(big.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_THAT(std::string(big.message()),
              HasSubstr("uses 1000 of 1024 bytes in variables and asks for 28 more"));
  ASSERT_TRUE(make("b", 24).ok());
  const absl::Status third = make("c", 4);
  EXPECT_EQ(third.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_THAT(std::string(third.message()), HasSubstr("uses 2 of 2 variables and asks for 1 more"));
  // One that is there is found, whatever the quota.
  EXPECT_TRUE(make("a", 1000).ok());
  ASSERT_TRUE(operator_->RemoveVariable("a").ok());
  EXPECT_TRUE(make("c", 4).ok());
  EXPECT_EQ(Areas(), 2U);
}

}  // namespace
}  // namespace percpu

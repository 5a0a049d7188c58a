// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// The arena as a memfd that a service manager keeps: this test is the manager,
// and does with the daemon's descriptor what systemd does.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "percpu/session.h"
#include "tests/integration/children.h"
#include "tests/integration/service_manager.h"
#include "tests/support/process.h"

namespace percpu {
namespace {

using percpud::testing::BinaryPath;
using percpud::testing::Process;
using testing::Child;
using testing::ServiceManager;

constexpr absl::Duration kPatience = absl::Minutes(1);

class FdStoreTest : public ::testing::Test {
 protected:
  bool HearReady() { return manager_.HearNews("READY=1"); }

  // With what was kept, and copies of it under other names.
  absl::StatusOr<Process> Start(const std::vector<std::string>& flags = {},
                                const std::vector<std::string>& names = {}) {
    std::vector<ServiceManager::Passed> passed;
    if (manager_.kept().ok()) passed = {{.name = "percpud-arena", .fd = manager_.kept().get()}};
    for (const std::string& name : names) {
      passed.push_back({.name = name, .fd = manager_.kept().get()});
    }
    std::vector<std::string> command = {BinaryPath("percpud"), "--listen", address(),
                                        "--arena-size",        "64MiB",    "--catalog",
                                        dir_.path() + "/c"};
    command.insert(command.end(), flags.begin(), flags.end());
    return manager_.Start(command, passed);
  }
  [[nodiscard]] std::string address() const { return "unix:" + dir_.path() + "/percpud.sock"; }
  int Variable(bool create, std::int64_t value) {
    return Child([&] {
             Client client = *Client::Connect(address());
             const auto made = client.OpenVariable(
                 {.name = "v", .size_bytes = create ? 8U : 0U, .create = create});
             if (!made.ok()) return 1;
             const Pointer pointer = made->variable.pointer;
             if (create && !client.Add(pointer, value).ok()) return 2;
             return client.Sum(pointer).value_or(-1) == value ? 0 : 3;
           })
        .Wait();
  }

  percpud::testing::TempDir dir_;
  ServiceManager manager_{dir_.path() + "/notify"};
};

TEST_F(FdStoreTest, TheArenaComesBackFromTheStore) {
  {
    auto daemon = Start();
    ASSERT_TRUE(daemon.ok()) << daemon.status();
    ASSERT_TRUE(HearReady());
    EXPECT_TRUE(absl::StrContains(manager_.heard(), "FDSTORE=1")) << manager_.heard();
    EXPECT_TRUE(absl::StrContains(manager_.heard(), "FDNAME=percpud-arena")) << manager_.heard();
    ASSERT_TRUE(manager_.kept().ok());
    EXPECT_EQ(Variable(/*create=*/true, 42), 0);
    daemon->Kill(SIGKILL);
    ASSERT_TRUE(daemon->Wait(kPatience).ok());
  }
  auto daemon = Start();
  ASSERT_TRUE(daemon.ok()) << daemon.status();
  ASSERT_TRUE(HearReady());
  EXPECT_EQ(Variable(/*create=*/false, 42), 0);
  daemon->Kill(SIGTERM);
  EXPECT_TRUE(daemon->Wait(kPatience).ok());
  EXPECT_TRUE(absl::StrContains(daemon->err(), "start is warm")) << daemon->err();
}

// The store was emptied (a stop of the unit): the catalog tells of what is gone.
TEST_F(FdStoreTest, AnEmptyStoreIsACleanStart) {
  {
    auto daemon = Start();
    ASSERT_TRUE(daemon.ok()) << daemon.status();
    ASSERT_TRUE(HearReady());
    daemon->Kill(SIGKILL);
    ASSERT_TRUE(daemon->Wait(kPatience).ok());
  }
  manager_.kept().reset();
  auto daemon = Start();
  ASSERT_TRUE(daemon.ok()) << daemon.status();
  ASSERT_TRUE(HearReady());
  daemon->Kill(SIGTERM);
  EXPECT_TRUE(daemon->Wait(kPatience).ok());
  EXPECT_TRUE(absl::StrContains(daemon->err(), "start is cold: the arena is gone"))
      << daemon->err();
}

// The store has room for the last arena with something in it that no daemon could go
// on with.
TEST_F(FdStoreTest, AnOldArenaMakesWayForTheNext) {
  for (const char* reserved : {"4KiB", "8KiB", "12KiB"}) {
    auto daemon = Start({"--reserved-size", reserved});
    ASSERT_TRUE(daemon.ok()) << daemon.status();
    ASSERT_TRUE(HearReady());
    EXPECT_EQ(Variable(/*create=*/true, 42), 0);
    daemon->Kill(SIGKILL);
    ASSERT_TRUE(daemon->Wait(kPatience).ok());
  }
  EXPECT_THAT(manager_.heard(), ::testing::HasSubstr("FDNAME=percpud-arena-old"));
  EXPECT_THAT(manager_.heard(),
              ::testing::Not(::testing::HasSubstr("FDSTOREREMOVE=1\nFDNAME=percpud-arena-old")));
  auto daemon = Start({"--reserved-size", "16KiB"}, {"percpud-arena-old"});
  ASSERT_TRUE(daemon.ok()) << daemon.status();
  ASSERT_TRUE(HearReady());
  EXPECT_THAT(manager_.heard(), ::testing::HasSubstr("FDSTOREREMOVE=1\nFDNAME=percpud-arena-old"));
}

TEST_F(FdStoreTest, AConfigurationThatIsRefusedTakesNothingOutOfTheStore) {
  {
    auto daemon = Start();
    ASSERT_TRUE(daemon.ok()) << daemon.status();
    ASSERT_TRUE(HearReady());
    EXPECT_EQ(Variable(/*create=*/true, 42), 0);
    daemon->Kill(SIGKILL);
    ASSERT_TRUE(daemon->Wait(kPatience).ok());
  }
  const std::string before = manager_.heard();
  for (int i = 0; i < 2; ++i) {
    auto refused = Start({"--unit-size", "64MiB"});
    ASSERT_TRUE(refused.ok()) << refused.status();
    EXPECT_EQ(refused->Wait(kPatience).value_or(-1), 2) << refused->err();
  }
  auto daemon = Start();
  ASSERT_TRUE(daemon.ok()) << daemon.status();
  ASSERT_TRUE(HearReady());
  EXPECT_EQ(manager_.heard(), before);
  EXPECT_EQ(Variable(/*create=*/false, 42), 0);
}

TEST_F(FdStoreTest, AnEmptyArenaIsNotKeptInPlaceOfOneWithData) {
  for (const char* reserved : {"4KiB", "8KiB"}) {
    auto daemon = Start({"--reserved-size", reserved});
    ASSERT_TRUE(daemon.ok()) << daemon.status();
    ASSERT_TRUE(HearReady());
    daemon->Kill(SIGKILL);
    ASSERT_TRUE(daemon->Wait(kPatience).ok());
  }
  EXPECT_THAT(manager_.heard(), ::testing::Not(::testing::HasSubstr("percpud-arena-old")));
}

}  // namespace
}  // namespace percpu

// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// percpud as a service: what it tells its manager, and hears from it.

#include <dirent.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "percpu/client.h"
#include "percpu/session.h"
#include "server/base/unique_fd.h"
#include "tests/integration/service_manager.h"
#include "tests/support/process.h"

namespace percpu {
namespace {

using percpud::UniqueFd;
using percpud::testing::BinaryPath;
using percpud::testing::Process;
using testing::ServiceManager;

constexpr absl::Duration kPatience = absl::Minutes(1);

class ServiceTest : public ::testing::Test {
 protected:
  void Start(std::vector<std::string> flags, const std::vector<std::string>& env = {},
             const std::vector<ServiceManager::Passed>& passed = {}) {
    std::vector<std::string> command = {BinaryPath("percpud"), "--arena-size", "64MiB", "--listen",
                                        address()};
    command.insert(command.end(), flags.begin(), flags.end());
    auto started = manager_.Start(command, passed, env);
    ASSERT_TRUE(started.ok()) << started.status();
    daemon_ = std::make_unique<Process>(*std::move(started));
    ASSERT_TRUE(manager_.HearNews("READY=1")) << daemon_->err();
  }
  bool AwaitLog(const std::string& text) {
    const absl::Time limit = absl::Now() + kPatience;
    while (!absl::StrContains(daemon_->err(), text)) {
      if (absl::Now() > limit) return false;
    }
    return true;
  }
  // The daemon's thread of that name; 0 if it has no such thread.
  [[nodiscard]] pid_t ThreadNamed(const std::string& wanted) const {
    const std::string tasks = absl::StrCat("/proc/", daemon_->pid(), "/task");
    const std::unique_ptr<DIR, int (*)(DIR*)> list(opendir(tasks.c_str()), closedir);
    while (const dirent* entry = readdir(list.get())) {
      std::string name;
      std::getline(std::ifstream(absl::StrCat(tasks, "/", entry->d_name, "/comm")), name);
      if (name == wanted) return std::atoi(entry->d_name);
    }
    return 0;
  }
  [[nodiscard]] std::string address() const { return "unix:" + dir_.path() + "/percpud.sock"; }

  percpud::testing::TempDir dir_;
  ServiceManager manager_{dir_.path() + "/notify"};
  std::unique_ptr<Process> daemon_;
};

TEST_F(ServiceTest, VouchesForItselfAsOftenAsAsked) {
  Start({}, {"WATCHDOG_USEC=2000000"});
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(manager_.HearNews("WATCHDOG=1"));
  daemon_->Kill(SIGTERM);
  EXPECT_TRUE(manager_.HearNews("STOPPING=1"));
}

// A socket that listens at `path` before the daemon is there.
UniqueFd ListenAt(const std::string& path, int type) {
  UniqueFd fd(socket(AF_UNIX, type | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, path.c_str(), sizeof(address.sun_path) - 1);
  EXPECT_EQ(bind(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
  EXPECT_EQ(listen(fd.get(), 16), 0);
  return fd;
}

TEST_F(ServiceTest, ServesTheSocketsItIsPassedAndLeavesThemBehind) {
  const std::string path = dir_.path() + "/percpud.sock";
  const UniqueFd grpc = ListenAt(path, SOCK_STREAM);
  const UniqueFd door = ListenAt(path + ".door", SOCK_SEQPACKET);
  const UniqueFd stray = ListenAt(dir_.path() + "/stray", SOCK_STREAM);
  for (int run = 0; run < 2; ++run) {
    Start({}, {},
          {{.name = "percpud", .fd = door.get()},
           {.name = "percpud", .fd = stray.get()},
           {.name = "percpud", .fd = grpc.get()}});
    {
      const auto session = Session::Open(address());
      ASSERT_TRUE(session.ok()) << session.status();
      EXPECT_TRUE((*session)->client().Allocate({.size_bytes = 8}).ok());
    }
    daemon_->Kill(SIGTERM);
    EXPECT_EQ(daemon_->Wait(kPatience).value_or(-1), 0) << daemon_->err();
    EXPECT_TRUE(absl::StrContains(daemon_->err(), "/stray, which neither listen nor door names"));
    EXPECT_FALSE(absl::StrContains(daemon_->err(), "percpud.sock, which")) << daemon_->err();
    EXPECT_EQ(access(path.c_str(), F_OK), 0);
    EXPECT_EQ(access((path + ".door").c_str(), F_OK), 0);
    EXPECT_NE(access((path + ".lock").c_str(), F_OK), 0);
  }
}

class HungThreadTest : public ServiceTest, public ::testing::WithParamInterface<const char*> {};

// A thread that is held, as one that hangs is, while all others go on.
TEST_P(HungThreadTest, CostsTheWatchdogItsPing) {
  Start({}, {"WATCHDOG_USEC=1000000"});
  ASSERT_TRUE(manager_.HearNews("WATCHDOG=1"));
  const pid_t thread = ThreadNamed(GetParam());
  ASSERT_NE(thread, 0);
  if (ptrace(PTRACE_SEIZE, thread, nullptr, nullptr) != 0) GTEST_SKIP() << "no ptrace here";
  ASSERT_EQ(ptrace(PTRACE_INTERRUPT, thread, nullptr, nullptr), 0);
  ASSERT_EQ(waitpid(thread, nullptr, __WALL), thread);
  ASSERT_TRUE(AwaitLog(absl::StrCat("thread ", GetParam(), " has done nothing")));
  // What was sent before; since then, half the timeout has passed in silence.
  while (!manager_.Hear(0).empty()) {
  }
  EXPECT_EQ(manager_.Hear(/*patience_ms=*/500), "");
  ASSERT_EQ(ptrace(PTRACE_DETACH, thread, nullptr, nullptr), 0);
  EXPECT_TRUE(manager_.HearNews("WATCHDOG=1")) << "it goes on, and so does the ping";
}

INSTANTIATE_TEST_SUITE_P(Threads, HungThreadTest,
                         ::testing::Values("listener", "door", "hot-lane", "slow-lane", "balancer",
                                           "reaper"));

// A daemon that was told to read its file again.
class ReloadTest : public ServiceTest {
 protected:
  void StartWith(const std::string& text) {
    Write(text);
    Start({"--config", file()});
  }
  void Write(const std::string& text) const { std::ofstream(file()) << text; }
  // What the daemon says came of it.
  std::string Reload(const std::string& text) {
    Write(text);
    daemon_->Kill(SIGHUP);
    EXPECT_TRUE(manager_.HearNews("RELOADING=1\nMONOTONIC_USEC="));
    return manager_.Hear();
  }
  absl::Status MakeVariable(const std::string& name) {
    return client_.OpenVariable({.name = name, .size_bytes = 8, .create = true}).status();
  }
  [[nodiscard]] std::string file() const { return dir_.path() + "/percpud.textproto"; }

  Client client_ = *Client::Connect(address());
};

constexpr char kOneVariable[] = "quotas { variables_per_user { count: 1 } }";
constexpr char kTwoVariables[] = "quotas { variables_per_user { count: 2 } }";

TEST_F(ReloadTest, QuotasChangeWhileClientsGoOn) {
  StartWith(kOneVariable);
  EXPECT_TRUE(MakeVariable("a").ok());
  EXPECT_TRUE(absl::IsResourceExhausted(MakeVariable("b")));
  EXPECT_EQ(Reload(kTwoVariables),
            "READY=1\nSTATUS=reloaded: changed quotas.variables_per_user.count");
  EXPECT_TRUE(MakeVariable("b").ok());
  EXPECT_EQ(Reload(kTwoVariables), "READY=1\nSTATUS=reloaded: nothing has changed");
  // Lowered under what is held: nothing is taken back, nothing more granted.
  Reload(kOneVariable);
  EXPECT_TRUE(MakeVariable("b").ok());
  EXPECT_TRUE(absl::IsResourceExhausted(MakeVariable("c")));
}

// A small area costs the catalog more than the arena.
TEST_F(ReloadTest, WhatTheCatalogRemembersOfAUserIsBounded) {
  StartWith("quotas { per_user { catalog_bytes: \"32KiB\" } }");
  const std::vector<AreaSpec> batch(1000, AreaSpec{.size_bytes = 4});
  const auto refused = client_.AllocateBatch(batch);
  EXPECT_TRUE(absl::IsResourceExhausted(refused.status())) << refused.status();
  EXPECT_THAT(std::string(refused.status().message()),
              ::testing::HasSubstr("bytes of the catalog"));
  EXPECT_EQ(Reload("quotas { per_user { catalog_bytes: \"1MiB\" } }"),
            "READY=1\nSTATUS=reloaded: changed quotas.per_user.catalog_bytes");
  EXPECT_TRUE(client_.AllocateBatch(batch).ok());
}

TEST_F(ReloadTest, AccessAndLogLevelChangeTogether) {
  Write("log_level: \"info\"");
  Start({"--config", file(), "--listen", "127.0.0.1:0"});
  ASSERT_TRUE(AwaitLog("serving on 127.0.0.1:"));
  const std::string log = daemon_->err();
  const std::size_t from = log.find("127.0.0.1:", log.find("serving on 127"));
  Client remote = *Client::Connect(log.substr(from, log.find('\n', from) - from));
  EXPECT_TRUE(absl::IsPermissionDenied(remote.ListVariables().status()));
  EXPECT_EQ(Reload("log_level: \"warning\" access { remote: \"viewer\" }"),
            "READY=1\nSTATUS=reloaded: changed log_level, access.remote");
  EXPECT_TRUE(remote.ListVariables().ok());
}

TEST_F(ReloadTest, OneFieldThatCannotChangeKeepsAllAsItIs) {
  StartWith(kOneVariable);
  EXPECT_EQ(Reload(absl::StrCat(kTwoVariables, " unit_size: \"128KiB\" limits { batch: 7 }")),
            "READY=1\nSTATUS=reload refused: only a restart changes unit_size, limits.batch");
  EXPECT_TRUE(AwaitLog("reload refused: unit_size: cannot change"));
  EXPECT_TRUE(AwaitLog("reload refused: limits.batch: cannot change"));
  EXPECT_TRUE(MakeVariable("a").ok());
  EXPECT_TRUE(absl::IsResourceExhausted(MakeVariable("b")));
  // Flags go on overriding the file.
  Reload(absl::StrCat(kTwoVariables, " arena_size: \"1GiB\""));
  EXPECT_TRUE(MakeVariable("b").ok());
}

TEST_F(ReloadTest, AFileThatIsWrongChangesNothing) {
  StartWith(kOneVariable);
  EXPECT_THAT(Reload("quotas { variables_per_user { count: 2 } } sise: 3"),
              ::testing::HasSubstr("reload refused: config: " + file() + ":1:"));
  EXPECT_THAT(Reload(absl::StrCat(kTwoVariables, " log_level: \"loud\"")),
              ::testing::HasSubstr("reload refused: log_level: \"loud\" is none of"));
  ASSERT_EQ(unlink(file().c_str()), 0);
  daemon_->Kill(SIGHUP);
  EXPECT_TRUE(manager_.HearNews("READY=1\nSTATUS=reload refused: config: "));
  EXPECT_TRUE(MakeVariable("a").ok());
  EXPECT_TRUE(absl::IsResourceExhausted(MakeVariable("b")));
}

}  // namespace
}  // namespace percpu

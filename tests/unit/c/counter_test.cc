// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// The C library beside a real daemon, and without one.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "client/c/percpud.h"
#include "tests/support/process.h"

namespace percpud {
namespace {

using percpud::testing::BinaryPath;
using percpud::testing::RunningDaemon;
using percpud::testing::RunToEnd;
using percpud::testing::StartDaemon;
using percpud::testing::TempDir;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;

constexpr int kPatienceMs = 30'000;

class CounterTest : public ::testing::Test {
 protected:
  using Client = std::unique_ptr<percpud_client, decltype(&percpud_close)>;

  void Start(const std::vector<std::string>& flags = {}) {
    auto started = StartDaemon(dir_, flags);
    ASSERT_TRUE(started.ok()) << started.status();
    daemon_ = std::make_unique<RunningDaemon>(*std::move(started));
    address_ = daemon_->address;
  }
  void KillDaemon() {
    daemon_->process.Kill(SIGKILL);
    ASSERT_TRUE(daemon_->process.Wait(absl::Seconds(30)).ok());
  }
  // A client that writes down what it has to say.
  Client Open() {
    Client client(percpud_open(address_.c_str()), &percpud_close);
    percpud_on_notice(
        client.get(),
        [](void* to, percpud_notice notice, const char* text) {
          static_cast<CounterTest*>(to)->notices_.emplace_back(notice, text);
        },
        this);
    return client;
  }
  // What somebody else sees.
  std::uint64_t Shared(const char* name) {
    const Client other = Open();
    percpud_counter* const counter = percpud_counter_open(other.get(), name);
    EXPECT_EQ(percpud_wait(other.get(), kPatienceMs), 1);
    return percpud_counter_sum(counter);
  }

  TempDir dir_;
  std::unique_ptr<RunningDaemon> daemon_;
  std::string address_ = "unix:" + dir_.path() + "/percpud.sock";
  std::vector<std::pair<percpud_notice, std::string>> notices_;
};

TEST_F(CounterTest, CountsWithoutADaemonAndSaysWhyOnce) {
  const Client client = Open();
  percpud_counter* const counter = percpud_counter_open(client.get(), "hits");
  ASSERT_NE(counter, nullptr);
  for (int i = 0; i < 1000; ++i) percpud_counter_add(counter, 2);
  EXPECT_EQ(percpud_counter_sum(counter), 2000U);
  EXPECT_EQ(percpud_wait(client.get(), 1200), 0);
  ASSERT_EQ(notices_.size(), 1U);
  EXPECT_EQ(notices_[0].first, PERCPUD_NO_DAEMON);
  EXPECT_THAT(notices_[0].second, HasSubstr(dir_.path()));
  EXPECT_EQ(percpud_counter_sum(counter), 2000U);
}

TEST_F(CounterTest, WhatWasLocalIsAddedWhenADaemonComes) {
  const Client client = Open();
  percpud_counter* const counter = percpud_counter_open(client.get(), "hits");
  percpud_counter_add(counter, 5);
  Start();
  EXPECT_EQ(percpud_wait(client.get(), kPatienceMs), 1);
  percpud_counter_add(counter, 7);
  EXPECT_EQ(percpud_counter_sum(counter), 12U);
  EXPECT_EQ(Shared("hits"), 12U);
}

TEST_F(CounterTest, NoSystemCallOnTheCountingPath) {
  Start();
  const Client client = Open();
  percpud_counter* const shared = percpud_counter_open(client.get(), "hits");
  ASSERT_EQ(percpud_wait(client.get(), kPatienceMs), 1);
  percpud_counter* const local = percpud_counter_open(client.get(), "not\nopen");
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    // From here on any system call but read, write and exit kills.
    if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT) != 0) _exit(3);
    for (int i = 0; i < 100'000; ++i) {
      percpud_counter_add(shared, 1);
      percpud_counter_add(local, 1);
    }
    const std::uint64_t sum = percpud_counter_sum(local);
    syscall(SYS_exit, sum == 100'000 ? 0 : 1);
  }
  int status = -1;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  EXPECT_EQ(percpud_counter_sum(shared), 100'000U);
}

TEST_F(CounterTest, ChildrenCountAtOnceAndAreKilledWithoutLoss) {
  constexpr std::uint64_t kEach = 200'000;
  Start();
  const Client client = Open();
  percpud_counter* const counter = percpud_counter_open(client.get(), "hits");
  ASSERT_EQ(percpud_wait(client.get(), kPatienceMs), 1);
  percpud_counter_add(counter, 1);
  std::vector<pid_t> children;
  for (int i = 0; i < 3; ++i) {
    children.push_back(fork());
    if (children.back() != 0) continue;
    for (std::uint64_t n = 0; n < kEach; ++n) percpud_counter_add(counter, 1);
    raise(SIGKILL);
  }
  for (const pid_t child : children) {
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    EXPECT_TRUE(WIFSIGNALED(status));
  }
  EXPECT_EQ(percpud_counter_sum(counter), 3 * kEach + 1);
  EXPECT_EQ(Shared("hits"), 3 * kEach + 1);
}

// What the parent had counted locally stays the parent's, and the child opens
// counters of its own.
TEST_F(CounterTest, AChildIsAdmittedAsItself) {
  const Client client = Open();
  percpud_counter* const counter = percpud_counter_open(client.get(), "hits");
  percpud_counter_add(counter, 5);
  Start();
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    percpud_counter_add(counter, 10);
    percpud_counter* const own = percpud_counter_open(client.get(), "own");
    percpud_counter_add(own, 3);
    _exit(percpud_wait(client.get(), kPatienceMs) == 1 ? 0 : 1);
  }
  int status = -1;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  EXPECT_EQ(Shared("own"), 3U);
  EXPECT_EQ(Shared("hits"), 10U);
  EXPECT_EQ(percpud_wait(client.get(), kPatienceMs), 1);
  EXPECT_EQ(Shared("hits"), 15U);
}

TEST_F(CounterTest, AForkFromAmongThreadsThatPoll) {
  Start();
  const Client client = Open();
  std::atomic<bool> done = false;
  std::vector<std::thread> threads;
  for (int i = 0; i < 2; ++i) {
    threads.emplace_back([&, name = "counter" + std::to_string(i)] {
      while (!done) percpud_counter_add(percpud_counter_open(client.get(), name.c_str()), 1);
    });
  }
  for (int i = 0; i < 20; ++i) {
    const pid_t child = fork();
    if (child == 0) {
      percpud_counter_open(client.get(), "child");
      percpud_poll(client.get());
      _exit(0);
    }
    int status = -1;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    EXPECT_EQ(status, 0);
  }
  done = true;
  for (std::thread& thread : threads) thread.join();
}

TEST_F(CounterTest, OneNameIsOneCounter) {
  const Client client = Open();
  percpud_counter* const counter = percpud_counter_open(client.get(), "hits");
  EXPECT_EQ(percpud_counter_open(client.get(), "hits"), counter);
  EXPECT_NE(percpud_counter_open(client.get(), "misses"), counter);
}

TEST_F(CounterTest, ThousandsOfCountersAreOpenedInBatches) {
  constexpr int kCounters = 3000;
  Start();
  const Client client = Open();
  std::vector<percpud_counter*> counters;
  for (int i = 0; i < kCounters; ++i) {
    counters.push_back(percpud_counter_open(client.get(), ("n" + std::to_string(i)).c_str()));
    percpud_counter_add(counters.back(), static_cast<std::uint64_t>(i));
  }
  EXPECT_EQ(percpud_wait(client.get(), kPatienceMs), 1);
  EXPECT_EQ(Shared("n2999"), 2999U);
  EXPECT_EQ(Shared("n7"), 7U);
  EXPECT_THAT(notices_, IsEmpty());
}

TEST_F(CounterTest, ARefusedCounterCountsLocally) {
  Start();
  const Client client = Open();
  percpud_counter* const counter = percpud_counter_open(client.get(), "no\nname");
  percpud_counter* const other = percpud_counter_open(client.get(), "neither\n");
  percpud_counter_add(counter, 4);
  percpud_counter_add(other, 1);
  EXPECT_EQ(percpud_wait(client.get(), 500), 0);
  EXPECT_EQ(percpud_counter_sum(counter), 4U);
  ASSERT_EQ(notices_.size(), 1U);
  EXPECT_EQ(notices_[0].first, PERCPUD_COUNTER_REFUSED);
}

// Killed, and started again with an empty arena: what is counted until then is the
// old arena's, and what comes after the next poll is the new one's.
TEST_F(CounterTest, CountsInTheNewArenaAfterAColdStart) {
  Start();
  const Client client = Open();
  percpud_counter* const counter = percpud_counter_open(client.get(), "hits");
  ASSERT_EQ(percpud_wait(client.get(), kPatienceMs), 1);
  percpud_counter_add(counter, 100);
  KillDaemon();
  percpud_counter_add(counter, 1);
  EXPECT_EQ(percpud_counter_sum(counter), 101U);
  Start();
  EXPECT_EQ(percpud_wait(client.get(), kPatienceMs), 1);
  EXPECT_EQ(percpud_counter_sum(counter), 0U);
  percpud_counter_add(counter, 8);
  EXPECT_EQ(Shared("hits"), 8U);
}

TEST_F(CounterTest, ADaemonThatComesBackWithItsArenaGoesUnnoticed) {
  const std::vector<std::string> flags = {"--arena", "file:" + dir_.path() + "/arena"};
  Start(flags);
  const Client client = Open();
  percpud_counter* const counter = percpud_counter_open(client.get(), "hits");
  ASSERT_EQ(percpud_wait(client.get(), kPatienceMs), 1);
  percpud_counter_add(counter, 100);
  KillDaemon();
  percpud_counter_add(counter, 1);
  Start(flags);
  percpud_counter_add(counter, 10);
  EXPECT_EQ(percpud_wait(client.get(), kPatienceMs), 1);
  percpud_counter_add(counter, 1000);
  EXPECT_EQ(percpud_counter_sum(counter), 1111U);
  EXPECT_EQ(Shared("hits"), 1111U);
}

TEST_F(CounterTest, AnArenaOfModeAtomic) {
  Start({"--update-mode", "atomic"});
  const Client client = Open();
  percpud_counter* const counter = percpud_counter_open(client.get(), "hits");
  percpud_counter_add(counter, 1);
  ASSERT_EQ(percpud_wait(client.get(), kPatienceMs), 1);
  for (int i = 0; i < 1000; ++i) percpud_counter_add(counter, 1);
  EXPECT_EQ(Shared("hits"), 1001U);
}

// A daemon of version 1 refuses the Hello, as handoff.h says it does.
TEST_F(CounterTest, AnOldDaemonIsNamed) {
  const int listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
  sockaddr_un door{};
  door.sun_family = AF_UNIX;
  (dir_.path() + "/percpud.sock.door").copy(door.sun_path, sizeof(door.sun_path) - 1);
  ASSERT_EQ(bind(listener, reinterpret_cast<sockaddr*>(&door), sizeof(door)), 0);
  ASSERT_EQ(listen(listener, 4), 0);
  std::thread old([listener] {
    const int visitor = accept(listener, nullptr, nullptr);
    char hello[64];
    recv(visitor, hello, sizeof(hello), 0);
    struct {
      std::uint32_t magic = 0x31526370;
      std::uint32_t code = 9;
      char message[248] = "version: 2 is not 1";
    } refusal;
    send(visitor, &refusal, sizeof(refusal), MSG_NOSIGNAL);
    close(visitor);
  });
  const Client client = Open();
  percpud_counter* const counter = percpud_counter_open(client.get(), "hits");
  percpud_counter_add(counter, 1);
  EXPECT_EQ(percpud_wait(client.get(), 500), 0);
  old.join();
  close(listener);
  EXPECT_THAT(notices_, ElementsAre(Pair(PERCPUD_OLD_DAEMON, HasSubstr("upgrade percpud"))));
  EXPECT_EQ(percpud_counter_sum(counter), 1U);
}

TEST_F(CounterTest, NullIsNoCounter) {
  percpud_counter_add(nullptr, 1);
  EXPECT_EQ(percpud_counter_sum(nullptr), 0U);
  EXPECT_EQ(percpud_counter_open(nullptr, "hits"), nullptr);
  percpud_close(nullptr);
}

class ExampleTest : public CounterTest {
 protected:
  // The example's output, run with the daemon's address and `env`, after `wrapper`.
  std::string Run(std::vector<std::string> wrapper, std::vector<std::string> env) {
    for (const std::string& part : {BinaryPath("hits"), std::string("3"), std::string("20000")}) {
      wrapper.push_back(part);
    }
    env.push_back("PERCPUD_ADDRESS=" + address_);
    const auto ran = RunToEnd(wrapper, env);
    EXPECT_TRUE(ran.ok()) << ran.status();
    EXPECT_EQ(ran->exit_code, 0) << ran->out << ran->err;
    return ran->out;
  }
};

TEST_F(ExampleTest, CountsWithTheDaemon) {
  Start();
  EXPECT_EQ(Run({}, {}), "hits 60000\n");
  EXPECT_EQ(Shared("example/hits"), 60'000U);
}

// The library registers its threads itself.
TEST_F(ExampleTest, CountsWhereGlibcRegistersNobody) {
  Start();
  EXPECT_EQ(Run({}, {"GLIBC_TUNABLES=glibc.pthread.rseq=0"}), "hits 60000\n");
  EXPECT_EQ(Shared("example/hits"), 60'000U);
}

// No sequences at all: the daemon adds for it.
TEST_F(ExampleTest, IsCleanUnderValgrind) {
  const std::string valgrind = "/usr/bin/valgrind";
  if (access(valgrind.c_str(), X_OK) != 0) GTEST_SKIP() << "no valgrind";
#if defined(PERCPUD_ASAN) || defined(PERCPUD_TSAN)
  GTEST_SKIP() << "no valgrind under a sanitizer";
#endif
  Start();
  EXPECT_EQ(Run({valgrind, "--error-exitcode=9", "--leak-check=full", "--show-leak-kinds=all"}, {}),
            "hits 60000\n");
  EXPECT_EQ(Shared("example/hits"), 60'000U);
}

}  // namespace
}  // namespace percpud

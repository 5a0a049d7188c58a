// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "percpu/internal/thread.h"

#include <gtest/gtest.h>
#include <pthread.h>
#include <signal.h>

#include <array>
#include <string>

namespace percpu {
namespace {

TEST(StartThreadTest, RunsUnderItsNameWithoutTheProgramsSignals) {
  std::string name;
  bool hears_signals = true;
  auto thread = StartThread("percpu-test", [&] {
    std::array<char, 16> text{};
    pthread_getname_np(pthread_self(), text.data(), text.size());
    name = text.data();
    sigset_t blocked;
    pthread_sigmask(SIG_BLOCK, nullptr, &blocked);
    hears_signals = sigismember(&blocked, SIGTERM) == 0 || sigismember(&blocked, SIGCHLD) == 0;
  });
  ASSERT_TRUE(thread.ok()) << thread.status();
  thread->join();
  EXPECT_EQ(name, "percpu-test");
  EXPECT_FALSE(hears_signals);
  sigset_t mine;
  pthread_sigmask(SIG_BLOCK, nullptr, &mine);
  EXPECT_EQ(sigismember(&mine, SIGTERM), 0);
}

// No memory for a stack stands for every reason that the system has.
TEST(StartThreadTest, AShortageIsAStatus) {
  pthread_attr_t before;
  ASSERT_EQ(pthread_getattr_default_np(&before), 0);
  pthread_attr_t greedy;
  ASSERT_EQ(pthread_attr_init(&greedy), 0);
  ASSERT_EQ(pthread_attr_setstacksize(&greedy, std::size_t{1} << 50), 0);
  ASSERT_EQ(pthread_setattr_default_np(&greedy), 0);
  const auto thread = StartThread("percpu-test", [] {});
  EXPECT_EQ(pthread_setattr_default_np(&before), 0);
  pthread_attr_destroy(&greedy);
  pthread_attr_destroy(&before);
  EXPECT_EQ(thread.status().code(), absl::StatusCode::kResourceExhausted) << thread.status();
}

}  // namespace
}  // namespace percpu

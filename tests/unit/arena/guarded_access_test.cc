// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/arena/guarded_access.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstring>
#include <thread>
#include <vector>

namespace percpud {
namespace {

constexpr Bytes kSize{4 * 4096};

// A file of memory, mapped here, that others may cut short.
class GuardedAccessTest : public ::testing::Test {
 protected:
  void SetUp() override {
    fd_ = ::memfd_create("guarded", MFD_CLOEXEC);
    ASSERT_GE(fd_, 0);
    ASSERT_EQ(::ftruncate(fd_, static_cast<off_t>(kSize.value())), 0);
    void* const base = ::mmap(nullptr, kSize.value(), PROT_READ | PROT_WRITE, MAP_SHARED, fd_, 0);
    ASSERT_NE(base, MAP_FAILED);
    base_ = static_cast<std::byte*>(base);
  }
  void TearDown() override {
    ::munmap(base_, kSize.value());
    ::close(fd_);
  }
  // Another process takes all but the first page away, and is gone.
  void LetAChildTakePages() {
    const pid_t child = ::fork();
    if (child == 0) ::_exit(::ftruncate(fd_, 4096) == 0 ? 0 : 1);
    int status = -1;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    ASSERT_EQ(status, 0);
  }
  bool Write(Bytes at, Bytes length) {
    return GuardedAccess(base_, kSize,
                         [&] { std::memset(base_ + at.value(), 0x5a, length.value()); });
  }

  int fd_ = -1;
  std::byte* base_ = nullptr;
};

TEST_F(GuardedAccessTest, WhatIsThereIsTouched) {
  EXPECT_TRUE(Write(Bytes(0), kSize));
  EXPECT_EQ(base_[kSize.value() - 1], std::byte{0x5a});
}

TEST_F(GuardedAccessTest, WhatAnotherProcessTookIsAnAnswer) {
  ASSERT_TRUE(Write(Bytes(0), kSize));
  LetAChildTakePages();
  for (int i = 0; i < 3; ++i) EXPECT_FALSE(Write(Bytes(4096), Bytes(1)));
  // What comes before it was done.
  EXPECT_FALSE(Write(Bytes(4000), Bytes(200)));
  EXPECT_EQ(base_[4095], std::byte{0x5a});
  EXPECT_TRUE(Write(Bytes(0), Bytes(4096)));
}

TEST_F(GuardedAccessTest, EachThreadHasItsOwn) {
  LetAChildTakePages();
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([this, t] {
      for (int i = 0; i < 200; ++i) EXPECT_EQ(Write(Bytes(t % 2 * 4096), Bytes(8)), t % 2 == 0);
    });
  }
  for (std::thread& thread : threads) thread.join();
}

using GuardedAccessDeathTest = GuardedAccessTest;

TEST_F(GuardedAccessDeathTest, OutsideOfItTheSignalKeepsItsMeaning) {
  EXPECT_EXIT(
      {
        ::signal(SIGBUS, SIG_DFL);
        static_cast<void>(Write(Bytes(0), Bytes(1)));
        LetAChildTakePages();
        base_[4096] = std::byte{1};
      },
      ::testing::KilledBySignal(SIGBUS), "");
}

TEST_F(GuardedAccessDeathTest, AnotherRangeIsNotGuarded) {
  EXPECT_EXIT(
      {
        ::signal(SIGBUS, SIG_DFL);
        LetAChildTakePages();
        static_cast<void>(
            GuardedAccess(base_, Bytes(4096), [this] { base_[4096] = std::byte{1}; }));
      },
      ::testing::KilledBySignal(SIGBUS), "");
}

}  // namespace
}  // namespace percpud

// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/base/path_lock.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "server/base/errors.h"
#include "tests/support/process.h"

namespace percpud {
namespace {

class PathLockTest : public ::testing::Test {
 protected:
  absl::StatusOr<PathLock> Take() { return PathLock::Take(path(), errors::AddressInUse("it")); }
  [[nodiscard]] std::string path() const { return dir_.path() + "/lock"; }
  percpud::testing::TempDir dir_;
};

TEST_F(PathLockTest, OnlyOneHoldsIt) {
  const auto first = Take();
  ASSERT_TRUE(first.ok()) << first.status();
  EXPECT_EQ(errors::ReasonOf(Take().status()), "ADDRESS_IN_USE");
}

TEST_F(PathLockTest, TheHolderRemovesTheFile) {
  { const auto held = Take(); }
  EXPECT_FALSE(std::filesystem::exists(path()));
  EXPECT_TRUE(Take().ok());
}

TEST_F(PathLockTest, AFileThatNobodyLockedHindersNobody) {
  std::ofstream(path()) << "left by one that was killed";
  EXPECT_TRUE(Take().ok());
}

TEST_F(PathLockTest, SomebodyElsesFileOfTheNameStays) {
  {
    const auto held = Take();
    std::filesystem::remove(path());
    std::ofstream(path()) << "another";
  }
  EXPECT_TRUE(std::filesystem::exists(path()));
}

TEST_F(PathLockTest, AMovedLockIsStillHeld) {
  auto first = Take();
  ASSERT_TRUE(first.ok());
  const PathLock moved = *std::move(first);
  EXPECT_FALSE(Take().ok());
}

TEST_F(PathLockTest, WhatTheSystemRefusesIsSaid) {
  const auto taken = PathLock::Take(dir_.path() + "/none/lock", errors::AddressInUse("it"));
  EXPECT_EQ(errors::ReasonOf(taken.status()), "OS_REFUSED") << taken.status();
}

// Takers and removers of one name race: never do two hold it.
TEST_F(PathLockTest, UnderARaceTwoNeverHoldIt) {
  std::atomic<int> holders{0};
  std::atomic<int> taken{0};
  std::atomic<bool> twice{false};
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      while (taken < 2000 && !twice) {
        const auto held = Take();
        if (!held.ok()) continue;
        if (++holders != 1) twice = true;
        ++taken;
        --holders;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_FALSE(twice);
}

}  // namespace
}  // namespace percpud

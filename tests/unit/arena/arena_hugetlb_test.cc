// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// Huge pages run out; the arena must say so and never fault. Needs root and a
// machine without a pool of huge pages: sets a small one and takes it away
// again.

#include <gtest/gtest.h>

#include <cstdint>
#include <cstring>
#include <fstream>
#include <memory>
#include <string>

#include "server/arena/arena.h"
#include "server/base/limits.h"

namespace percpud {
namespace {

constexpr char kPool[] = "/proc/sys/vm/nr_hugepages";

std::uint64_t PoolSize() {
  std::uint64_t pages = 0;
  std::ifstream(kPool) >> pages;
  return pages;
}

std::uint64_t FreeHugePages() {
  std::ifstream meminfo("/proc/meminfo");
  for (std::string key; meminfo >> key;) {
    std::uint64_t pages = 0;
    if (key == "HugePages_Free:" && meminfo >> pages) return pages;
  }
  return 0;
}

class ArenaHugetlbTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!std::ofstream(kPool) || !std::ifstream(kPool)) {
      GTEST_SKIP() << "the pool of huge pages cannot be set here";
    }
    if (PoolSize() != 0) GTEST_SKIP() << "somebody else's pool of huge pages is in use";
    owns_pool_ = true;
  }
  void TearDown() override {
    arena_.reset();
    if (owns_pool_) SetPool(0);
  }

  // False if the system has not as many to give.
  static bool SetPool(std::uint64_t pages) {
    std::ofstream(kPool) << pages << std::endl;
    return PoolSize() == pages;
  }

  absl::Status Create(std::uint64_t pages) {
    auto arena = Arena::Create({.size = kHugePageSize * pages, .page_size = kHugePageSize});
    if (!arena.ok()) return arena.status();
    arena_ = *std::move(arena);
    return absl::OkStatus();
  }

  bool owns_pool_ = false;
  std::unique_ptr<Arena> arena_;
};

TEST_F(ArenaHugetlbTest, WithoutAPoolTheRefusalNamesTheCommandThatHelps) {
  const absl::Status refused = Create(8);
  EXPECT_TRUE(absl::IsFailedPrecondition(refused)) << refused;
  EXPECT_NE(std::string(refused.message()).find("`sysctl vm.nr_hugepages=8`"), std::string::npos)
      << refused;
  if (!SetPool(8)) GTEST_SKIP() << "the system has not 8 huge pages to give";
  ASSERT_TRUE(Create(8).ok());
  EXPECT_TRUE(arena_->Populate(Bytes(0), arena_->size()).ok());
}

TEST_F(ArenaHugetlbTest, APoolInUseIsToBeEnlargedByTheArena) {
  if (!SetPool(2)) GTEST_SKIP() << "the system has not 2 huge pages to give";
  ASSERT_TRUE(Create(2).ok());
  ASSERT_TRUE(arena_->Populate(Bytes(0), arena_->size()).ok());
  const absl::Status refused =
      Arena::Create({.size = kHugePageSize * 3, .page_size = kHugePageSize}).status();
  EXPECT_TRUE(absl::IsFailedPrecondition(refused)) << refused;
  EXPECT_NE(std::string(refused.message()).find("nr_hugepages=5`"), std::string::npos) << refused;
}

TEST_F(ArenaHugetlbTest, ExhaustionIsRefusedNotFaulted) {
  if (!SetPool(4)) GTEST_SKIP() << "the system has not 4 huge pages to give";
  ASSERT_TRUE(Create(8).ok());
  ASSERT_TRUE(arena_->Populate(Bytes(0), kHugePageSize * 4).ok());
  std::memset(arena_->base(), 0xa5, (kHugePageSize * 4).value());

  const absl::Status refused = arena_->Populate(kHugePageSize * 4, kHugePageSize);
  EXPECT_TRUE(absl::IsResourceExhausted(refused)) << refused;

  ASSERT_TRUE(arena_->Release(Bytes(0), kHugePageSize).ok());
  ASSERT_TRUE(arena_->Populate(kHugePageSize * 4, kHugePageSize).ok());
  EXPECT_EQ(arena_->base()[(kHugePageSize * 4).value()], std::byte{0});
}

TEST_F(ArenaHugetlbTest, WhatAFailedPopulateBackedIsReleased) {
  if (!SetPool(4)) GTEST_SKIP() << "the system has not 4 huge pages to give";
  ASSERT_TRUE(Create(8).ok());
  EXPECT_EQ(FreeHugePages(), 4u);
  EXPECT_TRUE(absl::IsResourceExhausted(arena_->Populate(Bytes(0), arena_->size())));
  ASSERT_TRUE(arena_->Release(Bytes(0), arena_->size()).ok());
  EXPECT_EQ(FreeHugePages(), 4u);
}

}  // namespace
}  // namespace percpud

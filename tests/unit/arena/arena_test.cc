// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/arena/arena.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstring>
#include <string>
#include <thread>
#include <vector>

#include "server/base/limits.h"
#include "tests/support/sanitizers.h"

namespace percpud {
namespace {

// What the file holds, as the system counts it.
Bytes Backed(const Arena& arena) {
  struct stat info = {};
  EXPECT_EQ(::fstat(arena.fd(), &info), 0);
  return Bytes(info.st_blocks * 512);
}

TEST(ArenaTest, IsSparseUntilPopulated) {
  if (testing::kThreadSanitizer) GTEST_SKIP() << "no room beside the shadow memory";
  const auto arena = Arena::Create({.size = Bytes(std::uint64_t{1} << 40)});
  ASSERT_TRUE(arena.ok()) << arena.status();
  EXPECT_EQ(Backed(**arena), Bytes(0));
  const Bytes high = (*arena)->size() - Bytes(64 << 10);
  ASSERT_TRUE((*arena)->Populate(high, Bytes(64 << 10)).ok());
  EXPECT_EQ(Backed(**arena), Bytes(64 << 10));
  ASSERT_TRUE((*arena)->Release(high, Bytes(64 << 10)).ok());
  EXPECT_EQ(Backed(**arena), Bytes(0));
}

TEST(ArenaTest, ReservesTheLargestSizeThereIs) {
  if (testing::kThreadSanitizer) GTEST_SKIP() << "no room beside the shadow memory";
  const auto arena = Arena::Create({.size = kMaxArenaSize});
  ASSERT_TRUE(arena.ok()) << arena.status();
  EXPECT_EQ((*arena)->size(), kMaxArenaSize);
}

TEST(ArenaTest, NobodyCanChangeItsSize) {
  const auto arena = Arena::Create({.size = Bytes(1 << 20)});
  ASSERT_TRUE(arena.ok()) << arena.status();
  const int fd = (*arena)->fd();
  for (const off_t size : {0, 4096, 2 << 20}) {
    EXPECT_EQ(::ftruncate(fd, size), -1);
    EXPECT_EQ(errno, EPERM);
  }
  EXPECT_EQ(::fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE), -1);
  EXPECT_EQ(errno, EPERM);
  const int wanted = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL;
  EXPECT_EQ(::fcntl(fd, F_GET_SEALS) & wanted, wanted);
}

TEST(ArenaTest, ChildrenDoNotInheritTheDescriptor) {
  const auto arena = Arena::Create({.size = Bytes(1 << 20)});
  ASSERT_TRUE(arena.ok()) << arena.status();
  EXPECT_TRUE(::fcntl((*arena)->fd(), F_GETFD) & FD_CLOEXEC);
}

TEST(ArenaTest, ClosesItsDescriptor) {
  int fd = -1;
  {
    const auto arena = Arena::Create({.size = Bytes(1 << 20)});
    ASSERT_TRUE(arena.ok()) << arena.status();
    fd = (*arena)->fd();
  }
  EXPECT_EQ(::fcntl(fd, F_GETFD), -1);
}

TEST(ArenaTest, OtherMappingsOfTheDescriptorSeeTheSameBytes) {
  const auto arena = Arena::Create({.size = Bytes(1 << 20)});
  ASSERT_TRUE(arena.ok()) << arena.status();
  ASSERT_TRUE((*arena)->Populate(Bytes(4096), Bytes(4096)).ok());
  void* const other = ::mmap(nullptr, 1 << 20, PROT_READ, MAP_SHARED, (*arena)->fd(), 0);
  ASSERT_NE(other, MAP_FAILED);
  (*arena)->base()[4096] = std::byte{0xa5};
  EXPECT_EQ(static_cast<const std::byte*>(other)[4096], std::byte{0xa5});
  ::munmap(other, 1 << 20);
}

TEST(ArenaTest, DisjointRangesArePopulatedAndReleasedAtTheSameTime) {
  const auto arena = Arena::Create({.size = Bytes(16 << 20)});
  ASSERT_TRUE(arena.ok()) << arena.status();
  std::vector<std::thread> threads;
  threads.reserve(4);
  for (int thread = 0; thread < 4; ++thread) {
    threads.emplace_back([&arena, thread] {
      const Bytes length(4 << 20);
      const Bytes offset = length * thread;
      std::byte* const first = (*arena)->base() + offset.value();
      for (int round = 0; round < 20; ++round) {
        ASSERT_TRUE((*arena)->Populate(offset, length).ok());
        EXPECT_EQ(first[round], std::byte{0});
        std::memset(first, 0xa5, length.value());
        ASSERT_TRUE((*arena)->Release(offset, length).ok());
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(Backed(**arena), Bytes(0));
}

struct Refused {
  const char* name;
  Arena::Options options;
  const char* message;
};

class ArenaOptions : public ::testing::TestWithParam<Refused> {};

TEST_P(ArenaOptions, AreRefusedNamingTheField) {
  const absl::Status status = Arena::Create(GetParam().options).status();
  EXPECT_TRUE(absl::IsInvalidArgument(status)) << status;
  EXPECT_NE(std::string(status.message()).find(GetParam().message), std::string::npos) << status;
}

INSTANTIATE_TEST_SUITE_P(
    Bad, ArenaOptions,
    ::testing::Values(
        Refused{"NoSize", {.size = Bytes(0)}, "arena_size: 0B is not in 1..64TiB"},
        Refused{"NoMultiple", {.size = Bytes(4097)}, "arena_size: 4097B is no multiple"},
        Refused{"TooLarge", {.size = kMaxArenaSize + kBasePageSize}, "arena_size: "},
        Refused{"Largest", {.size = Bytes::Max()}, "arena_size: "},
        Refused{"NoMultipleOfHuge",
                {.size = Bytes(3 << 20), .page_size = kHugePageSize},
                "arena_size: 3MiB is no multiple of the page of 2MiB"},
        Refused{"NoPage", {.size = Bytes(1 << 20), .page_size = Bytes(0)}, "page_size: 0B"},
        Refused{"OddPage", {.size = Bytes(1 << 20), .page_size = Bytes(8192)}, "page_size: 8KiB"}),
    [](const auto& test) { return test.param.name; });

}  // namespace
}  // namespace percpud

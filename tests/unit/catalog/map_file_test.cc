// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/catalog/map_file.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cstdint>
#include <fstream>

#include "tests/support/fake_clock.h"
#include "tests/support/process.h"
#include "tests/support/sanitizers.h"

namespace percpud::catalog {
namespace {

void LimitAddressSpaceTo(std::uint64_t bytes) {
  rlimit limit{};
  getrlimit(RLIMIT_AS, &limit);
  limit.rlim_cur = bytes;
  setrlimit(RLIMIT_AS, &limit);
}

std::uint64_t AddressSpaceInUse() {
  std::uint64_t pages = 0;
  std::ifstream("/proc/self/statm") >> pages;
  return pages * static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
}

// LMDB has no map while it changes to a larger one.
TEST(MapFileTest, WithoutAddressSpaceItIsFullAndGoesOn) {
  if (percpud::testing::kThreadSanitizer || percpud::testing::kAddressSanitizer) {
    GTEST_SKIP() << "a sanitizer's address space has no limit";
  }
  const percpud::testing::TempDir dir;
  percpud::testing::FakeClock clock;
  MapFile file({.path = dir.path(),
                .shown_path = "catalog",
                .initial = Bytes(1 << 20),
                .limit = Bytes(64 << 20),
                .clock = &clock});
  ASSERT_TRUE(file.Open(4).ok());
  rlimit before{};
  getrlimit(RLIMIT_AS, &before);
  LimitAddressSpaceTo(AddressSpaceInUse());
  const absl::Status refused = file.Grow();
  EXPECT_TRUE(file.HasRoom(Bytes(4096)));
  setrlimit(RLIMIT_AS, &before);
  EXPECT_TRUE(absl::IsResourceExhausted(refused)) << refused;
  EXPECT_EQ(file.size(), Bytes(1 << 20));
  // The last page is where it was, and has the number.
  file.NoteCommit();
  const auto number = MapFile::ReadCommitNumber(dir.path() + "/data.mdb");
  ASSERT_TRUE(number.ok()) << number.status();
  EXPECT_TRUE(number->has_value());
  clock.Advance(2 * MapFile::kFullPause);
  EXPECT_TRUE(file.Grow().ok());
  EXPECT_GT(file.size(), Bytes(1 << 20));
}

}  // namespace
}  // namespace percpud::catalog

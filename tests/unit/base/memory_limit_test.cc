// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/base/memory_limit.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "tests/support/process.h"

namespace percpud {
namespace {

class MemoryLimitTest : public ::testing::Test {
 protected:
  void Write(const std::string& path, const std::string& text) {
    const std::filesystem::path whole = dir_.path() + "/" + path;
    std::filesystem::create_directories(whole.parent_path());
    std::ofstream(whole) << text << "\n";
  }
  [[nodiscard]] std::optional<MemoryLimit> Read() const {
    return ReadMemoryLimit({.membership = dir_.path() + "/self",
                            .unified = dir_.path() + "/v2",
                            .memory = dir_.path() + "/v1"});
  }
  percpud::testing::TempDir dir_;
};

TEST_F(MemoryLimitTest, WithoutAGroupThereIsNone) {
  EXPECT_EQ(Read(), std::nullopt);
  Write("self", "0::/a");
  EXPECT_EQ(Read(), std::nullopt);
  Write("v2/a/memory.max", "max");
  Write("v2/a/memory.current", "100");
  EXPECT_EQ(Read(), std::nullopt);
}

TEST_F(MemoryLimitTest, TheUnifiedHierarchy) {
  Write("self", "0::/a/b");
  Write("v2/a/b/memory.max", "1000");
  Write("v2/a/b/memory.current", "400");
  const auto limit = Read();
  ASSERT_TRUE(limit);
  EXPECT_EQ(limit->limit, Bytes(1000));
  EXPECT_EQ(limit->left(), Bytes(600));
  EXPECT_EQ(limit->group, dir_.path() + "/v2/a/b");
}

TEST_F(MemoryLimitTest, TheGroupWithTheLeastLeftCounts) {
  Write("self", "0::/a/b");
  Write("v2/a/b/memory.max", "1000");
  Write("v2/a/b/memory.current", "400");
  Write("v2/a/memory.max", "2000");
  Write("v2/a/memory.current", "1900");
  EXPECT_EQ(Read()->left(), Bytes(100));
}

TEST_F(MemoryLimitTest, FilesOfDisksInTheCacheDoNotCount) {
  Write("self", "0::/a");
  Write("v2/a/memory.max", "1000");
  Write("v2/a/memory.current", "1000");
  Write("v2/a/memory.stat", "anon 300\nfile 700\nshmem 200\ninactive_file 400\nactive_file 100");
  EXPECT_EQ(Read()->left(), Bytes(500));
}

TEST_F(MemoryLimitTest, TheFirstVersion) {
  Write("self", "9:cpuset:/x\n4:cpu,memory:/a\n0::/elsewhere");
  Write("v1/a/memory.limit_in_bytes", "1000");
  Write("v1/a/memory.usage_in_bytes", "1000");
  Write("v1/a/memory.stat", "inactive_file 1\ntotal_inactive_file 200\ntotal_active_file 50");
  EXPECT_EQ(Read()->left(), Bytes(250));
  Write("v1/a/memory.limit_in_bytes", "9223372036854771712");
  EXPECT_EQ(Read(), std::nullopt);
}

// A container sees its own group as the root of the mount.
TEST_F(MemoryLimitTest, AMountThatBeginsAtTheGroup) {
  Write("self", "0::/system.slice/docker-7");
  Write("v2/memory.max", "1000");
  Write("v2/memory.current", "1200");
  EXPECT_EQ(Read()->left(), Bytes(0));
}

}  // namespace
}  // namespace percpud

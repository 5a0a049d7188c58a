// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// A daemon whose control group may use less than its arena has.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "percpu/client.h"
#include "tests/support/process.h"

namespace percpud {
namespace {

namespace fs = std::filesystem;
using testing::BinaryPath;
using ::testing::HasSubstr;
using testing::Process;

constexpr absl::Duration kPatience = absl::Minutes(1);
constexpr char kLimit[] = "67108864";

bool Write(const std::string& path, const std::string& text) {
  std::ofstream file(path);
  file << text << std::flush;
  return file.good();
}

// A control group of its own, with a limit of 64 MiB; of version 2 or 1.
class Group {
 public:
  Group() {
    const std::vector<std::string> roots = {"/sys/fs/cgroup", "/sys/fs/cgroup/memory"};
    for (const std::string& root : roots) {
      path_ = absl::StrCat(root, "/percpud-test-", getpid());
      std::error_code ignored;
      fs::create_directory(path_, ignored);
      const char* const file = root == roots.front() ? "/memory.max" : "/memory.limit_in_bytes";
      is_there_ = fs::exists(path_ + file) && Write(path_ + file, kLimit);
      if (is_there_) return;
      fs::remove(path_, ignored);
    }
  }
  ~Group() {
    std::error_code ignored;
    if (is_there_) fs::remove(path_, ignored);
  }
  Group(const Group&) = delete;
  Group& operator=(const Group&) = delete;
  [[nodiscard]] bool is_there() const { return is_there_; }
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  std::string path_;
  bool is_there_ = false;
};

class MemoryLimitOfProcessesTest : public ::testing::TestWithParam<const char*> {};

// A page too many would be the daemon's end, and the next one's.
TEST_P(MemoryLimitOfProcessesTest, GrowthBeyondItIsRefusedAndNobodyIsKilled) {
  const Group group;
  if (!group.is_there()) GTEST_SKIP() << "no memory controller to be had";
  const testing::TempDir dir;
  const std::string address = absl::StrCat("unix:", dir.path(), "/s");
  auto daemon = Process::Spawn(
      {"/bin/bash", "-c", absl::StrCat("echo $$ >", group.path(), "/cgroup.procs && exec \"$@\""),
       "bash", BinaryPath("percpud"), "--listen", address, "--arena-size", "512MiB", "--cpus-count",
       "8", "--backend", GetParam()});
  ASSERT_TRUE(daemon.ok()) << daemon.status();
  const absl::Status ready = daemon->WaitForLine("percpud: ready", kPatience);
  ASSERT_TRUE(ready.ok()) << ready;
  auto client = percpu::Client::Connect(address);
  ASSERT_TRUE(client.ok());
  std::vector<percpu::Pointer> areas;
  absl::StatusOr<percpu::Pointer> last;
  while (areas.size() < 10'000) {
    last = client->Allocate({.size_bytes = 16 << 10});
    if (!last.ok()) break;
    areas.push_back(*last);
  }
  EXPECT_EQ(last.status().code(), absl::StatusCode::kResourceExhausted) << last.status();
  EXPECT_THAT(last.status().message(), HasSubstr("control group"));
  EXPECT_THAT(last.status().message(), HasSubstr("64MiB"));
  // Most of it could be had.
  EXPECT_GT(areas.size() * (16 << 10) * 8, 24U << 20U);
  EXPECT_EQ(daemon->Wait(absl::ZeroDuration()).status().code(),
            absl::StatusCode::kDeadlineExceeded);
  EXPECT_TRUE(client->FreeBatch(areas).ok());
  EXPECT_TRUE(client->Allocate({.size_bytes = 16 << 10}).ok());
  daemon->Kill(SIGTERM);
  EXPECT_EQ(daemon->Wait(kPatience).value_or(-1), 0) << daemon->err();
}

INSTANTIATE_TEST_SUITE_P(Backends, MemoryLimitOfProcessesTest, ::testing::Values("km", "vm"),
                         [](const auto& test) { return std::string(test.param); });

}  // namespace
}  // namespace percpud

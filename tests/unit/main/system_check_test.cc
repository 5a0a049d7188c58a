// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/main/system_check.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "server/base/errors.h"

namespace percpud {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

DaemonConfig WithArena(Bytes size) {
  DaemonConfig config;
  config.arena_size = size;
  return config;
}

TEST(SystemCheckTest, NothingIsSaidWhereAllIsWell) {
  EXPECT_THAT(WarningsOf(WithArena(Bytes(1 << 20)),
                         {.memory = Bytes(1 << 30),
                          .limit = MemoryLimit{.limit = Bytes(1 << 20), .used = Bytes(0)},
                          .disk = {}}),
              IsEmpty());
}

TEST(SystemCheckTest, AnArenaBeyondTheHostsMemory) {
  EXPECT_THAT(
      WarningsOf(WithArena(Bytes(1 << 30)), {.memory = Bytes(1 << 20), .limit = {}, .disk = {}}),
      ElementsAre(AllOf(HasSubstr("arena_size: 1GiB"), HasSubstr("1MiB"))));
}

TEST(SystemCheckTest, AnArenaBeyondTheMemoryLimitNamesTheSetting) {
  EXPECT_THAT(
      WarningsOf(WithArena(Bytes(256 << 20)),
                 {.memory = Bytes(1 << 30),
                  .limit = MemoryLimit{.group = "/x", .limit = Bytes(60 << 20), .used = Bytes(0)},
                  .disk = {}}),
      ElementsAre(AllOf(HasSubstr("arena_size: 256MiB"), HasSubstr("/x"), HasSubstr("60MiB"),
                        HasSubstr("MemoryMax="))));
}

TEST(SystemCheckTest, AFileArenaOnADisk) {
  DaemonConfig config = WithArena(Bytes(1 << 20));
  config.arena_file = "/var/arena";
  EXPECT_THAT(WarningsOf(config, {.memory = Bytes(1 << 30), .limit = {}, .disk = "ext4"}),
              ElementsAre(AllOf(HasSubstr("/var/arena"), HasSubstr("ext4"), HasSubstr("tmpfs"))));
}

TEST(SystemCheckTest, ThisHostIsLookedAt) {
  DaemonConfig config;
  config.arena_file = "/dev/shm/arena";
  const HostFacts host = LookAtHost(config);
  EXPECT_GT(host.memory, Bytes(1 << 20));
  EXPECT_EQ(host.disk, std::nullopt);
  config.arena_file = "/proc/arena";
  EXPECT_NE(LookAtHost(config).disk, std::nullopt);
}

TEST(SystemCheckTest, TooFewTasksAreRefusedInWords) {
  EXPECT_TRUE(CheckSystem({}, 8).ok());
  if (geteuid() != 0) GTEST_SKIP() << "only root can become a user without processes";
  const pid_t child = fork();
  if (child == 0) {
    const rlimit few{.rlim_cur = 4, .rlim_max = 4};
    if (setrlimit(RLIMIT_NPROC, &few) != 0 || setuid(64999) != 0) _exit(2);
    const absl::Status status = CheckSystem({}, 8);
    _exit(errors::ReasonOf(status) == "TOO_FEW_TASKS" ? 0 : 1);
  }
  int status = -1;
  waitpid(child, &status, 0);
  EXPECT_EQ(status, 0);
}

}  // namespace
}  // namespace percpud

// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "tests/support/process.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "absl/time/time.h"

namespace percpud::testing {
namespace {

using ::testing::HasSubstr;

constexpr absl::Duration kLimit = absl::Minutes(1);

std::vector<std::string> Shell(const std::string& script) { return {"/bin/sh", "-c", script}; }

TEST(ProcessTest, TellsExitStatusAndBothStreams) {
  const auto result = RunToEnd(Shell("echo to out; echo to err >&2; exit 7"));
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->exit_code, 7);
  EXPECT_EQ(result->out, "to out\n");
  EXPECT_EQ(result->err, "to err\n");
}

TEST(ProcessTest, TellsASignalAsAShellDoes) {
  auto process = Process::Spawn(Shell("echo up; exec sleep 1000"));
  ASSERT_TRUE(process.ok()) << process.status();
  ASSERT_TRUE(process->WaitForLine("up", kLimit).ok());
  EXPECT_TRUE(absl::IsDeadlineExceeded(process->Wait(absl::Milliseconds(1)).status()));
  process->Kill(SIGTERM);
  EXPECT_EQ(process->Wait(kLimit).value(), 128 + SIGTERM);
  process->Kill(SIGTERM);
}

TEST(ProcessTest, WaitsForALineAndForNoPartOfOne) {
  auto process = Process::Spawn(Shell("echo not ready; echo 'ready to serve'; exec sleep 1000"));
  ASSERT_TRUE(process.ok()) << process.status();
  EXPECT_TRUE(process->WaitForLine("ready", kLimit).ok());
  const absl::Status missing = process->WaitForLine("serve", absl::Milliseconds(1));
  EXPECT_TRUE(absl::IsDeadlineExceeded(missing)) << missing;
  EXPECT_THAT(std::string(missing.message()), HasSubstr("ready to serve"));
}

TEST(ProcessTest, ALineThatCannotComeAnyMoreIsNotWaitedFor) {
  auto process = Process::Spawn(Shell("echo gave up >&2; exit 1"));
  ASSERT_TRUE(process.ok()) << process.status();
  const absl::Status missing = process->WaitForLine("ready", kLimit);
  EXPECT_TRUE(absl::IsFailedPrecondition(missing)) << missing;
  EXPECT_THAT(std::string(missing.message()), HasSubstr("gave up"));
}

TEST(ProcessTest, AGrandchildThatKeepsTheOutputDoesNotHoldUsUp) {
  const auto result = RunToEnd(Shell("sleep 1000 & echo $!"));
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->exit_code, 0);
  kill(std::stoi(result->out), SIGKILL);
}

TEST(ProcessTest, ALongOutputComesWhole) {
  const auto result = RunToEnd(Shell("i=0; while [ $i -lt 20000 ]; do echo $i; i=$((i+1)); done"));
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->out.size(), 10U * 2 + 90 * 3 + 900 * 4 + 9000 * 5 + 10000 * 6);
}

TEST(ProcessTest, TheEnvironmentIsOursWithMoreOnTop) {
  setenv("PERCPUD_PROCESS_TEST", "ours", 1);
  const auto script = Shell("echo $PERCPUD_PROCESS_TEST${PATH:+ path}");
  EXPECT_EQ(RunToEnd(script)->out, "ours path\n");
  EXPECT_EQ(RunToEnd(script, {"PERCPUD_PROCESS_TEST=given"})->out, "given path\n");
  unsetenv("PERCPUD_PROCESS_TEST");
}

TEST(ProcessTest, AProgramThatIsNotThereIsAnError) {
  const auto process = Process::Spawn({"/nonexistent/program"});
  EXPECT_TRUE(absl::IsNotFound(process.status())) << process.status();
}

TEST(ProcessTest, AnEndedObjectLeavesNoProcess) {
  pid_t pid = -1;
  {
    auto process = Process::Spawn(Shell("exec sleep 1000"));
    ASSERT_TRUE(process.ok()) << process.status();
    pid = process->pid();
    EXPECT_EQ(kill(pid, 0), 0);
  }
  EXPECT_EQ(kill(pid, 0), -1);
}

TEST(TempDirTest, IsThereAndThenGoneWithAllInIt) {
  std::string path;
  {
    const TempDir dir;
    path = dir.path();
    std::ofstream(path + "/file") << "text";
    EXPECT_TRUE(std::filesystem::exists(path + "/file"));
  }
  EXPECT_FALSE(std::filesystem::exists(path));
}

}  // namespace
}  // namespace percpud::testing

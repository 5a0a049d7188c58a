// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// Starts of the real daemon that are refused, and what they leave; and what a start says.

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mount.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "tests/support/process.h"
#include "tests/support/sanitizers.h"

namespace percpud {
namespace {

using testing::BinaryPath;
using ::testing::HasSubstr;
using ::testing::MatchesRegex;
using ::testing::Not;
using testing::Process;
using testing::RunResult;
namespace fs = std::filesystem;

constexpr absl::Duration kPatience = absl::Minutes(1);

class StartTest : public ::testing::Test {
 protected:
  [[nodiscard]] std::string address(const std::string& name = "s") const {
    return "unix:" + dir_.path() + "/" + name;
  }

  // A daemon on the file arena that is expected to go on; its log is err().
  void Start(const std::vector<std::string>& flags = {}) {
    std::vector<std::string> argv = Command(flags);
    auto daemon = Process::Spawn(argv);
    ASSERT_TRUE(daemon.ok()) << daemon.status();
    daemon_.emplace(*std::move(daemon));
    const absl::Status ready = daemon_->WaitForLine("percpud: ready", kPatience);
    ASSERT_TRUE(ready.ok()) << ready;
  }
  void Stop() {
    daemon_->Kill(SIGTERM);
    EXPECT_EQ(daemon_->Wait(kPatience).value_or(-1), 0);
    daemon_.reset();
  }
  // One that is expected to be refused.
  RunResult Refused(const std::vector<std::string>& flags) {
    const auto result = testing::RunToEnd(Command(flags));
    EXPECT_TRUE(result.ok()) << result.status();
    EXPECT_NE(result->exit_code, 0) << result->err;
    return result.value_or(RunResult{});
  }
  RunResult Ctl(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), {BinaryPath("percpuctl"), "--address", address()});
    return testing::RunToEnd(arguments).value_or(RunResult{});
  }
  void MakeVariable(const std::string& name) {
    const RunResult made = Ctl({"variable", "create", name, "--type", "counter", "--size", "8"});
    EXPECT_EQ(made.exit_code, 0) << made.err;
  }
  bool HasVariable(const std::string& name) {
    return absl::StrContains(Ctl({"variables"}).out, name);
  }
  bool AwaitLog(const std::string& what) {
    const absl::Time deadline = absl::Now() + kPatience;
    while (!absl::StrContains(daemon_->err(), what)) {
      if (absl::Now() > deadline) return false;
      absl::SleepFor(absl::Milliseconds(5));
    }
    return true;
  }
  [[nodiscard]] std::set<std::string> Files() const {
    std::set<std::string> out;
    for (const auto& entry : fs::recursive_directory_iterator(dir_.path())) {
      out.insert(entry.path().lexically_relative(dir_.path()));
    }
    return out;
  }

  testing::TempDir dir_{fs::exists("/dev/shm") ? "/dev/shm" : ""};
  std::string arena_ = dir_.path() + "/arena";
  std::string arena_size_ = "16MiB";
  std::optional<Process> daemon_;

 private:
  [[nodiscard]] std::vector<std::string> Command(const std::vector<std::string>& flags) const {
    std::vector<std::string> argv = {
        BinaryPath("percpud"), "--listen",  address(),      "--arena", "file:" + arena_,
        "--arena-size",        arena_size_, "--cpus-count", "2"};
    argv.insert(argv.end(), flags.begin(), flags.end());
    return argv;
  }
};

// --- What is refused ------------------------------------------------------------

TEST_F(StartTest, ATypoAndItsCorrectionKeepEverything) {
  Start();
  MakeVariable("kept");
  Stop();
  const std::set<std::string> before = Files();
  for (int i = 0; i < 2; ++i) {
    EXPECT_THAT(Refused({"--unit-size", "64MiB"}).err, HasSubstr("does not hold one chunk"));
    EXPECT_EQ(Files(), before);
  }
  Start();
  EXPECT_TRUE(AwaitLog("start is warm"));
  EXPECT_TRUE(HasVariable("kept"));
}

TEST_F(StartTest, FailedStartsLeaveNothing) {
  for (int i = 0; i < 3; ++i) {
    Refused({"--unit-size", "64MiB"});
    EXPECT_TRUE(Files().empty());
  }
}

TEST_F(StartTest, AFileSystemWithoutRoomIsRefusedBeforeItIsFilled) {
  const std::string mount_point = dir_.path() + "/small";
  fs::create_directory(mount_point);
  if (mount("none", mount_point.c_str(), "tmpfs", 0, "size=16m") != 0) {
    GTEST_SKIP() << "only root can mount";
  }
  arena_ = mount_point + "/arena";
  arena_size_ = "256MiB";
  const RunResult refused = Refused({"--unit-size", "16MiB"});
  EXPECT_THAT(refused.err, HasSubstr("16MiB free"));
  EXPECT_TRUE(fs::is_empty(mount_point));
  EXPECT_EQ(umount(mount_point.c_str()), 0);
}

TEST_F(StartTest, ASecondDaemonTakesNothingFromTheFirst) {
  Start();
  MakeVariable("kept");
  for (int i = 0; i < 3; ++i) {
    const RunResult second = Refused({"--listen", address("other"), "--door", "none"});
    EXPECT_THAT(second.err, HasSubstr("another daemon"));
    const RunResult other_catalog = Refused({"--listen", address("other"), "--door", "none",
                                             "--catalog", dir_.path() + "/other-catalog"});
    EXPECT_THAT(other_catalog.err, HasSubstr("another daemon"));
  }
  MakeVariable("another");
  Stop();
  Start();
  EXPECT_TRUE(HasVariable("kept"));
  EXPECT_TRUE(HasVariable("another"));
}

TEST_F(StartTest, EverythingThatIsWrongIsNamedAtOnce) {
  const RunResult refused = Refused({"--check-config", "--log-level", "loud", "--listen",
                                     "0.0.0.0:18791", "--socket-mode", "999"});
  EXPECT_EQ(refused.exit_code, 2);
  for (const char* part : {"log_level: ", "listen: 0.0.0.0:18791", "socket_mode: "}) {
    EXPECT_THAT(refused.err, HasSubstr(part));
  }
}

// --- What is said ---------------------------------------------------------------

TEST_F(StartTest, LinesHaveTheTimeWithItsZone) {
  Start();
  EXPECT_TRUE(AwaitLog("start is cold"));
  const std::string log = daemon_->err();
  EXPECT_THAT(log.substr(0, log.find('\n')),
              MatchesRegex("[0-9-]+T[0-9:.]+[+-][0-9][0-9]:[0-9][0-9] .*"));
}

TEST_F(StartTest, AnArenaBeyondTheMemoryIsWarnedOf) {
  if (testing::kThreadSanitizer) GTEST_SKIP() << "no room for terabytes under ThreadSanitizer";
  const auto checked = testing::RunToEnd(
      {BinaryPath("percpud"), "--arena-size", "16TiB", "--cpus-count", "2", "--check-config"});
  ASSERT_TRUE(checked.ok()) << checked.status();
  EXPECT_EQ(checked->exit_code, 0) << checked->err;
  EXPECT_THAT(checked->err, HasSubstr("warning arena_size: 16TiB is more than the memory"));
}

TEST_F(StartTest, AFullArenaIsSaidOnce) {
  arena_size_ = "512KiB";
  Start({"--unit-size", "32KiB"});
  for (int i = 0; i < 5; ++i) {
    while (Ctl({"alloc", "16KiB"}).exit_code == 0) {
    }
  }
  ASSERT_TRUE(AwaitLog("exhausted"));
  const std::string log = daemon_->err();
  EXPECT_EQ(log.find("exhausted", log.find("exhausted") + 1), std::string::npos) << log;
  EXPECT_THAT(log, HasSubstr("see arena_size"));
}

TEST_F(StartTest, WithoutStandardDescriptorsNothingIsWrittenIntoFiles) {
  std::string script = "exec \"$@\" 0<&- 1>&- 2>&-";
  auto daemon =
      Process::Spawn({"/bin/sh", "-c", script, "sh", BinaryPath("percpud"), "--listen", address(),
                      "--arena", "file:" + arena_, "--arena-size", "16MiB", "--cpus-count", "2"});
  ASSERT_TRUE(daemon.ok()) << daemon.status();
  const absl::Time deadline = absl::Now() + kPatience;
  while (Ctl({"ping"}).exit_code != 0 && absl::Now() < deadline) {
    absl::SleepFor(absl::Milliseconds(20));
  }
  EXPECT_EQ(Ctl({"ping"}).exit_code, 0);
  for (const std::string& file : {std::string("/s.lock"), std::string("/s.door.lock"),
                                  std::string("/arena.lock"), std::string("/arena.catalog/lock")}) {
    EXPECT_EQ(fs::file_size(dir_.path() + file), 0u) << file;
  }
  daemon->Kill(SIGTERM);
  EXPECT_TRUE(daemon->Wait(kPatience).ok());
}

}  // namespace
}  // namespace percpud

// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// The life of the real daemon: how it starts, what it refuses to start with,
// whom it gives way to, and how it ends.

#include <gmock/gmock.h>
#include <grpcpp/create_channel.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "absl/time/clock.h"
#include "percpud/v1/introspection.grpc.pb.h"
#include "percpud/v1/memory.grpc.pb.h"
#include "tests/support/process.h"

namespace percpud {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

constexpr absl::Duration kPatience = absl::Seconds(20);
// Small and quick to start.
const std::vector<std::string> kSmall = {"--cpus", "4", "--arena-size", "16MiB"};

grpc::Status Ping(const std::string& address) {
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  const auto stub = v1::MemoryService::NewStub(
      grpc::CreateCustomChannel(address, grpc::InsecureChannelCredentials(), arguments));
  grpc::ClientContext context;
  context.set_deadline(absl::ToChronoTime(absl::Now() + kPatience));
  v1::PingResponse response;
  return stub->Ping(&context, {}, &response);
}

// The path of a Unix address.
std::string PathOf(absl::string_view address) {
  return std::string(absl::StripPrefix(address, "unix:"));
}

bool Exists(const std::string& path) {
  struct stat status {};
  return lstat(path.c_str(), &status) == 0;
}

class DaemonTest : public ::testing::Test {
 protected:
  testing::RunningDaemon Start(const std::vector<std::string>& flags = kSmall) {
    auto daemon = testing::StartDaemon(dir_, flags);
    if (!daemon.ok()) ADD_FAILURE() << daemon.status();
    return *std::move(daemon);
  }

  // Runs a daemon that is expected to end by itself.
  testing::RunResult Run(std::vector<std::string> flags) {
    flags.insert(flags.begin(), testing::BinaryPath("percpud"));
    auto result = testing::RunToEnd(flags);
    EXPECT_TRUE(result.ok()) << result.status();
    return result.ok() ? *result : testing::RunResult{};
  }

  void ExpectEnds(testing::Process& process, int signal_number, int exit_code) {
    process.Kill(signal_number);
    const absl::StatusOr<int> status = process.Wait(kPatience);
    ASSERT_TRUE(status.ok()) << status.status();
    EXPECT_EQ(*status, exit_code) << process.err();
  }

  testing::TempDir dir_;
  const std::string address_ = absl::StrCat("unix:", dir_.path(), "/percpud.sock");
};

// --- Starting and ending -------------------------------------------------------

TEST_F(DaemonTest, ServesOnceItSaysSoAndDrainsOnEitherSignal) {
  for (const int signal_number : {SIGTERM, SIGINT}) {
    testing::RunningDaemon daemon = Start();
    EXPECT_TRUE(Ping(daemon.address).ok());
    ExpectEnds(daemon.process, signal_number, 0);
    EXPECT_FALSE(Exists(PathOf(daemon.address)));
    EXPECT_EQ(daemon.process.out(), "percpud: ready\n");
  }
}

TEST_F(DaemonTest, ADrainEndsOpenStreamsRatherThanWaitForThem) {
  testing::RunningDaemon daemon = Start();
  const auto stub = v1::IntrospectionService::NewStub(
      grpc::CreateChannel(daemon.address, grpc::InsecureChannelCredentials()));
  grpc::ClientContext context;
  v1::WatchRequest request;
  request.mutable_interval()->set_seconds(3600);
  const auto stream = stub->Watch(&context, request);
  v1::WatchResponse response;
  ASSERT_TRUE(stream->Read(&response));
  const absl::Time start = absl::Now();
  ExpectEnds(daemon.process, SIGTERM, 0);
  // Well within the grace that calls in progress have.
  EXPECT_LT(absl::Now() - start, absl::Seconds(4));
  EXPECT_FALSE(stream->Read(&response));
  EXPECT_TRUE(stream->Finish().ok());
}

TEST_F(DaemonTest, TellsItsLayoutAndItsWaste) {
  testing::RunningDaemon daemon =
      Start({"--cpus", "12", "--arena-size", "16MiB", "--unit-size", "64KiB"});
  ExpectEnds(daemon.process, SIGTERM, 0);
  EXPECT_THAT(daemon.process.err(), HasSubstr("unit 64KiB"));
  EXPECT_THAT(daemon.process.err(), HasSubstr("CPUs 0 1 2 3 4 5 6 7 8 9 10 11"));
  EXPECT_THAT(daemon.process.err(), HasSubstr("warning km wastes 64 of 256 pages per chunk"));
  EXPECT_THAT(daemon.process.err(),
              HasSubstr("pages_per_chunk=192 block_order=8 wasted_pages=64 ghost_pages=0"));
}

std::vector<std::string> MissingFiles(const std::string& address) {
  const auto stub = v1::IntrospectionService::NewStub(
      grpc::CreateChannel(address, grpc::InsecureChannelCredentials()));
  grpc::ClientContext context;
  v1::GetAllocInfoResponse response;
  const grpc::Status status = stub->GetAllocInfo(&context, {}, &response);
  EXPECT_TRUE(status.ok()) << status.error_message();
  const auto& files = response.alloc_info().missing_files();
  return {files.begin(), files.end()};
}

TEST_F(DaemonTest, SaysWhichOfItsFilesAreGone) {
  const std::string arena = dir_.path() + "/arena";
  const std::string config = dir_.path() + "/config";
  std::ofstream(config) << "arena: \"file:" << arena << "\"\n";
  std::vector<std::string> flags = kSmall;
  flags.insert(flags.end(), {"--config", config});
  testing::RunningDaemon daemon = Start(flags);
  EXPECT_THAT(MissingFiles(daemon.address), IsEmpty());
  // Another configuration is what a reload is for; another arena is not this daemon's.
  std::ofstream(config) << "# other\n";
  std::filesystem::rename(arena, arena + ".away");
  std::ofstream(arena) << "other\n";
  EXPECT_THAT(MissingFiles(daemon.address), ElementsAre("arena " + arena));
  std::filesystem::remove(config);
  EXPECT_THAT(MissingFiles(daemon.address),
              ElementsAre("arena " + arena, "configuration " + config));
  std::filesystem::rename(arena + ".away", arena);
  EXPECT_THAT(MissingFiles(daemon.address), ElementsAre("configuration " + config));
}

// --- What it refuses to start with -----------------------------------------------

TEST_F(DaemonTest, WrongUsageEndsWithTwoAndNamesTheField) {
  const std::vector<std::pair<std::vector<std::string>, std::string>> cases = {
      {{"--no-such-flag"}, "--no-such-flag"},
      {{"--arena-size", "lots"}, "arena_size"},
      {{"--arena-size", "64KiB"}, "arena_size"},
      {{"--page-size", "8KiB"}, "page_size"},
      {{"--backend", "gm"}, "backend"},
      {{"--static-size", "60KiB"}, "static_size"},
      {{"--atom-size", "5000"}, "atom_size"},
      {{"--cpu-select", "9"}, "cpus.select"},
      {{"--config", "/no/such/file"}, "/no/such/file"},
      {{"--listen", "nowhere"}, "listen"}};
  for (const auto& [flags, names] : cases) {
    std::vector<std::string> argv = {"--listen", address_, "--cpus", "4"};
    argv.insert(argv.end(), flags.begin(), flags.end());
    const testing::RunResult result = Run(argv);
    EXPECT_EQ(result.exit_code, 2) << names;
    EXPECT_THAT(result.err, HasSubstr(names));
    EXPECT_EQ(result.out, "");
    EXPECT_FALSE(Exists(PathOf(address_)));
  }
}

TEST_F(DaemonTest, KmRefusesMoreThanOneGroup) {
  const testing::RunResult result = Run({"--listen", address_, "--topology", "numa:2 core:4 pu:1"});
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_THAT(result.err, HasSubstr("more than one group"));
  EXPECT_FALSE(Exists(PathOf(address_)));
}

TEST_F(DaemonTest, CheckConfigSaysWhatAStartWould) {
  const std::string config = dir_.path() + "/config";
  std::ofstream(config) << R"(arena_size: "16MiB" cpus { count: 4 })";
  const testing::RunResult good = Run({"--config", config, "--check-config"});
  EXPECT_EQ(good.exit_code, 0) << good.err;
  EXPECT_EQ(good.out, "percpud: configuration ok\n");
  const testing::RunResult groups =
      Run({"--config", config, "--check-config", "--topology", "numa:2 core:4 pu:1"});
  EXPECT_EQ(groups.exit_code, 1);
  std::ofstream(config) << "arena_size: \"16MiB\"\ncolour: \"blue\"\n";
  const testing::RunResult bad = Run({"--config", config, "--check-config"});
  EXPECT_EQ(bad.exit_code, 2);
  EXPECT_THAT(bad.err, HasSubstr(config + ":2:"));
  EXPECT_THAT(bad.err, HasSubstr("colour"));
}

TEST_F(DaemonTest, CheckConfigDoesNotDisturbARunningDaemon) {
  testing::RunningDaemon daemon = Start();
  EXPECT_EQ(Run({"--listen", daemon.address, "--cpus", "4", "--check-config"}).exit_code, 0);
  EXPECT_TRUE(Ping(daemon.address).ok());
}

TEST_F(DaemonTest, AnAddressThatCannotBeHadEndsWithOne) {
  const testing::RunResult result = Run({"--listen", "unix:/no/such/dir/s", "--cpus", "4"});
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_THAT(result.err, HasSubstr("/no/such/dir/s"));
}

// --- One daemon per address --------------------------------------------------------

TEST_F(DaemonTest, ASecondDaemonIsRefusedAndTheFirstServesOn) {
  testing::RunningDaemon daemon = Start();
  const testing::RunResult second = Run({"--listen", daemon.address, "--cpus", "4"});
  EXPECT_EQ(second.exit_code, 1);
  EXPECT_THAT(second.err, HasSubstr(daemon.address));
  EXPECT_THAT(second.err, HasSubstr("another daemon"));
  // It left before it laid anything out.
  EXPECT_THAT(second.err, Not(HasSubstr("layout")));
  EXPECT_TRUE(Ping(daemon.address).ok());
  ExpectEnds(daemon.process, SIGTERM, 0);
}

TEST_F(DaemonTest, TheSocketOfAKilledDaemonIsReplaced) {
  testing::RunningDaemon killed = Start();
  ExpectEnds(killed.process, SIGKILL, 128 + SIGKILL);
  ASSERT_TRUE(Exists(PathOf(killed.address)));
  testing::RunningDaemon daemon = Start();
  EXPECT_TRUE(Ping(daemon.address).ok());
}

TEST_F(DaemonTest, TheSocketHasTheModeAskedFor) {
  struct stat status {};
  {
    testing::RunningDaemon daemon = Start();
    ASSERT_EQ(lstat(PathOf(daemon.address).c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0777U, 0660U);
  }
  std::vector<std::string> flags = kSmall;
  flags.insert(flags.end(), {"--socket-mode", "0600"});
  testing::RunningDaemon daemon = Start(flags);
  ASSERT_EQ(lstat(PathOf(daemon.address).c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777U, 0600U);
}

}  // namespace
}  // namespace percpud

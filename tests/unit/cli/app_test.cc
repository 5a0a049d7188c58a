// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "client/cli/app.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <string>
#include <string_view>
#include <vector>

#include "tests/unit/cli/cli_runner.h"

namespace percpu::cli {
namespace {

using ::testing::_;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::Field;
using ::testing::HasSubstr;
using ::testing::Return;
using ::testing::StartsWith;

class AppTest : public ::testing::Test {
 protected:
  AppTest() { unsetenv("PERCPUD_ADDRESS"); }
  ~AppTest() override { unsetenv("PERCPUD_ADDRESS"); }

  CliRunner cli_;
  mocks::MockConnection& daemon_ = *cli_.connection;
};

bool IsOneLine(const std::string& text) {
  return !text.empty() && text.find('\n') == text.size() - 1;
}

TEST_F(AppTest, GlobalOptionsMayFollowTheCommand) {
  EXPECT_CALL(daemon_, Sum).Times(2).WillRepeatedly(Return(42));
  const std::string expected = "{\n  \"sum\": 42\n}\n";
  EXPECT_EQ(cli_.Run({"-o", "json", "sum", "8"}).out, expected);
  EXPECT_EQ(cli_.Run({"sum", "8", "-o", "json"}).out, expected);
}

TEST_F(AppTest, TheAddressHasADefaultAnEnvironmentAndAnOption) {
  cli_.Run({"ping"});
  EXPECT_EQ(cli_.used_address, "unix:/run/percpud/percpud.sock");
  setenv("PERCPUD_ADDRESS", "unix:/tmp/a", 1);
  cli_.Run({"ping"});
  EXPECT_EQ(cli_.used_address, "unix:/tmp/a");
  cli_.Run({"--address", "localhost:1", "ping"});
  EXPECT_EQ(cli_.used_address, "localhost:1");
}

TEST_F(AppTest, TheTimeoutIsEachCallsDeadline) {
  cli_.Run({"ping"});
  EXPECT_EQ(cli_.used_options.deadline, absl::Seconds(5));
  cli_.Run({"--timeout", "250ms", "ping"});
  EXPECT_EQ(cli_.used_options.deadline, absl::Milliseconds(250));
}

TEST_F(AppTest, NothingIsRetried) {
  cli_.Run({"ping"});
  EXPECT_EQ(cli_.used_options.retry.max_retries, 0);
}

TEST_F(AppTest, ARefusalIsOneLineAndExitsWithOne) {
  EXPECT_CALL(daemon_, Free)
      .WillOnce(Return(absl::NotFoundError("pointer: 0x40 is in no\nlive area")));
  const CliRunner::Result result = cli_.Run({"free", "0x40"});
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_EQ(result.out, "");
  EXPECT_EQ(result.err, "percpuctl: pointer: 0x40 is in no\\x0alive area\n");
}

TEST_F(AppTest, AnUnreachableDaemonIsNamedWithARemedy) {
  EXPECT_CALL(daemon_, Ping).WillOnce(Return(absl::UnavailableError("connect: no such file")));
  const CliRunner::Result result = cli_.Run({"--address", "unix:/tmp/none", "ping"});
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_EQ(result.err,
            "percpuctl: cannot reach percpud at unix:/tmp/none: is the daemon running? "
            "(--address or PERCPUD_ADDRESS names another)\n");
}

TEST_F(AppTest, ADaemonThatHangsIsNamedWithTheTimeout) {
  EXPECT_CALL(daemon_, Ping).WillOnce(Return(absl::DeadlineExceededError("")));
  const CliRunner::Result result = cli_.Run({"--timeout", "2s", "ping"});
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_THAT(result.err, HasSubstr("in 2s (--timeout allows more)"));
}

TEST_F(AppTest, WrongUsageIsOneLineAndExitsWithTwo) {
  for (const std::vector<std::string>& arguments : std::vector<std::vector<std::string>>{
           {},
           {"nope"},
           {"info", "extra"},
           {"info", "--nope"},
           {"alloc"},
           {"alloc", "12x"},
           {"alloc", "8", "--region", "static"},
           {"free", "here"},
           {"chunk", "-1"},
           {"sum", "8", "--width", "16"},
           {"write", "8"},
           {"write", "8", "0g", "--hex"},
           {"completion", "tcsh"},
           {"replay", "/nonexistent"},
           {"replay", "/dev/null", "--batch", "0"},
           {"watch", "--count", "0"},
           {"session"},
           {"session", "end"},
           {"session", "begin"},
           {"variable", "create", "hits"},
           {"variable", "create", "h", "--size", "x"},
           {"variable", "create", "h", "--size", "8", "--type", "int"},
           {"variable", "rm"},
           {"--timeout", "0", "ping"},
           {"-o", "xml", "info"}}) {
    const CliRunner::Result result = cli_.Run(arguments);
    EXPECT_EQ(result.exit_code, 2) << result.err;
    EXPECT_EQ(result.out, "");
    EXPECT_TRUE(IsOneLine(result.err)) << result.err;
    EXPECT_THAT(result.err, StartsWith("percpuctl: "));
    EXPECT_THAT(result.err, HasSubstr("--help"));
  }
}

TEST_F(AppTest, AnUnknownCommandIsNamed) {
  EXPECT_EQ(cli_.Run({"nope"}).err,
            "percpuctl: \"nope\" is not a command (see percpuctl --help)\n");
}

TEST_F(AppTest, HelpGoesToStandardOutput) {
  const CliRunner::Result result = cli_.Run({"alloc", "--help"});
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_THAT(result.out, HasSubstr("percpuctl alloc [OPTIONS] SIZE..."));
  EXPECT_EQ(result.err, "");
}

TEST_F(AppTest, EveryCommandHasASummary) {
  const std::string help = cli_.Run({"--help"}).out;
  for (const char* command :
       {"info",     "groups",  "units",    "statics",   "chunks",  "chunk",     "slots",
        "buddy",    "stats",   "sessions", "variables", "resolve", "estimate",  "watch",
        "top",      "alloc",   "free",     "read",      "write",   "add",       "sum",
        "variable", "session", "check",    "replay",    "ping",    "completion"}) {
    EXPECT_THAT(help, ::testing::ContainsRegex(std::string("\n  ") + command + " +[A-Z]"));
  }
}

TEST_F(AppTest, CheckSaysWhatItWalked) {
  const CheckedPart part{
      .part = "allocator", .areas = 12, .took = absl::Milliseconds(30), .problem = ""};
  EXPECT_CALL(daemon_, Check).WillOnce(Return(std::vector{part}));
  EXPECT_EQ(cli_.Run({"check"}).out,
            "PART       SOUND  AREAS  SECONDS\n"
            "allocator  yes       12     0.03\n");
}

TEST_F(AppTest, CheckFailsWithTheProblemItFound) {
  const CheckedPart sound{.part = "allocator", .took = {}, .problem = ""};
  const CheckedPart unsound{
      .part = "sessions", .took = {}, .problem = "sessions: chunk 3's holder has ended"};
  EXPECT_CALL(daemon_, Check).WillOnce(Return(std::vector{sound, unsound}));
  const CliRunner::Result result = cli_.Run({"check"});
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_EQ(result.out, "");
  EXPECT_EQ(result.err, "percpuctl: sessions is not sound: sessions: chunk 3's holder has ended\n");
}

TEST_F(AppTest, AllocPassesItsOptions) {
  std::vector<AreaSpec> asked;
  AllocateOptions options;
  EXPECT_CALL(daemon_, Alloc).WillOnce([&](auto specs, const AllocateOptions& given) {
    asked.assign(specs.begin(), specs.end());
    options = given;
    return std::vector{Pointer{0x40}, Pointer{0x80}};
  });
  EXPECT_EQ(cli_.Run({"alloc", "8", "1K", "--align", "64", "--region", "reserved", "--no-grow",
                      "--tag", "hits"})
                .out,
            "0x40\n0x80\n");
  EXPECT_THAT(
      asked,
      ElementsAre(AllOf(Field(&AreaSpec::size_bytes, 8), Field(&AreaSpec::alignment, 64)),
                  AllOf(Field(&AreaSpec::size_bytes, 1024), Field(&AreaSpec::alignment, 64))));
  EXPECT_EQ(options.region, Region::kReserved);
  EXPECT_TRUE(options.no_grow);
  EXPECT_EQ(options.tag, "hits");
}

TEST_F(AppTest, WriteTakesTextOrHexadecimal) {
  EXPECT_CALL(daemon_, Write(_, _, std::string_view("00"))).WillOnce(Return(absl::OkStatus()));
  EXPECT_CALL(daemon_, Write(_, _, std::string_view("\0", 1))).WillOnce(Return(absl::OkStatus()));
  EXPECT_EQ(cli_.Run({"write", "8", "00"}).exit_code, 0);
  EXPECT_EQ(cli_.Run({"write", "8", "00", "--hex"}).exit_code, 0);
}

TEST_F(AppTest, ADeltaMayBeNegative) {
  EXPECT_CALL(daemon_, Add(Pointer{0x40}, -7, _, _)).WillOnce(Return(AddResult()));
  EXPECT_EQ(cli_.Run({"add", "0x40", "-7"}).exit_code, 0);
}

TEST_F(AppTest, WatchPrintsRatesBetweenAnswers) {
  EXPECT_CALL(daemon_, Watch(absl::Milliseconds(500), _)).WillOnce([](auto, const auto& on_sample) {
    StatsSample sample;
    while (on_sample(sample)) {
      sample.elapsed += absl::Seconds(2);
      sample.stats.nr_alloc += 100;
    }
    return absl::OkStatus();
  });
  const CliRunner::Result result =
      cli_.Run({"-o", "json", "watch", "--interval", "500ms", "--count", "2"});
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_THAT(result.out, StartsWith("{\"elapsed_seconds\":2.0,\"allocs_per_second\":50,"));
  EXPECT_THAT(result.out, HasSubstr("\n{\"elapsed_seconds\":4.0,\"allocs_per_second\":50,"));
}

TEST_F(AppTest, CompletionKnowsEveryCommandAndOption) {
  for (const char* shell : {"bash", "zsh", "fish"}) {
    const CliRunner::Result result = cli_.Run({"completion", shell});
    EXPECT_EQ(result.exit_code, 0);
    for (const char* word : {"estimate", "replay", "no-grow", "address", "create", "type"}) {
      EXPECT_THAT(result.out, HasSubstr(word)) << shell;
    }
  }
}

}  // namespace
}  // namespace percpu::cli

// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "client/cli/app.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "tests/unit/cli/cli_runner.h"

namespace percpu::cli {
namespace {

using ::testing::_;
using ::testing::AllOf;
using ::testing::ContainsRegex;
using ::testing::ElementsAre;
using ::testing::Field;
using ::testing::HasSubstr;
using ::testing::Not;
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
  EXPECT_CALL(daemon_, FreeSparingSessions)
      .WillOnce(Return(absl::NotFoundError("pointer: 0x40 is in no\nlive area")));
  const CliRunner::Result result = cli_.Run({"free", "0x40"});
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_EQ(result.out, "");
  EXPECT_EQ(result.err, "percpuctl: pointer: 0x40 is in no\\x0alive area\n");
}

TEST_F(AppTest, FreeSparesSessionsUnlessItIsForced) {
  EXPECT_CALL(daemon_, FreeSparingSessions(ElementsAre(Pointer{0x40}))).WillOnce(Return(8));
  EXPECT_CALL(daemon_, Free(ElementsAre(Pointer{0x40}))).WillOnce(Return(16));
  EXPECT_EQ(cli_.Run({"free", "0x40"}).out, "freed_bytes : 8B  of each unit\n");
  EXPECT_EQ(cli_.Run({"free", "0x40", "--force"}).out, "freed_bytes : 16B  of each unit\n");
}

TEST_F(AppTest, AnUnreachableDaemonIsNamedWithARemedy) {
  EXPECT_CALL(daemon_, Ping).WillOnce(Return(absl::UnavailableError("connect: no such file")));
  const CliRunner::Result result = cli_.Run({"--address", "unix:/tmp/none", "ping"});
  EXPECT_EQ(result.exit_code, 4);
  EXPECT_EQ(result.err,
            "percpuctl: cannot reach percpud at unix:/tmp/none: there is no such socket: is the "
            "daemon running? (--address or PERCPUD_ADDRESS names another)\n");
}

TEST_F(AppTest, ADaemonThatHangsIsNamedWithTheTimeout) {
  EXPECT_CALL(daemon_, Ping).WillOnce(Return(absl::DeadlineExceededError("")));
  const CliRunner::Result result = cli_.Run({"--timeout", "2s", "ping"});
  EXPECT_EQ(result.exit_code, 4);
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

TEST_F(AppTest, ANumberThatDoesNotFitIsRefusedEverywhere) {
  for (const char* number : {"99999999999999999999999", "-99999999999999999999999", "1e3", ""}) {
    for (const std::vector<std::string>& arguments :
         std::vector<std::vector<std::string>>{{"add", "8", number},
                                               {"add", "8", "1", "--unit", number},
                                               {"alloc", number},
                                               {"alloc", "8", "--alignment", number},
                                               {"alloc", "8", "--align", number},
                                               {"chunk", "show", number},
                                               {"estimate", number},
                                               {"free", number},
                                               {"inc", "hits", number},
                                               {"read", "8", "--length", number},
                                               {"read", "8", "--unit", number},
                                               {"replay", "/dev/null", "--batch", number},
                                               {"session", "end", number},
                                               {"set", "hits", number},
                                               {"sum", "8", "--width", number},
                                               {"top", "--count", number},
                                               {"top", "--rows", number},
                                               {"variable", "create", "h", "--size", number},
                                               {"watch", "--count", number},
                                               {"watch", "--interval", number}}) {
      const CliRunner::Result result = cli_.Run(arguments);
      EXPECT_EQ(result.exit_code, 2) << ::testing::PrintToString(arguments) << result.err;
      EXPECT_EQ(result.out, "");
      EXPECT_TRUE(IsOneLine(result.err)) << result.err;
    }
  }
}

TEST_F(AppTest, ANumberThatIsNoPointerIsNotTakenForAName) {
  EXPECT_CALL(daemon_, OpenVariable).Times(0);
  for (const char* number : {"99999999999999999999999", "-1", "0x", "0xfg", ""}) {
    EXPECT_EQ(cli_.Run({"sum", number}).exit_code, 2) << number;
  }
}

TEST_F(AppTest, AnAddressThatIsTooLongIsRefusedBeforeItIsUsed) {
  const CliRunner::Result result =
      cli_.Run({"--address", "unix:/" + std::string(107, 'x'), "ping"});
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_EQ(cli_.used_address, "");
  EXPECT_THAT(result.err, HasSubstr("108 bytes, and a Unix socket's has at most 107"));
}

TEST_F(AppTest, EveryHelpTellsOfTheOptionsOfEveryCommand) {
  for (const std::vector<std::string>& arguments : std::vector<std::vector<std::string>>{
           {"info", "--help"}, {"session", "--help"}, {"variable", "create", "--help"}}) {
    const std::string help = cli_.Run(arguments).out;
    for (const char* option : {"--address ADDRESS", "--output table|json", "--timeout TIME"}) {
      EXPECT_THAT(help, HasSubstr(option));
    }
  }
}

TEST_F(AppTest, EveryHelpFitsEightyColumns) {
  for (const std::vector<std::string>& command :
       std::vector<std::vector<std::string>>{{},
                                             {"add"},
                                             {"alloc"},
                                             {"buddy"},
                                             {"check"},
                                             {"chunk", "list"},
                                             {"chunk", "show"},
                                             {"completion"},
                                             {"estimate"},
                                             {"free"},
                                             {"get"},
                                             {"group", "list"},
                                             {"inc"},
                                             {"info"},
                                             {"lease", "list"},
                                             {"ping"},
                                             {"read"},
                                             {"replay"},
                                             {"resolve"},
                                             {"session", "end"},
                                             {"session", "list"},
                                             {"set"},
                                             {"slot", "list"},
                                             {"static", "list"},
                                             {"stats"},
                                             {"sum"},
                                             {"top"},
                                             {"unit", "list"},
                                             {"variable", "create"},
                                             {"variable", "list"},
                                             {"variable", "rm"},
                                             {"watch"},
                                             {"write"}}) {
    std::vector<std::string> arguments = command;
    arguments.emplace_back("--help");
    const CliRunner::Result result = cli_.Run(arguments);
    ASSERT_EQ(result.exit_code, 0) << result.err;
    EXPECT_THAT(result.out, Not(ContainsRegex("[^\n]{81}")));
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
       {"info",  "group", "unit",    "static",   "chunk",   "slot",     "buddy",
        "stats", "lease", "session", "variable", "resolve", "estimate", "watch",
        "top",   "alloc", "free",    "read",     "write",   "add",      "sum",
        "inc",   "get",   "set",     "check",    "replay",  "ping",     "completion"}) {
    EXPECT_THAT(help, ContainsRegex(std::string("\n  ") + command + " +[A-Z]"));
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
  EXPECT_EQ(result.exit_code, 3);
  EXPECT_THAT(result.out, HasSubstr("\nallocator  yes"));
  EXPECT_THAT(result.out, HasSubstr("\nsessions   no"));
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

TEST_F(AppTest, WriteTakesHexadecimalOrText) {
  EXPECT_CALL(daemon_, Write(_, _, std::string_view("00"))).WillOnce(Return(absl::OkStatus()));
  EXPECT_CALL(daemon_, Write(_, _, std::string_view("\0", 1))).WillOnce(Return(absl::OkStatus()));
  EXPECT_EQ(cli_.Run({"write", "8", "00", "--text"}).exit_code, 0);
  EXPECT_EQ(cli_.Run({"write", "8", "00"}).exit_code, 0);
  EXPECT_EQ(cli_.Run({"write", "8", "0g"}).exit_code, 2);
}

TEST_F(AppTest, ADeltaMayBeNegative) {
  EXPECT_CALL(daemon_, Add(Pointer{0x40}, -7, _, _)).WillOnce(Return(AddResult()));
  EXPECT_EQ(cli_.Run({"add", "0x40", "-7"}).exit_code, 0);
}

TEST_F(AppTest, WhatAnAdditionOverTlsMayNotSeeIsNoZero) {
  EXPECT_CALL(daemon_, Add).WillRepeatedly(Return(AddResult{.value = 0, .unit = Unit{3}}));
  EXPECT_CALL(daemon_, Read(Pointer{0x40}, Unit{3}, 8))
      .WillOnce(Return(absl::PermissionDeniedError("export.variables: no entry names it")))
      .WillOnce(Return(std::string(8, '\0')))
      .WillOnce(Return(absl::PermissionDeniedError("export.variables: no entry names it")));
  const std::vector<std::string> add{"--address", "tls:web1:7331", "add", "0x40", "1"};
  const CliRunner::Result hidden = cli_.Run(add);
  EXPECT_EQ(hidden.exit_code, 0) << hidden.err;
  EXPECT_THAT(hidden.out, HasSubstr("value : -  not exported"));
  EXPECT_THAT(cli_.Run(add).out, HasSubstr("value : 0"));
  std::vector<std::string> json{"-o", "json"};
  json.insert(json.end(), add.begin(), add.end());
  EXPECT_THAT(cli_.Run(json).out, HasSubstr("\"value\": null"));
  // By a Unix socket all is told.
  EXPECT_THAT(cli_.Run({"add", "0x40", "1"}).out, HasSubstr("value : 0"));
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

TEST_F(AppTest, WatchGoesOnWhenTheDaemonIsRestarted) {
  const auto sample = [](int seconds, std::uint64_t allocs) {
    return StatsSample{.elapsed = absl::Seconds(seconds), .stats = {.nr_alloc = allocs}};
  };
  EXPECT_CALL(daemon_, Watch)
      .WillOnce([&](auto /*interval*/, const auto& on_sample) {
        on_sample(sample(0, 100));
        on_sample(sample(1, 150));
        return absl::UnavailableError("gone");
      })
      .WillOnce(Return(absl::UnavailableError("gone")))
      .WillOnce([&](auto /*interval*/, const auto& on_sample) {
        on_sample(sample(0, 0));
        on_sample(sample(1, 7));
        return absl::OkStatus();
      });
  const CliRunner::Result result = cli_.Run({"-o", "json", "watch", "--count", "2"});
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_THAT(result.out, HasSubstr("{\"elapsed_seconds\":1.0,\"allocs_per_second\":50,"));
  // Two waits of a second, and one of the second daemon's.
  EXPECT_THAT(result.out, HasSubstr("\n{\"elapsed_seconds\":3.0,\"allocs_per_second\":7,"));
  EXPECT_EQ(result.err, "percpuctl: the daemon is gone; waiting for it to come back\n");
}

TEST_F(AppTest, WatchOfADaemonThatNeverAnsweredEnds) {
  EXPECT_CALL(daemon_, Watch).WillOnce(Return(absl::UnavailableError("")));
  EXPECT_EQ(cli_.Run({"watch"}).exit_code, 4);
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

// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "client/cli/app.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <string>

#include "tests/unit/cli/cli_runner.h"

namespace percpu::cli {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Property;
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
  v1::SumResponse response;
  response.set_sum(42);
  EXPECT_CALL(daemon_, Sum).Times(2).WillRepeatedly(Return(response));
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
  v1::CheckResponse response;
  v1::Checked& part = *response.add_parts();
  part.set_part("allocator");
  part.set_areas(12);
  part.mutable_took()->set_nanos(30'000'000);
  EXPECT_CALL(daemon_, Check).WillOnce(Return(response));
  EXPECT_EQ(cli_.Run({"check"}).out,
            "PART       SOUND  AREAS  SECONDS\n"
            "allocator  yes       12     0.03\n");
}

TEST_F(AppTest, CheckFailsWithTheProblemItFound) {
  v1::CheckResponse response;
  response.add_parts()->set_part("allocator");
  v1::Checked& unsound = *response.add_parts();
  unsound.set_part("sessions");
  unsound.set_problem("sessions: chunk 3's holder has ended");
  EXPECT_CALL(daemon_, Check).WillOnce(Return(response));
  const CliRunner::Result result = cli_.Run({"check"});
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_EQ(result.out, "");
  EXPECT_EQ(result.err, "percpuctl: sessions is not sound: sessions: chunk 3's holder has ended\n");
}

TEST_F(AppTest, AllocPassesItsOptions) {
  v1::AllocRequest asked;
  EXPECT_CALL(daemon_, Alloc).WillOnce([&](const v1::AllocRequest& request) {
    asked = request;
    v1::AllocResponse response;
    response.add_pointers(0x40);
    response.add_pointers(0x80);
    return response;
  });
  EXPECT_EQ(cli_.Run({"alloc", "8", "1K", "--align", "64", "--region", "reserved", "--no-grow",
                      "--tag", "hits"})
                .out,
            "0x40\n0x80\n");
  EXPECT_THAT(asked.sizes_bytes(), ElementsAre(8, 1024));
  EXPECT_THAT(asked.alignments(), ElementsAre(64));
  EXPECT_EQ(asked.region(), v1::REGION_RESERVED);
  EXPECT_TRUE(asked.no_grow());
  EXPECT_EQ(asked.tag(), "hits");
}

TEST_F(AppTest, WriteTakesTextOrHexadecimal) {
  EXPECT_CALL(daemon_, Write(Property(&v1::WriteRequest::data, "00")))
      .WillOnce(Return(v1::WriteResponse()));
  EXPECT_CALL(daemon_, Write(Property(&v1::WriteRequest::data, std::string(1, '\0'))))
      .WillOnce(Return(v1::WriteResponse()));
  EXPECT_EQ(cli_.Run({"write", "8", "00"}).exit_code, 0);
  EXPECT_EQ(cli_.Run({"write", "8", "00", "--hex"}).exit_code, 0);
}

TEST_F(AppTest, ADeltaMayBeNegative) {
  EXPECT_CALL(daemon_, Add(Property(&v1::AddRequest::delta, -7)))
      .WillOnce(Return(v1::AddResponse()));
  EXPECT_EQ(cli_.Run({"add", "0x40", "-7"}).exit_code, 0);
}

TEST_F(AppTest, WatchPrintsRatesBetweenAnswers) {
  EXPECT_CALL(daemon_, Watch).WillOnce([](const auto& request, const auto& on_response) {
    EXPECT_EQ(request.interval().nanos(), 500'000'000);
    v1::WatchResponse response;
    bool more = true;
    for (int i = 0; more; ++i) {
      response.mutable_elapsed()->set_seconds(2 * i);
      response.mutable_stats()->set_nr_alloc(100 * i);
      more = on_response(response);
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

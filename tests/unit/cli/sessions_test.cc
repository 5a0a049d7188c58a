// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

// sessions, session, variables, variable, and what resolve says of both.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "tests/unit/cli/cli_runner.h"

namespace percpu::cli {
namespace {

using ::testing::Field;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::Return;

class SessionsTest : public ::testing::Test {
 protected:
  CliRunner cli_;
  mocks::MockConnection& daemon_ = *cli_.connection;
};

std::vector<SessionInfo> TwoSessions() {
  return {{.id = SessionId{1},
           .kind = SessionKind::kLocalReadOnly,
           .pid = 77,
           .uid = 0,
           .command = "shard\x1b[2J",
           .age = absl::Seconds(3723) + absl::Milliseconds(500),
           .held_bytes = 4096,
           .areas = 3,
           .leases = 1},
          {.id = SessionId{2},
           .kind = SessionKind::kRemote,
           .pid = {},
           .uid = {},
           .command = "loader",
           .age = {}}};
}

TEST_F(SessionsTest, ATableOfSessionsLinesUp) {
  EXPECT_CALL(daemon_, ListSessions).WillOnce(Return(TwoSessions()));
  EXPECT_EQ(cli_.Run({"sessions"}).out,
            "ID  KIND       PID  UID  COMMAND        AGE  BYTES  AREAS  LEASES\n"
            " 1  read-only   77    0  shard\\x1b[2J  1h2m   4KiB      3       1\n"
            " 2  remote       -    -  loader          0s     0B      0       0\n");
}

TEST_F(SessionsTest, JsonSaysNullOfWhatTheKernelDidNotSay) {
  EXPECT_CALL(daemon_, ListSessions).WillOnce(Return(TwoSessions()));
  const std::string out = cli_.Run({"-o", "json", "sessions"}).out;
  EXPECT_THAT(out, HasSubstr("\"uid\": 0,\n"));
  EXPECT_THAT(out, HasSubstr("\"age_seconds\": 3723.5,\n"));
  EXPECT_THAT(out, HasSubstr("\"pid\": null,\n"));
  EXPECT_THAT(out, HasSubstr("\"mode\": null,\n"));
}

TEST_F(SessionsTest, EveryKindHasItsModeAndAnUnknownOneIsSaidToBe) {
  std::vector<SessionInfo> sessions(3);
  sessions[0].kind = SessionKind::kLocalReadWrite;
  sessions[1].kind = SessionKind::kLocalUnmapped;
  EXPECT_CALL(daemon_, ListSessions).WillOnce(Return(sessions));
  const std::string out = cli_.Run({"sessions"}).out;
  EXPECT_THAT(out, HasSubstr("read-write"));
  EXPECT_THAT(out, HasSubstr("unmapped"));
  EXPECT_THAT(out, HasSubstr("unknown"));
}

TEST_F(SessionsTest, OneThatWasLeftIsShownAsSuch) {
  std::vector<SessionInfo> sessions = TwoSessions();
  sessions[0].is_left = true;
  EXPECT_CALL(daemon_, ListSessions).WillRepeatedly(Return(sessions));
  EXPECT_THAT(cli_.Run({"sessions"}).out, HasSubstr(" 1  left     77    0  shard"));
  const std::string out = cli_.Run({"-o", "json", "sessions"}).out;
  EXPECT_THAT(out, HasSubstr("\"state\": \"left\",\n      \"kind\": \"local\","));
  EXPECT_THAT(out, HasSubstr("\"state\": \"live\",\n      \"kind\": \"remote\","));
}

TEST_F(SessionsTest, EndNamesTheSession) {
  EXPECT_CALL(daemon_, EndSession(SessionId{7}))
      .WillOnce(Return(absl::OkStatus()))
      .WillOnce(Return(absl::NotFoundError("session: there is no session 7")));
  EXPECT_EQ(cli_.Run({"session", "end", "7"}).out, "ended : 7\n");
  const CliRunner::Result result = cli_.Run({"session", "end", "7"});
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_EQ(result.err, "percpuctl: session: there is no session 7\n");
}

TEST_F(SessionsTest, AVerbMissingOrMistakenPointsToItsOwnHelp) {
  EXPECT_CALL(daemon_, EndSession).Times(0);
  EXPECT_THAT(cli_.Run({"session"}).err, HasSubstr("(see percpuctl session --help)"));
  EXPECT_THAT(cli_.Run({"session", "end"}).err, HasSubstr("(see percpuctl session end --help)"));
  EXPECT_EQ(cli_.Run({"session", "end", "--help"}).exit_code, 0);
}

Variable Hits() {
  return {.name = "http/hits",
          .type = VariableType::kCounter,
          .pointer = Pointer{0x3000},
          .size_bytes = 8,
          .uid = 1000};
}

TEST_F(SessionsTest, ATableOfVariablesLinesUp) {
  const Variable other{.name = "table",
                       .type = VariableType::kHistogram,
                       .pointer = Pointer{0x40},
                       .size_bytes = 4096,
                       .uid = {}};
  EXPECT_CALL(daemon_, ListVariables).WillRepeatedly(Return(std::vector{Hits(), other}));
  EXPECT_CALL(daemon_, Sum(Pointer{0x3000}, Width::k64)).WillOnce(Return(42));
  EXPECT_EQ(cli_.Run({"variable", "list"}).out,
            "NAME       TYPE       POINTER  SIZE   UID  VALUE\n"
            "http/hits  counter     0x3000    8B  1000     42\n"
            "table      histogram     0x40  4KiB     -      -\n");
  EXPECT_EQ(cli_.Run({"variables", "--names-only"}).out,
            "NAME       TYPE       POINTER  SIZE   UID\n"
            "http/hits  counter     0x3000    8B  1000\n"
            "table      histogram     0x40  4KiB     -\n");
}

TEST_F(SessionsTest, AVariableRemovedMeanwhileHasNoValueAndARefusalIsOne) {
  EXPECT_CALL(daemon_, ListVariables).WillRepeatedly(Return(std::vector{Hits()}));
  EXPECT_CALL(daemon_, Sum)
      .WillOnce(Return(absl::NotFoundError("gone")))
      .WillOnce(Return(absl::PermissionDeniedError("no")));
  EXPECT_THAT(cli_.Run({"variables"}).out, HasSubstr("      -\n"));
  EXPECT_EQ(cli_.Run({"variables"}).exit_code, 1);
}

TEST_F(SessionsTest, CreatePassesItsOptionsAndSaysWhetherItDid) {
  VariableSpec asked;
  EXPECT_CALL(daemon_, OpenVariable)
      .WillOnce([&](const VariableSpec& spec) {
        asked = spec;
        return OpenedVariable{.variable = Hits(), .created = true};
      })
      .WillOnce(Return(OpenedVariable{.variable = Hits(), .created = false}));
  const CliRunner::Result made = cli_.Run(
      {"variable", "create", "http/hits", "--type", "counter", "--size", "1K", "--align", "64"});
  EXPECT_THAT(made.out, HasSubstr("created : yes\n"));
  EXPECT_THAT(made.out, HasSubstr("0x3000"));
  EXPECT_EQ(asked.name, "http/hits");
  EXPECT_EQ(asked.type, VariableType::kCounter);
  EXPECT_EQ(asked.size_bytes, 1024);
  EXPECT_EQ(asked.alignment, 64);
  EXPECT_TRUE(asked.create);
  // Options of the program may follow those of a verb.
  EXPECT_THAT(cli_.Run({"variable", "create", "http/hits", "--size", "8", "-o", "json"}).out,
              HasSubstr("\"created\": false"));
}

TEST_F(SessionsTest, EveryTypeIsPassedAsItself) {
  for (const auto& [name, type] :
       {std::pair("counter", VariableType::kCounter), std::pair("gauge", VariableType::kGauge),
        std::pair("histogram", VariableType::kHistogram),
        std::pair("bytes", VariableType::kBytes)}) {
    OpenedVariable opened;
    opened.variable.type = type;
    EXPECT_CALL(daemon_, OpenVariable(Field(&VariableSpec::type, type))).WillOnce(Return(opened));
    EXPECT_THAT(cli_.Run({"variable", "create", "v", "--size", "8", "--type", name}).out,
                HasSubstr(std::string(": ") + name + "\n"));
  }
}

TEST_F(SessionsTest, RemoveNamesTheVariable) {
  EXPECT_CALL(daemon_, OpenVariable).Times(0);
  EXPECT_CALL(daemon_, RemoveVariable(std::string_view("http/hits"), false))
      .WillOnce(Return(absl::OkStatus()));
  EXPECT_EQ(cli_.Run({"variable", "rm", "http/hits"}).out, "removed : http/hits\n");
}

TEST_F(SessionsTest, RemoveTakesAVariableThatOthersHaveOpenOnlyByForce) {
  EXPECT_CALL(daemon_, RemoveVariable(std::string_view("hits"), false))
      .WillOnce(Return(absl::FailedPreconditionError("name: 2 other sessions have it open")));
  EXPECT_CALL(daemon_, RemoveVariable(std::string_view("hits"), true))
      .WillOnce(Return(absl::OkStatus()));
  EXPECT_EQ(cli_.Run({"variable", "rm", "hits"}).exit_code, 1);
  EXPECT_EQ(cli_.Run({"variable", "rm", "hits", "--force"}).out, "removed : hits\n");
}

TEST_F(SessionsTest, ResolveNamesSessionAndVariableOnlyIfThereAre) {
  Owner area;
  area.kind = OwnerKind::kArea;
  Owner owned = area;
  owned.session = SessionId{7};
  Owner named = area;
  named.variable = "http/hits";
  EXPECT_CALL(daemon_, Resolve)
      .WillOnce(Return(area))
      .WillOnce(Return(owned))
      .WillOnce(Return(named));
  const std::string plain = cli_.Run({"resolve", "8"}).out;
  EXPECT_THAT(plain, Not(HasSubstr("session")));
  EXPECT_THAT(plain, Not(HasSubstr("variable")));
  EXPECT_THAT(cli_.Run({"resolve", "8"}).out, HasSubstr("session        : 7\n"));
  EXPECT_THAT(cli_.Run({"resolve", "8"}).out, HasSubstr("variable       : http/hits\n"));
}

}  // namespace
}  // namespace percpu::cli

// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

// sessions, session, variables, variable, and what resolve says of both.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "tests/unit/cli/cli_runner.h"

namespace percpu::cli {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::Property;
using ::testing::Return;

class SessionsTest : public ::testing::Test {
 protected:
  CliRunner cli_;
  mocks::MockConnection& daemon_ = *cli_.connection;
};

v1::ListSessionsResponse TwoSessions() {
  v1::ListSessionsResponse response;
  v1::Session& local = *response.add_sessions();
  local.set_session_id(1);
  local.set_kind(v1::SESSION_KIND_LOCAL_READ_ONLY);
  local.set_pid(77);
  local.set_uid(0);
  local.set_command("shard\x1b[2J");
  local.mutable_age()->set_seconds(3723);
  local.mutable_age()->set_nanos(500'000'000);
  local.set_held_bytes(4096);
  local.set_areas(3);
  local.set_leases(1);
  v1::Session& remote = *response.add_sessions();
  remote.set_session_id(2);
  remote.set_kind(v1::SESSION_KIND_REMOTE);
  remote.set_command("loader");
  return response;
}

TEST_F(SessionsTest, ATableOfSessionsLinesUp) {
  EXPECT_CALL(daemon_, ListSessions).WillOnce(Return(TwoSessions()));
  EXPECT_EQ(cli_.Run({"sessions"}).out,
            "ID  KIND    PID  UID  COMMAND       MODE          AGE  BYTES  AREAS  LEASES\n"
            " 1  local    77    0  shard\\x1b[2J  read-only  1h2m3s   4KiB      3       1\n"
            " 2  remote    -    -  loader        -              0s     0B      0       0\n");
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
  v1::ListSessionsResponse response;
  response.add_sessions()->set_kind(v1::SESSION_KIND_LOCAL_READ_WRITE);
  response.add_sessions()->set_kind(v1::SESSION_KIND_LOCAL_UNMAPPED);
  response.add_sessions()->set_kind(static_cast<v1::SessionKind>(99));
  EXPECT_CALL(daemon_, ListSessions).WillOnce(Return(response));
  const std::string out = cli_.Run({"sessions"}).out;
  EXPECT_THAT(out, HasSubstr("read-write"));
  EXPECT_THAT(out, HasSubstr("unmapped"));
  EXPECT_THAT(out, HasSubstr("unknown"));
}

TEST_F(SessionsTest, EndNamesTheSession) {
  EXPECT_CALL(daemon_, EndSession(Property(&v1::EndSessionRequest::session_id, 7)))
      .WillOnce(Return(v1::EndSessionResponse()))
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

v1::Variable Hits() {
  v1::Variable variable;
  variable.set_name("http/hits");
  variable.set_type(v1::VARIABLE_TYPE_COUNTER);
  variable.set_pointer(0x3000);
  variable.set_size_bytes(8);
  variable.set_uid(1000);
  return variable;
}

TEST_F(SessionsTest, ATableOfVariablesLinesUp) {
  v1::ListVariablesResponse response;
  *response.add_variables() = Hits();
  v1::Variable& other = *response.add_variables();
  other.set_name("table");
  other.set_type(v1::VARIABLE_TYPE_HISTOGRAM);
  other.set_pointer(0x40);
  other.set_size_bytes(4096);
  EXPECT_CALL(daemon_, ListVariables).WillOnce(Return(response));
  EXPECT_EQ(cli_.Run({"variables"}).out,
            "NAME       TYPE       POINTER  SIZE   UID\n"
            "http/hits  counter     0x3000    8B  1000\n"
            "table      histogram     0x40  4KiB     -\n");
}

TEST_F(SessionsTest, CreatePassesItsOptionsAndSaysWhetherItDid) {
  v1::OpenVariableRequest asked;
  v1::OpenVariableResponse response;
  *response.mutable_variable() = Hits();
  response.set_created(true);
  EXPECT_CALL(daemon_, OpenVariable)
      .WillOnce([&](const v1::OpenVariableRequest& request) {
        asked = request;
        return response;
      })
      .WillOnce([&](const v1::OpenVariableRequest& /*request*/) {
        response.set_created(false);
        return response;
      });
  const CliRunner::Result made = cli_.Run(
      {"variable", "create", "http/hits", "--type", "counter", "--size", "1K", "--align", "64"});
  EXPECT_THAT(made.out, HasSubstr("created : yes\n"));
  EXPECT_THAT(made.out, HasSubstr("0x3000"));
  EXPECT_EQ(asked.name(), "http/hits");
  EXPECT_EQ(asked.type(), v1::VARIABLE_TYPE_COUNTER);
  EXPECT_EQ(asked.size_bytes(), 1024);
  EXPECT_EQ(asked.alignment(), 64);
  EXPECT_TRUE(asked.create());
  // Options of the program may follow those of a verb.
  EXPECT_THAT(cli_.Run({"variable", "create", "http/hits", "--size", "8", "-o", "json"}).out,
              HasSubstr("\"created\": false"));
}

TEST_F(SessionsTest, EveryTypeIsPassedAsItself) {
  for (const auto& [name, type] : {std::pair("counter", v1::VARIABLE_TYPE_COUNTER),
                                   std::pair("gauge", v1::VARIABLE_TYPE_GAUGE),
                                   std::pair("histogram", v1::VARIABLE_TYPE_HISTOGRAM),
                                   std::pair("bytes", v1::VARIABLE_TYPE_BYTES)}) {
    v1::OpenVariableResponse response;
    response.mutable_variable()->set_type(type);
    EXPECT_CALL(daemon_, OpenVariable(Property(&v1::OpenVariableRequest::type, type)))
        .WillOnce(Return(response));
    EXPECT_THAT(cli_.Run({"variable", "create", "v", "--size", "8", "--type", name}).out,
                HasSubstr(std::string(": ") + name + "\n"));
  }
}

TEST_F(SessionsTest, RemoveNamesTheVariable) {
  EXPECT_CALL(daemon_, OpenVariable).Times(0);
  EXPECT_CALL(daemon_, RemoveVariable(Property(&v1::RemoveVariableRequest::name, "http/hits")))
      .WillOnce(Return(v1::RemoveVariableResponse()));
  EXPECT_EQ(cli_.Run({"variable", "rm", "http/hits"}).out, "removed : http/hits\n");
}

TEST_F(SessionsTest, ResolveNamesSessionAndVariableOnlyIfThereAre) {
  v1::ResolveResponse area;
  area.set_owner(v1::OWNER_AREA);
  v1::ResolveResponse owned = area;
  owned.set_session_id(7);
  v1::ResolveResponse named = area;
  named.set_variable("http/hits");
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

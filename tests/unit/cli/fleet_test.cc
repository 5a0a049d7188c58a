// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

// fleet hosts, sum, vars, place, drain and top: of an agent that is made up.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "absl/strings/str_split.h"
#include "percpu/internal/wire/reason.h"
#include "tests/unit/cli/cli_runner.h"

namespace percpu::cli {
namespace {

using ::testing::AllOf;
using ::testing::Field;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::Return;

constexpr int kRefused = 1;
constexpr int kProblem = 3;
constexpr int kUnreachable = 4;

FleetView ThreeHosts() {
  FleetView out{.fleet = "shop", .hosts = {}, .epoch = "e1", .stale_since = {}};
  for (const char* const name : {"web1", "web2", "web3"}) {
    FleetHost& host = out.hosts.emplace_back();
    host.name = name;
    host.state = HostState::kUp;
    host.serving = HostServing::kUp;
    host.weight = 1;
    host.layout = HostLayout{.cpus = 8, .backend = "km", .free_bytes = 32768};
  }
  out.hosts[1].serving = HostServing::kDown;
  out.hosts[2].drain = DrainMark{.by = "ann", .reason = "disk", .at = {}};
  return out;
}

class FleetTest : public ::testing::Test {
 protected:
  FleetTest() {
    ON_CALL(agent_, ListHosts).WillByDefault(Return(ThreeHosts()));
    // 10 a second on web1 and 2 on web3; web2 does not answer.
    ON_CALL(agent_, SumVariable).WillByDefault([this] { return Rows(); });
  }

  VariablesSum Rows() const {
    const std::int64_t seconds = absl::ToInt64Seconds(cli_.now - start_);
    const std::int64_t first = 100 + 10 * seconds;
    const std::int64_t third = 2 * seconds;
    VariablesSum out;
    out.variables.push_back({.name = "rows",
                             .type = VariableType::kCounter,
                             .size_bytes = 8,
                             .sums = {first + third},
                             .hosts = 2,
                             .differing_hosts = {},
                             .by_host = {{"web1", VariableType::kCounter, 8, {first}},
                                         {"web3", VariableType::kCounter, 8, {third}}}});
    out.round.hosts = {"web1", "web3"};
    out.round.missing = {{"web2", absl::DeadlineExceededError("no answer in time")}};
    out.round.epoch = "e1";
    return out;
  }

  CliRunner cli_;
  mocks::MockFleetConnection& agent_ = *cli_.fleet;
  const percpud::BootTime start_ = cli_.now;
};

TEST_F(FleetTest, TopShowsWhatIsWrongFirst) {
  const CliRunner::Result result = cli_.Run({"fleet", "top", "-n", "1", "--interval", "2s"});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(result.out,
            "elapsed_seconds 2.00  fleet shop  hosts_up 3  hosts_lost 0  mass_loss no\n"
            "stale_seconds -  epoch e1\n"
            "\n"
            "HOST  STATE  LOST FOR  PERCPUD  DRAINED  WEIGHT   FREE\n"
            "web2  up            -  down     no         1.00  32KiB\n"
            "web3  up            -  up       yes        1.00  32KiB\n"
            "web1  up            -  up       no         1.00  32KiB\n");
}

TEST_F(FleetTest, TopAddsUpByHostAndTellsRates) {
  const CliRunner::Result result =
      cli_.Run({"-o", "json", "fleet", "top", "--sum", "rows", "-n", "2", "--rows", "3"});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  const std::vector<std::string> lines = absl::StrSplit(result.out, '\n');
  ASSERT_EQ(lines.size(), 3U);
  const auto frame = nlohmann::json::parse(lines[1]);
  EXPECT_EQ(frame["elapsed_seconds"], 2.0);
  EXPECT_EQ(frame["sum_of"], "rows");
  EXPECT_EQ(frame["sum"], 124);
  EXPECT_EQ(frame["per_second"], 12.0);
  EXPECT_THAT(std::string(frame["problem"]), HasSubstr("web2 (no answer in time)"));
  const auto& hosts = frame["hosts"];
  EXPECT_EQ(hosts[0]["name"], "web2");
  EXPECT_EQ(hosts[0]["sum"], nullptr);
  EXPECT_EQ(hosts[0]["per_second"], nullptr);
  EXPECT_EQ(hosts[2]["name"], "web1");
  EXPECT_EQ(hosts[2]["sum"], 120);
  EXPECT_EQ(hosts[2]["per_second"], 10.0);
}

TEST_F(FleetTest, TopGoesOnWithoutASumAndWithoutTheAgent) {
  EXPECT_CALL(agent_, SumVariable).WillRepeatedly(Return(absl::PermissionDeniedError("hidden")));
  EXPECT_CALL(agent_, SumFamily).WillRepeatedly(Return(absl::NotFoundError("no such family")));
  EXPECT_CALL(agent_, ListHosts)
      .WillOnce(Return(ThreeHosts()))
      .WillOnce(Return(absl::UnavailableError("away")))
      .WillOnce(Return(absl::UnavailableError("away")))
      .WillRepeatedly(Return(ThreeHosts()));
  const CliRunner::Result result =
      cli_.Run({"-o", "json", "fleet", "top", "--sum", "rows", "-n", "1"});
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_EQ(result.err, "percpuctl: percpud-fleet is gone; waiting for it to come back\n");
  EXPECT_EQ(nlohmann::json::parse(result.out)["sum"], nullptr);
  EXPECT_EQ(nlohmann::json::parse(result.out)["problem"], "hidden");
}

TEST_F(FleetTest, AnAgentThatIsAwayIsUnreachable) {
  EXPECT_CALL(agent_, ListHosts).WillOnce(Return(absl::UnavailableError("it does not answer")));
  const CliRunner::Result away = cli_.Run({"fleet", "hosts"});
  EXPECT_EQ(away.exit_code, kUnreachable);
  EXPECT_EQ(away.err, "percpuctl: it does not answer (--agent names another)\n");
  EXPECT_CALL(agent_, SumFamily)
      .WillOnce(Return(WithReason(absl::UnavailableError("hosts: web2"), kHostsMissing)));
  const CliRunner::Result missing = cli_.Run({"fleet", "sum", "sold"});
  EXPECT_EQ(missing.exit_code, kUnreachable);
  EXPECT_EQ(missing.err, "percpuctl: hosts: web2\n");
  EXPECT_CALL(agent_, Place).WillOnce(Return(absl::InvalidArgumentError("key is empty")));
  EXPECT_EQ(cli_.Run({"fleet", "place", "k"}).exit_code, kRefused);
}

TEST_F(FleetTest, VariablesByHostHaveTheirOwnTypes) {
  VariablesSum sums = Rows();
  sums.variables[0].differing_hosts = {"web2"};
  sums.variables[0].by_host.push_back({"web2", VariableType::kGauge, 8, {-1}});
  EXPECT_CALL(agent_, SumVariables("ro", AllOf(Field(&SumOptions::by_host, true),
                                               Field(&SumOptions::policy, SumPolicy::kAvailable))))
      .WillOnce(Return(sums));
  const CliRunner::Result result = cli_.Run({"fleet", "vars", "ro", "--by-host", "--available"});
  EXPECT_EQ(result.exit_code, kProblem);
  EXPECT_THAT(result.out, HasSubstr("rows  web2  gauge       -1"));
  EXPECT_THAT(result.out, HasSubstr("rows  all   counter    100      2  web2"));
}

TEST_F(FleetTest, ASumOfOneSeriesIsANumber) {
  FamilySum sum;
  sum.shape.name = "sold";
  sum.shape.type = FamilyType::kCounter;
  sum.shape.cells = CellKind::kInteger;
  sum.series.push_back({.label_values = {}, .cells = {{.count = 7}}, .by_host = {}});
  sum.round.hosts = {"web1"};
  EXPECT_CALL(agent_, SumFamily("sold", Field(&SumOptions::name_space, "shop")))
      .WillRepeatedly(Return(sum));
  EXPECT_EQ(cli_.Run({"--namespace", "shop", "fleet", "sum", "sold"}).out, "7\n");
  sum.shape.cells = CellKind::kWriter;
  sum.series[0].cells = {{.count = 0, .sum = 2.5}};
  EXPECT_CALL(agent_, SumFamily).WillOnce(Return(sum));
  EXPECT_EQ(cli_.Run({"fleet", "sum", "sold"}).out, "2.5\n");
}

TEST_F(FleetTest, WhatIsNoNameIsRefusedBeforeTheAgentIsAsked) {
  EXPECT_CALL(agent_, SumFamily).Times(0);
  for (const std::vector<std::string>& words : {std::vector<std::string>{"fleet", "sum", "\xff"},
                                                {"fleet", "sum", ""},
                                                {"fleet", "top", "--sum", "a\nb"}}) {
    const CliRunner::Result result = cli_.Run(words);
    EXPECT_EQ(result.exit_code, 2);
    EXPECT_THAT(result.err, HasSubstr("is not a name"));
  }
}

TEST_F(FleetTest, ADrainSaysWhoAndWhy) {
  EXPECT_CALL(agent_, Drain("web2", Not(""), "disk")).WillOnce(Return(absl::OkStatus()));
  EXPECT_EQ(cli_.Run({"fleet", "drain", "web2", "--reason", "disk"}).exit_code, 0);
}

}  // namespace
}  // namespace percpu::cli

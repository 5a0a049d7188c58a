// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "tests/unit/cli/cli_runner.h"

#include <gmock/gmock.h>

#include <memory>
#include <sstream>
#include <string>
#include <vector>

namespace percpu::cli {

CliRunner::CliRunner()
    : connection(std::make_shared<::testing::NiceMock<mocks::MockConnection>>()),
      metrics(std::make_shared<::testing::NiceMock<mocks::MockMetricsConnection>>()),
      fleet(std::make_shared<::testing::NiceMock<mocks::MockFleetConnection>>()) {
  ON_CALL(*metrics, ListFamilies).WillByDefault(::testing::Return(std::vector<FamilyInfo>()));
}

CliRunner::Result CliRunner::Run(const std::vector<std::string>& arguments) {
  std::ostringstream out;
  std::ostringstream err;
  const Environment environment{
      .out = out,
      .err = err,
      .style = style,
      .progress = progress,
      .connect = [this](const std::string& address,
                        const CallOptions& options) -> absl::StatusOr<Client> {
        used_address = address;
        used_options = options;
        return Client(connection);
      },
      .connect_metrics = [this](const std::string& /*address*/,
                                const CallOptions& /*options*/) { return metrics; },
      .connect_fleet = [this](const std::string& /*agent*/,
                              const CallOptions& /*options*/) { return fleet; },
      .clock = {.now = [this] { return now; },
                .wait_for_quit =
                    [this](absl::Duration duration) {
                      now += duration;
                      return waits_before_quit != 0 && --waits_before_quit == 0;
                    }}};
  std::vector<const char*> argv = {"percpuctl"};
  for (const std::string& argument : arguments) argv.push_back(argument.c_str());
  const int exit_code = RunApp(static_cast<int>(argv.size()), argv.data(), environment);
  return {.exit_code = exit_code, .out = out.str(), .err = err.str()};
}

}  // namespace percpu::cli

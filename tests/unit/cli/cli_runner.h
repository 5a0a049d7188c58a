// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_TESTS_UNIT_CLI_CLI_RUNNER_H_
#define PERCPUD_TESTS_UNIT_CLI_CLI_RUNNER_H_

#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "client/cli/app.h"
#include "client/sdk/percpu/mocks/mock_connection.h"

namespace percpu::cli {

// Runs percpuctl in this process, with a mock where the daemon would be.
class CliRunner {
 public:
  struct Result {
    int exit_code = 0;
    std::string out;
    std::string err;
  };

  Result Run(std::vector<std::string> arguments) {
    std::ostringstream out;
    std::ostringstream err;
    const Environment environment{
        .out = out,
        .err = err,
        .style = style,
        .progress = progress,
        .connect = [this](const std::string& address,
                          const Options& options) -> absl::StatusOr<Client> {
          used_address = address;
          used_options = options;
          return Client(connection);
        },
        .clock = {.now = [this] { return now; },
                  .sleep = [this](absl::Duration duration) { now += duration; }}};
    std::vector<const char*> argv = {"percpuctl"};
    for (const std::string& argument : arguments) argv.push_back(argument.c_str());
    const int exit_code = RunApp(static_cast<int>(argv.size()), argv.data(), environment);
    return {.exit_code = exit_code, .out = out.str(), .err = err.str()};
  }

  std::shared_ptr<mocks::MockConnection> connection =
      std::make_shared<::testing::NiceMock<mocks::MockConnection>>();
  bool progress = false;
  Style style;
  // Passes by sleeping.
  absl::Time now = absl::FromUnixSeconds(1'700'000'000);
  std::string used_address;
  Options used_options;
};

}  // namespace percpu::cli

#endif  // PERCPUD_TESTS_UNIT_CLI_CLI_RUNNER_H_

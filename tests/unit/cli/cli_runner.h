// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_TESTS_UNIT_CLI_CLI_RUNNER_H_
#define PERCPUD_TESTS_UNIT_CLI_CLI_RUNNER_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "client/cli/app.h"
#include "percpu/mocks/mock_connection.h"
#include "percpu/mocks/mock_fleet_connection.h"
#include "percpu/mocks/mock_metrics_connection.h"
#include "server/base/clock.h"

namespace percpu::cli {

// Runs percpuctl in this process, with a mock where the daemon would be.
class CliRunner {
 public:
  struct Result {
    int exit_code = 0;
    std::string out;
    std::string err;
  };

  CliRunner();
  Result Run(const std::vector<std::string>& arguments);

  std::shared_ptr<mocks::MockConnection> connection;
  // It has no families, unless a test says otherwise.
  std::shared_ptr<mocks::MockMetricsConnection> metrics;
  std::shared_ptr<mocks::MockFleetConnection> fleet;
  bool progress = false;
  Style style;
  // The user quits at this wait; 0: never.
  int waits_before_quit = 0;
  // Passes by waiting.
  percpud::BootTime now{absl::Hours(100)};
  std::string used_address;
  CallOptions used_options;
};

}  // namespace percpu::cli

#endif  // PERCPUD_TESTS_UNIT_CLI_CLI_RUNNER_H_

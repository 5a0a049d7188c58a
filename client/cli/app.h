// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_CLIENT_CLI_APP_H_
#define PERCPUD_CLIENT_CLI_APP_H_

#include <functional>
#include <memory>
#include <ostream>
#include <string>

#include "absl/status/statusor.h"
#include "client/cli/command.h"
#include "client/cli/render.h"
#include "percpu/client.h"
#include "percpu/fleet_connection.h"
#include "percpu/metrics_connection.h"

namespace percpu::cli {

// What percpuctl meets outside itself.
struct Environment {
  std::ostream& out;
  std::ostream& err;
  // How `out` is shown.
  Style style;
  // Whether somebody watches `err`.
  bool progress = false;
  std::function<absl::StatusOr<Client>(const std::string& address, const CallOptions& options)>
      connect;
  std::function<std::shared_ptr<MetricsConnection>(const std::string& address,
                                                   const CallOptions& options)>
      connect_metrics;
  std::function<std::shared_ptr<FleetConnection>(const std::string& agent,
                                                 const CallOptions& options)>
      connect_fleet;
  Clock clock = {};
};

// Runs percpuctl. Returns the exit code: 0; 1 if the daemon refused; 2 if the command
// line makes no sense; 3 if check found a problem; 4 if the daemon cannot be reached;
// 128 and the signal's number if a signal ended it. Errors are one line on `err`.
int RunApp(int argc, const char* const* argv, const Environment& environment);

}  // namespace percpu::cli

#endif  // PERCPUD_CLIENT_CLI_APP_H_

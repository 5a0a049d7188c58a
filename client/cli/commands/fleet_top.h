// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_CLIENT_CLI_COMMANDS_FLEET_TOP_H_
#define PERCPUD_CLIENT_CLI_COMMANDS_FLEET_TOP_H_

#include <memory>
#include <string>

#include "client/cli/command.h"

namespace percpu::cli {

// Declares top below the noun fleet: the hosts, and what they count, live. `agent` is where
// percpud-fleet is.
Command AddFleetTop(CLI::App& noun, const std::shared_ptr<std::string>& agent);

}  // namespace percpu::cli

#endif  // PERCPUD_CLIENT_CLI_COMMANDS_FLEET_TOP_H_

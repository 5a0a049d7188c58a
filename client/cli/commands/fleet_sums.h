// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_CLIENT_CLI_COMMANDS_FLEET_SUMS_H_
#define PERCPUD_CLIENT_CLI_COMMANDS_FLEET_SUMS_H_

#include <memory>
#include <string>

#include "client/cli/command.h"

namespace percpu::cli {

// Declares sum and vars below the noun fleet: what all hosts have, added up. `agent` is where
// percpud-fleet is.
Commands AddFleetSums(CLI::App& noun, const std::shared_ptr<std::string>& agent);

}  // namespace percpu::cli

#endif  // PERCPUD_CLIENT_CLI_COMMANDS_FLEET_SUMS_H_

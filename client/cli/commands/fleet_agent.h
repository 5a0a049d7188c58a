// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_CLIENT_CLI_COMMANDS_FLEET_AGENT_H_
#define PERCPUD_CLIENT_CLI_COMMANDS_FLEET_AGENT_H_

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "client/cli/report.h"
#include "percpu/fleet_connection.h"

// What the commands that ask percpud-fleet share.
namespace percpu::cli {

// A status of the agent's in this program's words: an agent, or a host, that cannot be reached is
// one of Unreachable's (reach.h).
absl::Status Reached(const absl::Status& status);
template <typename T>
absl::StatusOr<T> Reached(absl::StatusOr<T> answer) {
  if (answer.ok()) return answer;
  return Reached(answer.status());
}

// "up", "lost".
std::string HostStateName(HostState state);
// What a host says of its percpud: "up", "down", "left".
Value HostServingName(HostServing serving);
// How long ago that was.
Value AgeOf(const std::optional<absl::Time>& since);
Value OrAbsent(const std::string& text);

// How a table of hosts begins, and a host's row in it; what follows is the table's own.
std::vector<Table::Column> HostColumns();
std::vector<Value> HostRow(const FleetHost& host);

// What a sum is of: hosts, missing ones, epoch.
std::vector<Fields::Field> RoundFields(const SumRound& round);
// The hosts that are missing, and why; empty if the sum is of all hosts.
std::string ProblemOf(const SumRound& round);

}  // namespace percpu::cli

#endif  // PERCPUD_CLIENT_CLI_COMMANDS_FLEET_AGENT_H_

// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_CLIENT_CLI_COMMANDS_TARGET_H_
#define PERCPUD_CLIENT_CLI_COMMANDS_TARGET_H_

#include <CLI/CLI.hpp>
#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "client/cli/report.h"
#include "percpu/client.h"

namespace percpu::cli {

// What a command works on: a variable, or whatever lies at a pointer.
struct Target {
  Pointer pointer = kNull;
  // Empty unless a name led here.
  std::string name = {};
  VariableType type = VariableType::kBytes;
  // A variable's bytes in one unit; 0 for a pointer.
  std::uint64_t size = 0;

  [[nodiscard]] bool IsInteger() const {
    return type == VariableType::kCounter || type == VariableType::kGauge;
  }
};

// Adds the argument PTR|NAME.
void AddTargetArgument(CLI::App& parser, std::string& text, const char* help);
// Finds what the argument names. What reads as a number is a pointer.
absl::StatusOr<Target> FindTarget(Client& client, const std::string& text);

// Lets names alone pass: what else a person types is a mistake.
CLI::Validator IsName();

// Adds the argument NAME, of a variable.
void AddNameArgument(CLI::App& parser, std::string& name);
// Finds a variable by name, those of the daemon's configuration included.
// NOT_FOUND if there is no such variable.
absl::StatusOr<Target> FindVariable(Client& client, const std::string& name);

// The sum of a counter or gauge over all CPUs; Absent for other types. A counter
// has no sign.
absl::StatusOr<Value> ReadValue(Client& client, const Target& target);

// The width that --width asks for, or that of the target if it is 0.
Width WidthFor(const Target& target, std::uint32_t bits);

}  // namespace percpu::cli

#endif  // PERCPUD_CLIENT_CLI_COMMANDS_TARGET_H_

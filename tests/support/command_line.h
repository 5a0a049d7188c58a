// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_TESTS_SUPPORT_COMMAND_LINE_H_
#define PERCPUD_TESTS_SUPPORT_COMMAND_LINE_H_

#include <CLI/CLI.hpp>
#include <memory>
#include <optional>
#include <string>

// Out of line, because a file that makes a CLI::App compiles all of CLI11.
namespace percpud::testing {

std::unique_ptr<CLI::App> MakeApp(const std::string& what);

// The exit code, if the program is to end: after --help or a wrong argument.
std::optional<int> Parse(CLI::App& app, int argc, const char* const* argv);

// What main is to return: `program`'s exit code, or failure if it threw, which is said.
int RunProgram(int (*program)(int, char**), int argc, char** argv);

}  // namespace percpud::testing

#endif  // PERCPUD_TESTS_SUPPORT_COMMAND_LINE_H_

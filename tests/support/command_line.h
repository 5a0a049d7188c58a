// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_TESTS_SUPPORT_COMMAND_LINE_H_
#define PERCPUD_TESTS_SUPPORT_COMMAND_LINE_H_

#include <CLI/CLI.hpp>
#include <cstdlib>
#include <iostream>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/statusor.h"

// Out of line, because a file that makes a CLI::App compiles all of CLI11.
namespace percpud::testing {

std::unique_ptr<CLI::App> MakeApp(const std::string& what);

// The exit code, if the program is to end: after --help or a wrong argument.
std::optional<int> Parse(CLI::App& app, int argc, const char* const* argv);

// What a benchmark that takes medians is asked.
struct RoundFlags {
  int rounds = 9;
  double seconds = 0.2;
  bool smoke = false;
  std::string output = "table";
};
void AddRoundFlags(CLI::App& app, RoundFlags& flags);
// Parse, for an app with round flags: --smoke makes it one short round.
std::optional<int> ParseRounds(CLI::App& app, int argc, const char* const* argv, RoundFlags& flags);

// The end of a benchmark's main: prints the results as flags.output says, or why there
// are none. Returns what main is to return.
template <typename Results, typename PrintJson, typename PrintTable>
int PrintResults(const std::string& program, const RoundFlags& flags,
                 const absl::StatusOr<Results>& results, PrintJson json, PrintTable table) {
  if (!results.ok()) {
    std::cerr << program << ": " << results.status().ToString() << '\n';
    return EXIT_FAILURE;
  }
  if (flags.output == "json") {
    json(*results);
  } else {
    table(*results);
  }
  return EXIT_SUCCESS;
}

// What main is to return: `program`'s exit code, or failure if it threw, which is said.
int RunProgram(int (*program)(int, char**), int argc, char** argv);

}  // namespace percpud::testing

#endif  // PERCPUD_TESTS_SUPPORT_COMMAND_LINE_H_

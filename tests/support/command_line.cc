// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "tests/support/command_line.h"

#include <cstdlib>
#include <exception>
#include <iostream>
#include <memory>
#include <optional>
#include <string>

namespace percpud::testing {

std::unique_ptr<CLI::App> MakeApp(const std::string& what) {
  return std::make_unique<CLI::App>(what);
}

std::optional<int> Parse(CLI::App& app, int argc, const char* const* argv) {
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error);
  }
  return std::nullopt;
}

void AddRoundFlags(CLI::App& app, RoundFlags& flags) {
  app.add_option("--rounds", flags.rounds, "Rounds to take the median of")
      ->check(CLI::Range(1, 1000));
  app.add_option("--seconds", flags.seconds, "Length of one load in one round")
      ->check(CLI::Range(0.001, 60.0));
  app.add_flag("--smoke", flags.smoke, "One short round: that it runs, not how fast");
  app.add_option("-o,--output", flags.output)->check(CLI::IsMember({"table", "json"}));
}

std::optional<int> ParseRounds(CLI::App& app, int argc, const char* const* argv,
                               RoundFlags& flags) {
  if (const auto ended = Parse(app, argc, argv)) return ended;
  if (flags.smoke) {
    flags.rounds = 1;
    flags.seconds = 0.01;
  }
  return std::nullopt;
}

int RunProgram(int (*program)(int, char**), int argc, char** argv) {
  try {
    return program(argc, argv);
  } catch (const std::exception& error) {
    std::cerr << error.what() << '\n';
    return EXIT_FAILURE;
  }
}

}  // namespace percpud::testing

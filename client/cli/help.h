// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_CLIENT_CLI_HELP_H_
#define PERCPUD_CLIENT_CLI_HELP_H_

#include <CLI/CLI.hpp>
#include <string>

namespace percpu::cli {

// Makes `root`, and every command added to it afterwards, speak as percpuctl
// does: its own words for --help, and the options that all commands share in the
// help of each.
void UseOwnHelp(CLI::App& root);

// What is wrong with the command line, in one line that names the help to read.
std::string Explain(const CLI::App& root, const CLI::ParseError& error);

}  // namespace percpu::cli

#endif  // PERCPUD_CLIENT_CLI_HELP_H_

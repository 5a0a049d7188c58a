// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_SERVER_MAIN_FLAGS_H_
#define PERCPUD_SERVER_MAIN_FLAGS_H_

#include <optional>

#include "absl/status/statusor.h"
#include "server/main/config.h"

namespace percpud {

struct CommandLine {
  // The exit code, if the process has nothing more to do (--help, --version, bad usage).
  std::optional<int> exit_code;
  // --check-config: say whether the configuration is good, and end.
  bool check_only = false;
  bool discard = false;
  // Empty if there is none.
  std::string config_file;
  config::v1::Config config;
};

// Reads the flags over the configuration file they may name. Prints help and
// usage errors itself. Errors: the file's.
absl::StatusOr<CommandLine> ParseCommandLine(int argc, const char* const* argv);

}  // namespace percpud

#endif  // PERCPUD_SERVER_MAIN_FLAGS_H_

// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include <unistd.h>

#include <cstdlib>
#include <iostream>

#include "client/cli/app.h"
#include "client/cli/terminal.h"

namespace {

// https://no-color.org: set and not empty.
bool NoColour() {
  const char* value = std::getenv("NO_COLOR");
  return value != nullptr && *value != '\0';
}

}  // namespace

int main(int argc, char** argv) {
  // What gRPC would log is said in this program's own words.
  setenv("GRPC_VERBOSITY", "NONE", 0);
  const bool terminal = isatty(STDOUT_FILENO) == 1;
  const percpu::cli::TerminalSize size = percpu::cli::SizeOfTerminal(STDOUT_FILENO);
  return percpu::cli::RunApp(argc, argv,
                             {.out = std::cout,
                              .err = std::cerr,
                              .style = {.unicode = terminal,
                                        .colour = terminal && !NoColour(),
                                        .refresh = terminal,
                                        .columns = size.columns,
                                        .rows = size.rows},
                              .progress = isatty(STDERR_FILENO) == 1,
                              .connect = percpu::Client::Connect,
                              .connect_metrics = percpu::MakeGrpcMetricsConnection,
                              .connect_fleet = percpu::MakeGrpcFleetConnection,
                              .clock = {.wait_for_quit = [](absl::Duration duration) {
                                return percpu::cli::Keyboard(STDIN_FILENO).WaitForQuit(duration);
                              }}});
}

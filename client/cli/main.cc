// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include <unistd.h>

#include <cstdlib>
#include <iostream>

#include "client/cli/app.h"

namespace {

// https://no-color.org: set and not empty.
bool NoColour() {
  const char* value = std::getenv("NO_COLOR");
  return value != nullptr && *value != '\0';
}

}  // namespace

int main(int argc, char** argv) {
  const bool terminal = isatty(STDOUT_FILENO) == 1;
  return percpu::cli::RunApp(
      argc, argv,
      {.out = std::cout,
       .err = std::cerr,
       .style = {.unicode = terminal, .colour = terminal && !NoColour(), .refresh = terminal},
       .progress = isatty(STDERR_FILENO) == 1,
       .connect = percpu::Client::Connect});
}

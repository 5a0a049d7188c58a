// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_CLIENT_CLI_ALIASES_H_
#define PERCPUD_CLIENT_CLI_ALIASES_H_

#include <string>
#include <vector>

namespace percpu::cli {

// Rewrites the older names of commands, such as `sessions`, as what they are
// called now, `session list`. All other words stay. `words` is the command line
// without the program's name.
std::vector<std::string> ResolveAliases(std::vector<std::string> words);

}  // namespace percpu::cli

#endif  // PERCPUD_CLIENT_CLI_ALIASES_H_

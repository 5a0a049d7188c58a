// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// Whether the host is what a configuration takes it for: what is refused, and what is
// worth a warning at the start.

#ifndef PERCPUD_SERVER_MAIN_SYSTEM_CHECK_H_
#define PERCPUD_SERVER_MAIN_SYSTEM_CHECK_H_

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "server/base/memory_limit.h"
#include "server/base/units.h"
#include "server/main/config.h"

namespace percpud {

// Errors: NoProc if /proc is not there, which a side door needs; TooFewTasks if the system
// does not let this process have `threads` threads more. Makes them, and ends them again.
absl::Status CheckSystem(const DaemonConfig& config, std::size_t threads);

// What a warning is about.
struct HostFacts {
  // Main memory.
  Bytes memory;
  std::optional<MemoryLimit> limit;
  // The type of the file system of a file arena, if it is not one in memory.
  std::optional<std::string> disk;
};
HostFacts LookAtHost(const DaemonConfig& config);

// A line for each thing that works and will not work well. Pure.
std::vector<std::string> WarningsOf(const DaemonConfig& config, const HostFacts& host);

}  // namespace percpud

#endif  // PERCPUD_SERVER_MAIN_SYSTEM_CHECK_H_

// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// What SIGHUP changes: quotas, access, log_level and resume_window. The rule is
// all or nothing: a file that is not valid, or differs in any other field,
// changes nothing, and the log names every such field.

#ifndef PERCPUD_SERVER_MAIN_RELOAD_H_
#define PERCPUD_SERVER_MAIN_RELOAD_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "percpud/config/v1/config.pb.h"
#include "server/main/daemon.h"

namespace percpud {

// Returns the fields in which the two differ, by their text: "64KiB" is not
// "65536". A part is named by its fields: "limits.batch".
struct ConfigDifference {
  std::vector<std::string> reloadable;
  // Laid out, bound or opened at the start.
  std::vector<std::string> fixed;
};
ConfigDifference Compare(const config::v1::Config& running, const config::v1::Config& wanted);

// Applies what the same command line says now to `daemon`, which runs with `running`,
// and logs the result. Returns one line that sums it up. Takes the
// configuration over into `running` if it was applied.
std::string Reload(int argc, const char* const* argv, config::v1::Config& running, Daemon& daemon);

}  // namespace percpud

#endif  // PERCPUD_SERVER_MAIN_RELOAD_H_

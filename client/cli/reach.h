// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_CLIENT_CLI_REACH_H_
#define PERCPUD_CLIENT_CLI_REACH_H_

#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace percpu::cli {

// Refuses, with INVALID_ARGUMENT, an address whose path no Unix socket can have.
absl::Status CheckAddress(const std::string& address);

// Returns the path of the daemon's socket; none if the address is of another host.
std::optional<std::string> SocketPath(absl::string_view address);

// Says why no daemon answers at `address`, and what the user can do about it. To
// find out, it looks at the socket and connects to it once. Never blocks.
std::string WhyUnreachable(const std::string& address);

// UNAVAILABLE with a message that says which program cannot be reached and why, where
// WhyUnreachable would speak of another one.
absl::Status Unreachable(absl::string_view message);
// Whether the status is such a one.
bool SaysWhy(const absl::Status& status);

}  // namespace percpu::cli

#endif  // PERCPUD_CLIENT_CLI_REACH_H_

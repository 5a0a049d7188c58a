// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_SERVER_FLEET_INCARNATION_H_
#define PERCPUD_SERVER_FLEET_INCARNATION_H_

#include <string>

#include "absl/status/statusor.h"

namespace percpud::fleet {

// Returns the incarnation of this host and boot, which is kept at `path`: an agent that is
// started again finds the one it had. A file of another boot, as a host has that was copied
// or started again, gives a new one. Errors: what the system said.
absl::StatusOr<std::string> KeepIncarnation(const std::string& path, const std::string& boot_id);

}  // namespace percpud::fleet

#endif  // PERCPUD_SERVER_FLEET_INCARNATION_H_

// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_CLIENT_SDK_PERCPU_INTERNAL_FLEET_STORED_VIEW_H_
#define PERCPUD_CLIENT_SDK_PERCPU_INTERNAL_FLEET_STORED_VIEW_H_

#include <string>

#include "absl/status/statusor.h"
#include "percpu/fleet_connection.h"

namespace percpu::fleet {

// The packaged agent's file.
inline constexpr char kDefaultViewFile[] = "/var/lib/percpud-fleet/view.json";

// Reads the view that an agent has written down. It is stale since it was written, if it was not
// stale before. Errors: what the system said; DATA_LOSS for a file that is no view, or is too long.
absl::StatusOr<FleetView> ReadStoredView(const std::string& path);

}  // namespace percpu::fleet

#endif  // PERCPUD_CLIENT_SDK_PERCPU_INTERNAL_FLEET_STORED_VIEW_H_

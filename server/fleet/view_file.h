// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_SERVER_FLEET_VIEW_FILE_H_
#define PERCPUD_SERVER_FLEET_VIEW_FILE_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "percpud/fleet/v1/fleet.pb.h"

namespace percpud::fleet {

// Reads the view of `fleet` that an agent has stored. Errors: NOT_FOUND if there is no file;
// INVALID_ARGUMENT if it cannot be read as a view, or is of another fleet: it is kept aside
// then, as PATH.bad; otherwise what the system said.
absl::StatusOr<v1::View> LoadView(const std::string& path, const std::string& fleet);

// Errors: what the system said; then the former view stays.
absl::Status StoreView(const std::string& path, const v1::View& view);

}  // namespace percpud::fleet

#endif  // PERCPUD_SERVER_FLEET_VIEW_FILE_H_

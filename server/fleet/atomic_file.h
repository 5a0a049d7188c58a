// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_SERVER_FLEET_ATOMIC_FILE_H_
#define PERCPUD_SERVER_FLEET_ATOMIC_FILE_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace percpud::fleet {

// Puts `content` at `path`, so that a reader finds the old content or the new, whole, also
// after a crash. One writer per path. Errors: what the system said, with the path; then the
// old content stays.
absl::Status WriteAtomically(const std::string& path, absl::string_view content, unsigned mode);

// Errors: NOT_FOUND if there is no such file, otherwise what the system said. Files of more
// than 64 MiB are refused.
absl::StatusOr<std::string> ReadWhole(const std::string& path);

}  // namespace percpud::fleet

#endif  // PERCPUD_SERVER_FLEET_ATOMIC_FILE_H_

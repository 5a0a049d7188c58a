// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// What no daemon can go on with is kept aside, once: PATH.old-1 for a file arena,
// CATALOG.old-1/data.mdb for its catalog, another name in the service manager's
// store for a memfd. Only these files are touched; whatever else lies in the
// catalog's directory is somebody else's.

#ifndef PERCPUD_SERVER_MAIN_KEEP_ASIDE_H_
#define PERCPUD_SERVER_MAIN_KEEP_ASIDE_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/main/left_behind.h"

namespace percpud {

// Gives the file arena and the catalog of `places` their second names, so that the
// first ones can be given to new files. What had those names before goes, at the
// moment when it is replaced and not before. A file that is not there, or has the
// second name already, is left alone. Returns what to add to the verdict:
// "; kept aside as ...". Errors: OsRefused; all is still at its place then.
absl::StatusOr<std::string> KeepFilesAside(const ArenaPlaces& places);

// Has the service manager keep the stored arena under the name for old ones. As
// above, the arena is under one name or the other at each moment.
std::string KeepStoredAside(const LeftBehind& left);

// Whether something is kept aside for these places.
bool HasAside(const ArenaPlaces& places);

}  // namespace percpud

#endif  // PERCPUD_SERVER_MAIN_KEEP_ASIDE_H_

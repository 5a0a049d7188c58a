// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_SERVER_MAIN_START_LOCKS_H_
#define PERCPUD_SERVER_MAIN_START_LOCKS_H_

#include <memory>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "server/base/path_lock.h"

namespace percpud {

// What a daemon holds of its arena and catalog from before it looks at them until
// it ends: no other daemon reads, judges or moves them meanwhile.
//
// Each is held by a lock file: CATALOG/lock, and PATH.lock beside a file arena. The arena
// itself carries no lock that counts: clients have it open, even those that may only
// read it, and every process that has a file open may lock it and outlive the daemon. Not
// thread safe.
class StartLocks {
 public:
  // Makes the catalog's directory if there is none. Errors: CatalogInUse,
  // ArenaInUse, OsRefused. `arena_file` is empty for a memfd.
  static absl::StatusOr<std::unique_ptr<StartLocks>> Take(const std::string& arena_file,
                                                          const std::string& catalog);
  StartLocks(const StartLocks&) = delete;
  StartLocks& operator=(const StartLocks&) = delete;
  // Lets go. Removes the directory if Take made it and nothing is in it.
  ~StartLocks();

 private:
  StartLocks() = default;

  // Removed when the locks go, if this is set: a directory that Take made.
  std::string made_directory_;
  std::optional<PathLock> catalog_;
  std::optional<PathLock> arena_;
};

}  // namespace percpud

#endif  // PERCPUD_SERVER_MAIN_START_LOCKS_H_

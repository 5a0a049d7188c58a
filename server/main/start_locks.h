// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_SERVER_MAIN_START_LOCKS_H_
#define PERCPUD_SERVER_MAIN_START_LOCKS_H_

#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/base/path_lock.h"
#include "server/base/unique_fd.h"

namespace percpud {

// What a daemon holds of its arena and catalog from before it looks at them until
// it ends: no other daemon reads, judges or moves them meanwhile.
//
// The catalog is held by a lock file in its directory, a file arena by a lock on
// the file itself. A lock belongs to an open file description, which is passed on
// with a descriptor; so the arena's lock has a description of its own, and the one
// that clients get carries none. Not thread safe.
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

  // A lock on the file arena at `path`: held as long as the descriptor is open.
  // Errors: ArenaInUse, OsRefused.
  static absl::StatusOr<UniqueFd> LockArena(const std::string& path);
  // Holds `arena`, a lock of LockArena, from now on in place of the one it has.
  void HoldInstead(UniqueFd arena) { arena_ = std::move(arena); }

 private:
  StartLocks() = default;

  // Removed when the locks go, if this is set: a directory that Take made.
  std::string made_directory_;
  std::optional<PathLock> catalog_;
  UniqueFd arena_;
};

}  // namespace percpud

#endif  // PERCPUD_SERVER_MAIN_START_LOCKS_H_

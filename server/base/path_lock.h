// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_SERVER_BASE_PATH_LOCK_H_
#define PERCPUD_SERVER_BASE_PATH_LOCK_H_

#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "server/base/unique_fd.h"

namespace percpud {

// Whether `path` names the very file that `fd` has open. Follows no symbolic link.
bool NamesFile(const std::string& path, int fd);

// An exclusive hold on something that a path stands for, through a lock file
// (flock). The holder removes the file when it lets go; a holder that is killed
// leaves the file behind unlocked, which hinders nobody.
//
// A file may be removed between a taker's open and its flock. So a taker that has
// the lock looks whether the path still names the file it locked, and starts again
// if it does not. Two takers never hold two files of one name.
//
// Not thread safe.
class PathLock {
 public:
  // Makes the file if there is none. Returns `if_held` when another process, or
  // another PathLock, holds it. Errors besides: OsRefused.
  static absl::StatusOr<PathLock> Take(const std::string& path, const absl::Status& if_held);
  PathLock(PathLock&& other) noexcept = default;
  PathLock& operator=(PathLock&& other) = delete;
  ~PathLock();

 private:
  PathLock(std::string path, UniqueFd fd) : path_(std::move(path)), fd_(std::move(fd)) {}

  std::string path_;
  UniqueFd fd_;
};

}  // namespace percpud

#endif  // PERCPUD_SERVER_BASE_PATH_LOCK_H_

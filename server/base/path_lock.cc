// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/base/path_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cassert>
#include <cerrno>

#include "server/base/errors.h"

namespace percpud {
namespace {

// A path that changes under each try is being changed by another program on purpose.
constexpr int kMaxTries = 64;

}  // namespace

bool NamesFile(const std::string& path, int fd) {
  struct stat named {};
  struct stat opened {};
  return lstat(path.c_str(), &named) == 0 && fstat(fd, &opened) == 0 &&
         named.st_dev == opened.st_dev && named.st_ino == opened.st_ino;
}

absl::StatusOr<PathLock> PathLock::Take(const std::string& path, const absl::Status& if_held) {
  assert(!if_held.ok());
  for (int i = 0; i < kMaxTries; ++i) {
    UniqueFd fd(open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (!fd.ok()) return errors::OsRefused("open", path, errno);
    if (flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
      return errno == EWOULDBLOCK ? if_held : errors::OsRefused("flock", path, errno);
    }
    if (NamesFile(path, fd.get())) return PathLock(path, std::move(fd));
  }
  return if_held;
}

PathLock::~PathLock() {
  // Removed first and unlocked afterwards, by the close.
  if (fd_.ok() && NamesFile(path_, fd_.get())) unlink(path_.c_str());
}

}  // namespace percpud

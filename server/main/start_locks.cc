// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/main/start_locks.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/base/errors.h"
#include "server/base/status_macros.h"

namespace percpud {

absl::StatusOr<std::unique_ptr<StartLocks>> StartLocks::Take(const std::string& arena_file,
                                                             const std::string& catalog) {
  std::unique_ptr<StartLocks> out(new StartLocks);
  if (mkdir(catalog.c_str(), 0700) == 0) {
    out->made_directory_ = catalog;
  } else if (errno != EEXIST) {
    return errors::OsRefused("mkdir", catalog, errno);
  }
  ASSIGN_OR_RETURN(PathLock lock,
                   PathLock::Take(absl::StrCat(catalog, "/lock"), errors::CatalogInUse(catalog)));
  out->catalog_.emplace(std::move(lock));
  if (!arena_file.empty() && access(arena_file.c_str(), F_OK) == 0) {
    ASSIGN_OR_RETURN(out->arena_, LockArena(arena_file));
  }
  return out;
}

absl::StatusOr<UniqueFd> StartLocks::LockArena(const std::string& path) {
  UniqueFd arena(open(path.c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW));
  if (!arena.ok()) return errors::OsRefused("open", path, errno);
  if (flock(arena.get(), LOCK_EX | LOCK_NB) != 0) {
    return errno == EWOULDBLOCK ? errors::ArenaInUse(path)
                                : errors::OsRefused("flock", path, errno);
  }
  // Another daemon that starts may just have put its own file there.
  if (!NamesFile(path, arena.get())) return errors::ArenaInUse(path);
  return arena;
}

StartLocks::~StartLocks() {
  catalog_.reset();
  // A directory with something in it stays by itself.
  if (!made_directory_.empty()) rmdir(made_directory_.c_str());
}

}  // namespace percpud

// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/main/start_locks.h"

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
  if (!arena_file.empty()) {
    ASSIGN_OR_RETURN(PathLock arena, PathLock::Take(absl::StrCat(arena_file, ".lock"),
                                                    errors::ArenaInUse(arena_file)));
    out->arena_.emplace(std::move(arena));
  }
  return out;
}

StartLocks::~StartLocks() {
  catalog_.reset();
  // A directory with something in it stays by itself.
  if (!made_directory_.empty()) rmdir(made_directory_.c_str());
}

}  // namespace percpud

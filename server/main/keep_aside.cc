// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/main/keep_aside.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

#include "absl/strings/str_cat.h"
#include "server/base/errors.h"
#include "server/base/path_lock.h"
#include "server/base/status_macros.h"
#include "server/base/unique_fd.h"
#include "server/main/fd_store.h"

namespace percpud {
namespace {

std::string AsideOf(const std::string& path) { return absl::StrCat(path, ".old-1"); }

// Gives the file at `path` the name `aside` as well, which is replaced in one step.
absl::Status LinkOver(const std::string& path, const std::string& aside) {
  const std::string step = absl::StrCat(aside, ".percpud-new");
  unlink(step.c_str());
  if (link(path.c_str(), step.c_str()) != 0) {
    // Not every file system knows a second name: then the first one goes.
    const bool cannot = errno == EPERM || errno == EOPNOTSUPP || errno == EMLINK;
    if (!cannot) return errors::OsRefused("link", step, errno);
    if (rename(path.c_str(), aside.c_str()) == 0) return absl::OkStatus();
    return errors::OsRefused("rename", aside, errno);
  }
  if (rename(step.c_str(), aside.c_str()) == 0) return absl::OkStatus();
  const int error = errno;
  unlink(step.c_str());
  return errors::OsRefused("rename", aside, error);
}

// True if there is something to keep aside at `path` that is not aside already.
absl::StatusOr<bool> NeedsAside(const std::string& path, const std::string& aside) {
  const UniqueFd file(open(path.c_str(), O_PATH | O_CLOEXEC | O_NOFOLLOW));
  if (file.ok()) return !NamesFile(aside, file.get());
  if (errno == ENOENT) return false;
  return errors::OsRefused("open", path, errno);
}

}  // namespace

absl::StatusOr<std::string> KeepFilesAside(const ArenaPlaces& places) {
  std::string out;
  if (!places.file.empty()) {
    const std::string aside = AsideOf(places.file);
    ASSIGN_OR_RETURN(const bool needed, NeedsAside(places.file, aside));
    if (needed) {
      RETURN_IF_ERROR(LinkOver(places.file, aside));
      absl::StrAppend(&out, "; kept aside as ", aside);
    }
  }
  const std::string data = absl::StrCat(places.catalog, "/data.mdb");
  const std::string directory = AsideOf(places.catalog);
  const std::string aside = absl::StrCat(directory, "/data.mdb");
  ASSIGN_OR_RETURN(const bool needed, NeedsAside(data, aside));
  if (needed) {
    if (mkdir(directory.c_str(), 0700) != 0 && errno != EEXIST) {
      return errors::OsRefused("mkdir", directory, errno);
    }
    RETURN_IF_ERROR(LinkOver(data, aside));
    absl::StrAppend(&out, "; kept aside as ", directory);
  }
  return out;
}

std::string KeepStoredAside(const LeftBehind& left) {
  if (!left.arena.ok()) return "";
  if (left.is_aside) {
    ForgetStoredFd(kStoredName);
    return "; the old arena stays in the store";
  }
  // A store that is full would not take another, and not say so.
  if (left.aside.ok()) ForgetStoredFd(kStoredAsideName);
  // The manager keeps one description once, whatever its name. So it gets another
  // one of the same memory first, and forgets the one it has afterwards.
  const UniqueFd again(
      open(absl::StrCat("/proc/self/fd/", left.arena.get()).c_str(), O_RDWR | O_CLOEXEC));
  if (again.ok()) StoreFd(kStoredAsideName, again.get());
  ForgetStoredFd(kStoredName);
  if (!again.ok()) StoreFd(kStoredAsideName, left.arena.get());
  return absl::StrCat("; the old arena stays in the store",
                      left.aside.ok() ? ", in place of an older one" : "");
}

bool HasAside(const ArenaPlaces& places) {
  struct stat info {};
  return (!places.file.empty() && lstat(AsideOf(places.file).c_str(), &info) == 0) ||
         lstat(absl::StrCat(AsideOf(places.catalog), "/data.mdb").c_str(), &info) == 0;
}

}  // namespace percpud

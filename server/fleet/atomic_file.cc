// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/fleet/atomic_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <string>

#include "absl/strings/str_cat.h"
#include "server/base/status_macros.h"
#include "server/base/unique_fd.h"

namespace percpud::fleet {
namespace {

constexpr std::size_t kMostRead = 64 << 20;

absl::Status Refused(const char* operation, const std::string& path) {
  return absl::ErrnoToStatus(errno, absl::StrCat(operation, " ", path));
}

absl::Status WriteAll(int fd, absl::string_view content, const std::string& path) {
  while (!content.empty()) {
    const ssize_t written = write(fd, content.data(), content.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return Refused("write", path);
    content.remove_prefix(static_cast<std::size_t>(written));
  }
  return absl::OkStatus();
}

// Has the folder of `path` keep the name.
absl::Status SyncFolder(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  const std::string folder = slash == std::string::npos ? "." : path.substr(0, slash + 1);
  const UniqueFd fd(open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd.ok() || fsync(fd.get()) != 0) return Refused("fsync", folder);
  return absl::OkStatus();
}

absl::Status WriteNew(const std::string& path, absl::string_view content, unsigned mode) {
  const UniqueFd fd(
      open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, mode));
  if (!fd.ok()) return Refused("open", path);
  RETURN_IF_ERROR(WriteAll(fd.get(), content, path));
  if (fchmod(fd.get(), mode) != 0) return Refused("chmod", path);
  if (fsync(fd.get()) != 0) return Refused("fsync", path);
  return absl::OkStatus();
}

}  // namespace

absl::Status WriteAtomically(const std::string& path, absl::string_view content, unsigned mode) {
  const std::string fresh = absl::StrCat(path, ".new");
  absl::Status status = WriteNew(fresh, content, mode);
  if (status.ok() && rename(fresh.c_str(), path.c_str()) != 0) status = Refused("rename", path);
  if (!status.ok()) {
    unlink(fresh.c_str());
    return status;
  }
  return SyncFolder(path);
}

absl::StatusOr<std::string> ReadWhole(const std::string& path) {
  const UniqueFd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd.ok()) return Refused("open", path);
  std::string out;
  std::array<char, 16 << 10> part{};
  while (true) {
    const ssize_t got = read(fd.get(), part.data(), part.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return Refused("read", path);
    if (got == 0) return out;
    out.append(part.data(), static_cast<std::size_t>(got));
    if (out.size() > kMostRead) {
      return absl::OutOfRangeError(absl::StrCat(path, " has more than ", kMostRead, " bytes"));
    }
  }
}

}  // namespace percpud::fleet

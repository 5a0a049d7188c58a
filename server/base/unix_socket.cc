// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/base/unix_socket.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "server/base/errors.h"
#include "server/base/status_macros.h"

namespace percpud {
namespace {

constexpr char kUnixPrefix[] = "unix:";
constexpr int kBacklog = 1024;

absl::Status Refused(const char* operation, const std::string& object) {
  return errors::OsRefused(operation, object, errno);
}

// Linux 6.16; Debian 12's headers do not have it yet.
constexpr int kSoPassRights = 83;

// Has the kernel refuse descriptors that a peer would pass, where it can. Nobody here asks
// for any, and closing one may take as long as its maker likes. Set before listen, it
// holds for every connection.
void RefusePassedDescriptors(int fd) {
  const int off = 0;
  setsockopt(fd, SOL_SOCKET, kSoPassRights, &off, sizeof(off));
}

sockaddr_un UnixAddress(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path.c_str(), std::min(path.size(), sizeof(address.sun_path) - 1));
  return address;
}

bool IsAnswered(const std::string& path, int type) {
  const UniqueFd probe(socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  const sockaddr_un address = UnixAddress(path);
  return connect(probe.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0 ||
         errno == EAGAIN;
}

// Makes way for a new socket. Only a socket nobody answers on is ours to
// remove: its daemon died, or it would hold the lock.
absl::Status RemoveStale(const std::string& path, int type) {
  struct stat existing {};
  if (lstat(path.c_str(), &existing) != 0) return absl::OkStatus();
  if (!S_ISSOCK(existing.st_mode)) return errors::OsRefused("bind", path, EEXIST);
  if (IsAnswered(path, type)) return errors::AddressInUse(absl::StrCat(kUnixPrefix, path));
  if (unlink(path.c_str()) != 0) return Refused("unlink", path);
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::unique_ptr<UnixSocket>> UnixSocket::Bind(const std::string& path, int type,
                                                             unsigned mode) {
  ASSIGN_OR_RETURN(PathLock lock,
                   PathLock::Take(absl::StrCat(path, ".lock"),
                                  errors::AddressInUse(absl::StrCat(kUnixPrefix, path))));
  RETURN_IF_ERROR(RemoveStale(path, type));
  UniqueFd fd(socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd.ok()) return Refused("socket", path);
  const sockaddr_un address = UnixAddress(path);
  if (bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) {
    return Refused("bind", path);
  }
  // From here on the socket is removed when the object goes. Nobody can connect
  // before listen, so the mode is right from the start.
  struct stat bound {};
  if (lstat(path.c_str(), &bound) != 0) return Refused("lstat", path);
  std::unique_ptr<UnixSocket> out(
      new UnixSocket(path, bound.st_ino, std::move(fd), std::move(lock)));
  RefusePassedDescriptors(out->fd());
  if (chmod(path.c_str(), mode) != 0) return Refused("chmod", path);
  if (listen(out->fd(), kBacklog) != 0) return Refused("listen", path);
  return out;
}

std::unique_ptr<UnixSocket> UnixSocket::Adopt(const std::string& path, UniqueFd fd) {
  RefusePassedDescriptors(fd.get());
  fcntl(fd.get(), F_SETFD, FD_CLOEXEC);
  fcntl(fd.get(), F_SETFL, fcntl(fd.get(), F_GETFL) | O_NONBLOCK);
  return std::unique_ptr<UnixSocket>(
      new UnixSocket(path, /*inode=*/0, std::move(fd), std::nullopt));
}

UnixSocket::~UnixSocket() {
  if (!lock_) return;
  // Somebody may have put another file there.
  struct stat now {};
  if (lstat(path_.c_str(), &now) == 0 && now.st_ino == inode_) unlink(path_.c_str());
}

}  // namespace percpud

// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_SERVER_BASE_UNIX_SOCKET_H_
#define PERCPUD_SERVER_BASE_UNIX_SOCKET_H_

#include <sys/types.h>

#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "server/base/path_lock.h"
#include "server/base/unique_fd.h"

namespace percpud {

// A listening Unix socket that is bound to a path.
//
// It is ours rather than gRPC's, because gRPC takes over the path of a daemon
// that is alive, and deletes a successor's socket when it goes. Here the path
// is guarded by a lock file (PATH.lock): held means served, and the holder may
// replace a socket that nobody answers on.
class UnixSocket {
 public:
  // `type`: SOCK_STREAM or SOCK_SEQPACKET; non-blocking, close-on-exec. Errors:
  // AddressInUse if another daemon serves the path, otherwise what the system
  // said.
  static absl::StatusOr<std::unique_ptr<UnixSocket>> Bind(const std::string& path, int type,
                                                          unsigned mode);
  // Adopts a socket that another program (systemd) has bound to `path` and listens on.
  // The other program also guards the path and removes the socket.
  static std::unique_ptr<UnixSocket> Adopt(const std::string& path, UniqueFd fd);
  // Removes the socket from the path, if it is ours and it is still the one there.
  ~UnixSocket();
  UnixSocket(const UnixSocket&) = delete;
  UnixSocket& operator=(const UnixSocket&) = delete;

  [[nodiscard]] int fd() const { return fd_.get(); }
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  UnixSocket(std::string path, ino_t inode, UniqueFd fd, std::optional<PathLock> lock)
      : path_(std::move(path)), inode_(inode), fd_(std::move(fd)), lock_(std::move(lock)) {}

  const std::string path_;
  // The file there that is ours.
  const ino_t inode_;
  UniqueFd fd_;
  // None for a socket that was adopted. Released after the path is free again.
  std::optional<PathLock> lock_;
};

}  // namespace percpud

#endif  // PERCPUD_SERVER_BASE_UNIX_SOCKET_H_

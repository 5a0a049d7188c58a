// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_SERVER_MAIN_LISTENER_H_
#define PERCPUD_SERVER_MAIN_LISTENER_H_

#include <sys/types.h>

#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace percpud {

// A file descriptor with an owner.
class UniqueFd {
 public:
  UniqueFd() = default;
  explicit UniqueFd(int fd) : fd_(fd) {}
  UniqueFd(UniqueFd&& other) noexcept : fd_(other.release()) {}
  UniqueFd& operator=(UniqueFd&& other) noexcept;
  ~UniqueFd();

  [[nodiscard]] int get() const { return fd_; }
  [[nodiscard]] bool ok() const { return fd_ >= 0; }
  int release() { return std::exchange(fd_, -1); }

 private:
  int fd_ = -1;
};

// The daemon's listening sockets and the one thread that accepts from them.
//
// The sockets are ours rather than gRPC's, because gRPC takes over the path of
// a daemon that is alive, lets two daemons share a port, and deletes a
// successor's socket when it goes. Here a Unix path is guarded by a lock file
// (PATH.lock): held means served, and whoever holds it may replace a socket
// that nobody answers on.
class Listener {
 public:
  // Given a connected, non-blocking, close-on-exec socket, which it owns.
  using Accepted = std::function<void(int fd)>;

  // Binds every address ("unix:/path", "host:port"). Errors: AddressInUse if
  // another daemon serves one, otherwise what the system said; then nothing
  // stays bound.
  static absl::StatusOr<std::unique_ptr<Listener>> Bind(const std::vector<std::string>& addresses,
                                                        unsigned socket_mode);
  // Stops, and removes its Unix sockets.
  ~Listener();
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;

  // As bound: a port asked for as 0 has its number.
  [[nodiscard]] std::vector<std::string> addresses() const;

  void Start(Accepted accepted);
  // Accepts no more; connections are not touched. Idempotent.
  void Stop();

 private:
  struct Socket {
    std::string address;
    UniqueFd fd;
    // Of a Unix socket: its path, and which file there is ours.
    std::string path;
    ino_t inode = 0;
    UniqueFd lock;
  };

  Listener() = default;
  static absl::StatusOr<Socket> BindUnix(const std::string& path, unsigned mode);
  static absl::StatusOr<Socket> BindTcp(const std::string& address);
  void Loop(const Accepted& accepted);

  std::vector<Socket> sockets_;
  UniqueFd stop_event_;
  std::thread thread_;
};

}  // namespace percpud

#endif  // PERCPUD_SERVER_MAIN_LISTENER_H_

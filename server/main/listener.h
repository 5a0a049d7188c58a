// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_SERVER_MAIN_LISTENER_H_
#define PERCPUD_SERVER_MAIN_LISTENER_H_

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/base/pulse.h"
#include "server/base/unique_fd.h"
#include "server/base/unix_socket.h"
#include "server/service/callers.h"

namespace percpud {

// The daemon's listening Unix sockets and the one thread that accepts from them. (TCP is
// served by the gateway.)
//
// A path is guarded as unix_socket.h says, unless systemd passed in a socket that listens
// there: then that one is used.
class Listener {
 public:
  struct Address {
    // "unix:/path".
    std::string name;
    unsigned mode = 0660;
    // Where connections that come in here come from.
    Origin origin = Origin::kAnybody;
  };
  // Given a connected, non-blocking, close-on-exec socket, which it owns.
  using Accepted = std::function<void(int fd, Origin origin)>;

  // Binds every address. Errors: AddressInUse if another daemon serves one, otherwise what
  // the system said; then nothing stays bound.
  static absl::StatusOr<std::unique_ptr<Listener>> Bind(const std::vector<Address>& addresses);
  // Stops, and removes its Unix sockets.
  ~Listener();
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;

  // "unix:/path" of each, in the order they were given in.
  [[nodiscard]] std::vector<std::string> addresses() const;

  void Start(Accepted accepted);
  // Accepts no more; connections are not touched. Idempotent.
  void Stop();
  // Beats with every wait for connections; a nudge ends one.
  [[nodiscard]] const Pulse& pulse() const { return pulse_; }
  void Nudge() const;

 private:
  struct Socket {
    Address address;
    std::unique_ptr<UnixSocket> bound;
  };

  Listener() = default;
  static absl::StatusOr<Socket> BindOne(const Address& address);
  void Loop(const Accepted& accepted);

  std::vector<Socket> sockets_;
  // Wakes the thread, to stop if `stopping_`.
  UniqueFd wake_;
  std::atomic<bool> stopping_{false};
  Pulse pulse_;
  std::thread thread_;
};

}  // namespace percpud

#endif  // PERCPUD_SERVER_MAIN_LISTENER_H_

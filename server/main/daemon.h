// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_SERVER_MAIN_DAEMON_H_
#define PERCPUD_SERVER_MAIN_DAEMON_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/main/config.h"
#include "server/main/watchdog.h"

namespace percpud {

// The daemon in one piece, wired in the order of the layers: topology, layout,
// arena, backend, allocator, balancer, services, sockets.
class Daemon {
 public:
  // Returns a daemon that serves. Errors name what could not be had; then nothing
  // stays behind.
  static absl::StatusOr<std::unique_ptr<Daemon>> Start(const DaemonConfig& config);
  // Checks that Start could lay out this configuration. Takes no address and keeps
  // no memory.
  static absl::Status Check(const DaemonConfig& config);
  // Drains: accepts no more, ends streams, gives calls in progress five seconds.
  ~Daemon();
  Daemon(const Daemon&) = delete;
  Daemon& operator=(const Daemon&) = delete;

  // Goes on with the access rules and session limits of `config`.
  void Change(const DaemonConfig& config);
  // Has the gateway read its certificates again, if it serves TLS.
  void ReadCertificates();
  // Names the files of arena and catalog that are no longer at their paths, and a
  // configuration that is not there.
  [[nodiscard]] std::vector<std::string> MissingFiles() const;
  // Returns the threads that clients depend on; valid as long as the daemon lives.
  [[nodiscard]] std::vector<Watchdog::Thread> threads() const;

 private:
  struct Parts;
  explicit Daemon(std::unique_ptr<Parts> parts);

  const std::unique_ptr<Parts> parts_;
};

}  // namespace percpud

#endif  // PERCPUD_SERVER_MAIN_DAEMON_H_

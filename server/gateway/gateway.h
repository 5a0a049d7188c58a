// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_SERVER_GATEWAY_GATEWAY_H_
#define PERCPUD_SERVER_GATEWAY_GATEWAY_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "server/base/clock.h"
#include "server/base/unique_fd.h"
#include "server/base/units.h"
#include "server/gateway/acceptor.h"
#include "server/gateway/connection.h"
#include "server/gateway/daemon_link.h"
#include "server/gateway/event_loop.h"
#include "server/gateway/ledger.h"

namespace percpud::gateway {

// The gateway in one piece: listening sockets, the peers' connections, and the one to
// percpud. One thread.
class Gateway {
 public:
  struct Options {
    // Listening, non-blocking TCP sockets.
    std::vector<UniqueFd> listeners;
    // The connection to percpud, if it gave one; else the path of percpud's socket.
    UniqueFd daemon;
    std::string daemon_path;
    // The largest message.
    Bytes message_limit;
  };

  // Errors: what the system said.
  static absl::StatusOr<std::unique_ptr<Gateway>> Create(Options options);
  Gateway(const Gateway&) = delete;
  Gateway& operator=(const Gateway&) = delete;

  // Serves until percpud is gone for good, or `stop` becomes readable; then gives what is
  // left of the calls a moment.
  void Run(int stop);

 private:
  class StopWaiter;

  Gateway(std::unique_ptr<EventLoop> loop, Options& options);

  absl::Status Listen(std::vector<UniqueFd> listeners);
  void Accept(UniqueFd fd);
  // A place for one more connection of the host, if need be that of its longest idle one.
  Place FindPlace(Host& host);
  // Sends what there is everywhere, and drops connections that are over.
  void Settle();
  void LookAround(BootTime now);
  // Accepts no more, and has peers make no more calls.
  void Stop();
  [[nodiscard]] bool IsDone(BootTime now) const;

  const Bytes message_limit_;
  const std::unique_ptr<EventLoop> loop_;
  Ledger ledger_;
  DaemonLink link_;
  std::vector<std::unique_ptr<Acceptor>> acceptors_;
  absl::flat_hash_map<Connection*, std::unique_ptr<Connection>> connections_;
  // Have something to send, or are over.
  std::vector<Connection*> wanted_;
  // Something waits for a debt to be paid.
  bool is_in_debt_ = false;
  bool stopping_ = false;
  BootTime end_at_ = BootTime::InfiniteFuture();
};

}  // namespace percpud::gateway

#endif  // PERCPUD_SERVER_GATEWAY_GATEWAY_H_

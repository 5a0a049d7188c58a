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
#include "server/gateway/tls_ports.h"

namespace percpud::gateway {

// The gateway in one piece: listening sockets, of plain TCP and of TLS, the peers' connections, and
// the one to percpud. One thread.
class Gateway {
 public:
  struct Options {
    // Listening, non-blocking TCP sockets.
    std::vector<UniqueFd> listeners;
    // The connection to percpud, if it gave one; else the path of percpud's socket.
    UniqueFd daemon;
    std::string daemon_path;
    // Without listeners there is no TLS.
    TlsPorts::Options tls;
    // The largest message.
    Bytes message_limit;
  };

  // Errors: what the system said.
  static absl::StatusOr<std::unique_ptr<Gateway>> Create(Options options);
  Gateway(const Gateway&) = delete;
  Gateway& operator=(const Gateway&) = delete;

  // Serves until percpud is gone for good, or `signals`, a signalfd, says so; then gives
  // what is left of the calls a moment. At SIGHUP certificates are read again.
  void Run(int signals);

 private:
  class SignalWaiter;

  Gateway(std::unique_ptr<EventLoop> loop, Options& options);

  absl::Status Listen(std::vector<UniqueFd> listeners);
  absl::Status ListenForTls(TlsPorts::Options options);
  void Accept(UniqueFd fd);
  // A peer is there, of which `account` pays.
  void Serve(TlsPorts::Arrival arrival);
  // A place for one more connection of the host, if need be that of another.
  Place FindPlace(Host& host, const Peer& peer);
  // The connection that makes room for one of that host; null if none is to.
  Connection* WhoGivesWay(const Host& host, const Peer& peer);
  // Sends what there is everywhere, and drops connections that are over.
  void Settle();
  void LookAround(BootTime now);
  // Accepts no more, and has peers make no more calls.
  void Stop();
  // Nothing that comes in could be served.
  [[nodiscard]] bool IsOver() const;
  [[nodiscard]] bool IsDone(BootTime now) const;

  const Bytes message_limit_;
  const std::unique_ptr<EventLoop> loop_;
  Ledger ledger_;
  DaemonLink link_;
  std::vector<std::unique_ptr<Acceptor>> acceptors_;
  // Null without TLS.
  std::unique_ptr<TlsPorts> tls_;
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

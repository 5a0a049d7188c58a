// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_SERVER_GATEWAY_TLS_PORTS_H_
#define PERCPUD_SERVER_GATEWAY_TLS_PORTS_H_

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "server/base/clock.h"
#include "server/base/unique_fd.h"
#include "server/gateway/acceptor.h"
#include "server/gateway/event_loop.h"
#include "server/gateway/handshakes.h"
#include "server/gateway/ledger.h"
#include "server/gateway/request_head.h"
#include "server/gateway/stage.h"
#include "server/gateway/tls_options.h"
#include "server/gateway/transport.h"

namespace percpud::gateway {

// The listening sockets at which TLS is spoken: from the connection to a peer that has
// proved who it is. Before there is a certificate, connections are closed at once. One
// thread.
class TlsPorts {
 public:
  struct Options {
    // Listening, non-blocking TCP sockets.
    std::vector<UniqueFd> listeners;
    // What StartReader returned; set if there are listeners.
    UniqueFd reader;
    TlsOptions tls;
  };
  // A peer whose handshake is done. `account` is whose its costs are: its identity, or else
  // its host.
  struct Arrival {
    std::unique_ptr<Transport> transport;
    Peer peer;
    std::string account;
  };
  using Arrived = std::function<void(Arrival arrival)>;

  // All outlive the ports.
  TlsPorts(Options options, EventLoop& loop, Ledger& ledger, Arrived arrived);
  TlsPorts(const TlsPorts&) = delete;
  TlsPorts& operator=(const TlsPorts&) = delete;

  // Errors: what the system said.
  absl::Status Start();
  // Has the files read now.
  void Reload() { stage_.Reload(); }
  // Deadlines, and whose turn it is. While it rests, connections wait in the sockets' queues.
  void LookAround(BootTime now, bool rests);
  // Accepts no more.
  void Stop();
  // Some peer waits for its turn, so it is to be looked at soon.
  [[nodiscard]] bool are_waiting() const { return handshakes_.are_waiting(); }
  // The files are read no more.
  [[nodiscard]] bool is_over() const { return stage_.is_over(); }

 private:
  void Accept(UniqueFd fd);
  void Greet(Handshakes::Done done);

  EventLoop& loop_;
  Ledger& ledger_;
  const Arrived arrived_;
  Stage stage_;
  Handshakes handshakes_;
  std::vector<std::unique_ptr<Acceptor>> acceptors_;
};

}  // namespace percpud::gateway

#endif  // PERCPUD_SERVER_GATEWAY_TLS_PORTS_H_

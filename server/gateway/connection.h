// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_SERVER_GATEWAY_CONNECTION_H_
#define PERCPUD_SERVER_GATEWAY_CONNECTION_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "absl/time/time.h"
#include "server/base/clock.h"
#include "server/gateway/event_loop.h"
#include "server/gateway/ledger.h"
#include "server/gateway/peer_session.h"
#include "server/gateway/transport.h"

namespace percpud::gateway {

// One peer's connection: moves bytes between its socket and its session, at the pace that
// its host may have, and ends when a deadline has passed. One thread.
class Connection final : public Waiter {
 public:
  struct Parts {
    std::unique_ptr<Transport> transport;
    std::shared_ptr<Host> host;
    Place place;
    Peer peer;
    Bytes message_limit;
  };
  // Something to do for this connection, soon: Flush, or to destroy it.
  using Wants = std::function<void(Connection&)>;

  // All outlive the connection.
  Connection(Parts parts, EventLoop& loop, DaemonSide& daemon, Wants wants);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  // Starts to wait for what the peer says. Errors: what the system said.
  absl::Status Start();
  void OnReady(std::uint32_t events) override;
  // Sends what there is, as far as the socket takes it.
  void Flush();
  // Looks at deadlines, and whether the host may be read again.
  void LookAround(BootTime now);
  // The peer is to make no more calls here; those under way go on.
  void SayGoodbye() { session_.SayGoodbye(); }
  // Ends the connection, whose peer may come again. Calls under way are cut.
  void GiveWay();

  // To be destroyed; nothing is done for it any more.
  [[nodiscard]] bool is_over() const { return is_over_; }
  [[nodiscard]] bool is_idle() const { return session_.calls() == 0; }
  // Nothing says whose it is.
  [[nodiscard]] bool is_strangers() const { return parts_.peer.most == Role::kAnonymous; }
  [[nodiscard]] bool has_output() const { return !output_.empty(); }
  // It is not read, because of a debt that time will pay.
  [[nodiscard]] bool is_paused() const { return events_ == 0 && !is_over_ && !is_refused_; }
  [[nodiscard]] const std::shared_ptr<Host>& host() const { return parts_.host; }
  // When something last came in or went out.
  [[nodiscard]] BootTime active_at() const { return active_at_; }
  // Flush was asked for, and is to come.
  bool is_wanted = false;

 private:
  // What one turn reads at most.
  static constexpr std::size_t kRead = 16 << 10;

  void Read();
  void End();
  void UpdateEvents();
  [[nodiscard]] bool MayRead(BootTime now);

  Parts parts_;
  EventLoop& loop_;
  const Wants wants_;
  PeerSession session_;
  // For the socket; empty unless it is full.
  std::string output_;
  std::uint32_t events_ = 0;
  // The peer has sent what no client may; it gets what is left, and no more is read.
  bool is_refused_ = false;
  bool is_over_ = false;
  const BootTime made_at_;
  BootTime active_at_;
  // The socket took something, or there was nothing to take.
  BootTime written_at_;
};

}  // namespace percpud::gateway

#endif  // PERCPUD_SERVER_GATEWAY_CONNECTION_H_

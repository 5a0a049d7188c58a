// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_SERVER_GATEWAY_HANDSHAKES_H_
#define PERCPUD_SERVER_GATEWAY_HANDSHAKES_H_

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>

#include "absl/container/flat_hash_map.h"
#include "absl/functional/function_ref.h"
#include "server/base/clock.h"
#include "server/base/refusal_log.h"
#include "server/base/unique_fd.h"
#include "server/gateway/event_loop.h"
#include "server/gateway/ledger.h"
#include "server/gateway/tls_transport.h"
#include "server/gateway/token_bucket.h"

namespace percpud::gateway {

// Connections whose TLS handshake is under way. A peer may take kHandshake for it. What
// costs is the part behind the peer's hello, so that part has a rate; a peer that has said
// nothing costs a place, which another may take. One thread.
class Handshakes {
 public:
  // A connection whose handshake is done.
  struct Done {
    std::unique_ptr<TlsTransport> transport;
    // Who is at its other end; empty for a peer without a certificate.
    std::string identity;
    std::string host;
  };

  // `loop` outlives the handshakes.
  Handshakes(EventLoop& loop, double per_second, std::function<void(Done)> on_done);
  ~Handshakes();
  Handshakes(const Handshakes&) = delete;
  Handshakes& operator=(const Handshakes&) = delete;

  // Begins one for a peer of `host`, whose address is `address`. If there is no place for it,
  // one of the host that waits for its peer gives way; where many hosts have taken them all,
  // one of any host's does for a host that has none. Addresses whose last turn came to nothing give
  // way to others in any case, and others never to them. Otherwise this one is dropped.
  void Begin(std::unique_ptr<TlsTransport> transport, std::shared_ptr<Host> host,
             std::string address);
  // Lets those go on whose turn it is, and ends those that take too long.
  void LookAround(BootTime now);
  // Some wait for their turn.
  [[nodiscard]] bool are_waiting() const { return !waiting_.empty(); }

 private:
  class Handshake;

  Place FindPlace(Host& host, const std::string& address, BootTime now);
  // One of another host that gives way to a peer at `address`; null if there is none.
  Handshake* OneOfOthers(const std::string& address, BootTime now);
  // The oldest that may give way, of those for which `is_asked`; null if there is none.
  Handshake* OldestThatGivesWay(absl::FunctionRef<bool(const Handshake&)> is_asked, BootTime now);
  // One of an address that has wasted a turn: the last that waits for the next, or else the oldest;
  // null if there is none.
  Handshake* OneThatWastes(BootTime now);
  [[nodiscard]] bool HasWasted(const std::string& address, BootTime now) const;
  // Goes on with one as far as it goes. It may be destroyed in it.
  void Continue(Handshake& handshake);
  // The peer has said hello: at once, or behind the others.
  void TakeTurn(Handshake& handshake);
  void Admit(Handshake& handshake, BootTime now);
  void Finish(Handshake& handshake);
  void LogFailure(const Handshake& handshake, const std::string& why);
  void Drop(Handshake& handshake);

  EventLoop& loop_;
  TokenBucket rate_;
  const std::function<void(Done)> on_done_;
  absl::flat_hash_map<Handshake*, std::unique_ptr<Handshake>> all_;
  // Have said hello, in that order.
  std::deque<Handshake*> waiting_;
  // When a turn of an address came to nothing.
  absl::flat_hash_map<std::string, BootTime> wasted_;
  // By what was wrong, so that a flood of one kind does not hide another.
  absl::flat_hash_map<std::string, std::unique_ptr<OnceAMinute>> failures_;
};

}  // namespace percpud::gateway

#endif  // PERCPUD_SERVER_GATEWAY_HANDSHAKES_H_

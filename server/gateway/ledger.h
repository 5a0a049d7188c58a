// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_SERVER_GATEWAY_LEDGER_H_
#define PERCPUD_SERVER_GATEWAY_LEDGER_H_

#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/time/time.h"
#include "server/base/clock.h"
#include "server/gateway/limits.h"
#include "server/gateway/token_bucket.h"

namespace percpud::gateway {

// How many places of one kind there are, and how many are taken.
struct Places {
  std::uint32_t limit;
  std::uint32_t limit_per_host;
  std::uint32_t taken = 0;

  // A host may have its part, and no more than are still free: so one host never has more
  // than half, and what it may have shrinks while others have many.
  [[nodiscard]] bool HasFor(std::uint32_t of_host) const {
    return taken < limit && of_host < limit_per_host && of_host < limit - taken;
  }
};

// A place that is given up with the object.
class Place {
 public:
  Place() = default;
  // Counted for all and for the host; both outlive the place.
  Place(std::uint32_t& of_all, std::uint32_t& of_host) : of_all_(&of_all), of_host_(&of_host) {
    ++of_all;
    ++of_host;
  }
  Place(Place&& other) noexcept
      : of_all_(std::exchange(other.of_all_, nullptr)),
        of_host_(std::exchange(other.of_host_, nullptr)) {}
  Place& operator=(Place&& other) noexcept {
    std::swap(of_all_, other.of_all_);
    std::swap(of_host_, other.of_host_);
    return *this;
  }
  ~Place() {
    if (of_all_ == nullptr) return;
    --*of_all_;
    --*of_host_;
  }

  [[nodiscard]] bool taken() const { return of_all_ != nullptr; }

 private:
  std::uint32_t* of_all_ = nullptr;
  std::uint32_t* of_host_ = nullptr;
};

class Ledger;

// What one host, or one certificate's owner, has of the gateway, over all its connections. Not
// thread safe.
class Host {
 public:
  explicit Host(Ledger& ledger) : ledger_(ledger) {}
  Host(const Host&) = delete;
  Host& operator=(const Host&) = delete;

  // Without a place if there is none for this host. The host outlives the place.
  Place TakeConnection();
  Place TakeHandshake();
  Place TakeCall();
  // How many it has now.
  [[nodiscard]] std::uint32_t connections() const { return connections_; }
  [[nodiscard]] std::uint32_t handshakes() const { return handshakes_; }

  // What its peers cause, in units of work (limits.h).
  void Charge(double work, BootTime now);
  // It has caused more than its share, or all have: what it sends has to wait.
  [[nodiscard]] bool InDebt(BootTime now);

 private:
  Ledger& ledger_;
  std::uint32_t connections_ = 0;
  std::uint32_t handshakes_ = 0;
  std::uint32_t calls_ = 0;
  TokenBucket work_{kWorkPerSecond, kWorkBurst};
};

// The places of the gateway, and all hosts that have a connection. Not thread safe;
// outlives its hosts.
class Ledger {
 public:
  // The host of that name, the same one as long as anybody holds it.
  std::shared_ptr<Host> HostOf(const std::string& name);
  // All hosts together have caused more than the gateway passes on. A host that comes
  // again under another name, or after its account was dropped, finds this as it was.
  [[nodiscard]] bool InDebt(BootTime now) { return work_.InDebt(now); }

 private:
  friend class Host;

  Places connections_{.limit = kMaxConnections, .limit_per_host = kMaxConnectionsPerHost};
  Places handshakes_{.limit = kMaxHandshakes, .limit_per_host = kMaxHandshakesPerHost};
  Places calls_{.limit = kMaxCalls, .limit_per_host = kMaxCallsPerHost};
  TokenBucket work_{kWorkPerSecondOfAll, kWorkBurst};
  absl::flat_hash_map<std::string, std::weak_ptr<Host>> hosts_;
};

}  // namespace percpud::gateway

#endif  // PERCPUD_SERVER_GATEWAY_LEDGER_H_

// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/gateway/ledger.h"

namespace percpud::gateway {
namespace {

Place Take(Places& places, std::uint32_t& of_host) {
  return places.HasFor(of_host) ? Place(places.taken, of_host) : Place();
}

}  // namespace

Place Host::TakeConnection() { return Take(ledger_.connections_, connections_); }

Place Host::TakeHandshake() { return Take(ledger_.handshakes_, handshakes_); }

Place Host::TakeCall() { return Take(ledger_.calls_, calls_); }

void Host::Charge(double work, BootTime now) {
  work_.Charge(work, now);
  ledger_.work_.Charge(work, now);
}

bool Host::InDebt(BootTime now) { return work_.InDebt(now) || ledger_.InDebt(now); }

std::shared_ptr<Host> Ledger::HostOf(const std::string& name) {
  // There are no more of them than connections, but for those that are gone.
  if (hosts_.size() > kMaxConnections) {
    absl::erase_if(hosts_, [](const auto& entry) { return entry.second.expired(); });
  }
  std::weak_ptr<Host>& held = hosts_[name];
  std::shared_ptr<Host> host = held.lock();
  if (host == nullptr) held = host = std::make_shared<Host>(*this);
  return host;
}

}  // namespace percpud::gateway

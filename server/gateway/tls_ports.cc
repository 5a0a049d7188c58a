// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/gateway/tls_ports.h"

#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "proto/percpud/abi/v1/tls_peer.h"
#include "server/base/status_macros.h"
#include "server/gateway/limits.h"

namespace percpud::gateway {

TlsPorts::TlsPorts(Options options, EventLoop& loop, Ledger& ledger, Arrived arrived)
    : loop_(loop),
      ledger_(ledger),
      arrived_(std::move(arrived)),
      stage_(std::move(options.reader), loop, options.tls),
      handshakes_(loop, options.tls.handshakes_per_second,
                  [this](Handshakes::Done done) { Greet(std::move(done)); }) {
  for (UniqueFd& fd : options.listeners) {
    acceptors_.push_back(std::make_unique<Acceptor>(
        std::move(fd), loop_, [this](UniqueFd accepted) { Accept(std::move(accepted)); }));
  }
}

absl::Status TlsPorts::Start() {
  for (const auto& acceptor : acceptors_) RETURN_IF_ERROR(acceptor->Start());
  return stage_.Start();
}

void TlsPorts::Accept(UniqueFd fd) {
  std::optional<std::string> address = HostAt(fd.get());
  if (!address || stage_.context() == nullptr) return;
  std::shared_ptr<Host> host = ledger_.HostOf(*address);
  host->Charge(kWorkPerConnection, NowSinceBoot());
  handshakes_.Begin(std::make_unique<TlsTransport>(std::move(fd), stage_.context()),
                    std::move(host), *std::move(address));
}

void TlsPorts::Greet(Handshakes::Done done) {
  const bool is_known = !done.identity.empty();
  Peer peer{.on_behalf = is_known ? absl::StrCat(abi::v1::kTlsPeer, done.identity)
                                  : absl::StrCat(abi::v1::kTlsStranger, done.host),
            .most = is_known ? Role::kOperator : Role::kAnonymous,
            .may_have_session = is_known};
  arrived_({.transport = std::move(done.transport),
            .peer = std::move(peer),
            .account = is_known ? std::move(done.identity) : std::move(done.host)});
}

void TlsPorts::LookAround(BootTime now, bool rests) {
  for (const auto& acceptor : acceptors_) acceptor->Rest(rests);
  stage_.LookAround(now);
  handshakes_.LookAround(now);
}

void TlsPorts::Stop() { acceptors_.clear(); }

}  // namespace percpud::gateway

// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "percpu/remote_session.h"

#include <cassert>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "percpu/internal/address.h"
#include "percpu/internal/fork.h"
#include "percpu/internal/mutex.h"
#include "percpu/internal/ticker.h"
#include "server/base/status_macros.h"

namespace percpu {
namespace {

// The session survives the loss of two renewals in a row.
constexpr int kRenewalsPerTtl = 3;

}  // namespace

// What renews, and how it went.
class RemoteSession::KeepAlive {
 public:
  // Errors: RESOURCE_EXHAUSTED if the process may have no further thread.
  static absl::StatusOr<std::unique_ptr<KeepAlive>> Start(Client client, absl::Duration interval) {
    assert(interval > absl::ZeroDuration());
    std::unique_ptr<KeepAlive> out(new KeepAlive(std::move(client)));
    ASSIGN_OR_RETURN(
        out->ticker_,
        Ticker::Start({.name = "percpu-renew", .first = interval, .interval = interval},
                      [self = out.get()] { self->Renew(); }));
    return out;
  }

  [[nodiscard]] absl::Status last() const {
    MutexLock lock(&mu_);
    return last_;
  }

 private:
  explicit KeepAlive(Client client) : client_(std::move(client)) {}

  void Renew() {
    absl::Status status = client_.Ping();
    MutexLock lock(&mu_);
    last_ = std::move(status);
  }

  Client client_;
  mutable Mutex mu_;
  absl::Status last_ ABSL_GUARDED_BY(mu_);
  // Ends before what it uses.
  std::unique_ptr<Ticker> ticker_;
};

absl::StatusOr<std::unique_ptr<RemoteSession>> RemoteSession::Open(
    std::string_view address, const RemoteSessionOptions& options) {
  RETURN_IF_ERROR(Address::Parse(address).status());
  ASSIGN_OR_RETURN(
      const OpenedSession opened,
      MakeGrpcConnection(address, options.calls)->OpenSession(options.command, options.ttl));
  Client client(MakeGrpcConnection(address, options.calls, opened.token));
  if (opened.ttl <= absl::ZeroDuration()) {
    return absl::DataLossError("the daemon opened a session that ends at once");
  }
  auto keep_alive = KeepAlive::Start(client, opened.ttl / kRenewalsPerTtl);
  if (!keep_alive.ok()) {
    client.EndSession(opened.id).IgnoreError();
    return keep_alive.status();
  }
  return std::unique_ptr<RemoteSession>(
      new RemoteSession(std::move(client), opened.id, *std::move(keep_alive)));
}

RemoteSession::RemoteSession(Client client, SessionId id, std::unique_ptr<KeepAlive> keep_alive)
    : generation_(ForkGeneration()),
      id_(id),
      client_(std::move(client)),
      keep_alive_(std::move(keep_alive)) {
  assert(keep_alive_ != nullptr);
}

RemoteSession::~RemoteSession() {
  if (generation_ != ForkGeneration()) {
    // The thread is the parent's, and may have held the lock at the fork.
    static_cast<void>(keep_alive_.release());
    return;
  }
  keep_alive_.reset();
  // If it has ended, or the daemon is gone, there is nothing to end.
  client_.EndSession(id_).IgnoreError();
}

Client& RemoteSession::client() { return client_; }

SessionId RemoteSession::id() const { return id_; }

absl::Status RemoteSession::renewal() const { return keep_alive_->last(); }

}  // namespace percpu

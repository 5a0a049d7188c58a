// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "percpu/remote_session.h"

#include <pthread.h>

#include <thread>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "percpu/internal/address.h"
#include "percpu/internal/fork.h"
#include "server/base/status_macros.h"

namespace percpu {
namespace {

// One may get lost, and the next still comes in time.
constexpr int kRenewalsPerTtl = 3;

}  // namespace

// The thread that renews.
class RemoteSession::KeepAlive {
 public:
  KeepAlive(Client client, absl::Duration interval)
      : client_(std::move(client)), interval_(interval), thread_([this] { Loop(); }) {}
  ~KeepAlive() {
    {
      absl::MutexLock lock(&mu_);
      stopping_ = true;
    }
    thread_.join();
  }
  KeepAlive(const KeepAlive&) = delete;
  KeepAlive& operator=(const KeepAlive&) = delete;

  [[nodiscard]] absl::Status last() const {
    absl::MutexLock lock(&mu_);
    return last_;
  }

 private:
  void Loop() {
    pthread_setname_np(pthread_self(), "percpu-renew");
    while (true) {
      {
        absl::MutexLock lock(&mu_);
        if (mu_.AwaitWithTimeout(absl::Condition(&stopping_), interval_)) return;
      }
      absl::Status status = client_.Ping();
      absl::MutexLock lock(&mu_);
      last_ = std::move(status);
    }
  }

  Client client_;
  const absl::Duration interval_;
  mutable absl::Mutex mu_;
  bool stopping_ ABSL_GUARDED_BY(mu_) = false;
  absl::Status last_ ABSL_GUARDED_BY(mu_);
  // Last: it uses all of the above.
  std::thread thread_;
};

absl::StatusOr<std::unique_ptr<RemoteSession>> RemoteSession::Open(
    std::string_view address, const RemoteSessionOptions& options) {
  RETURN_IF_ERROR(Address::Parse(address).status());
  ASSIGN_OR_RETURN(
      const OpenedSession opened,
      MakeGrpcConnection(address, options.calls)->OpenSession(options.command, options.ttl));
  Client client(MakeGrpcConnection(address, options.calls, opened.token));
  return std::unique_ptr<RemoteSession>(
      new RemoteSession(std::move(client), opened.id, opened.ttl / kRenewalsPerTtl));
}

RemoteSession::RemoteSession(Client client, SessionId id, absl::Duration interval)
    : generation_(ForkGeneration()),
      id_(id),
      client_(std::move(client)),
      keep_alive_(std::make_unique<KeepAlive>(client_, interval)) {}

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

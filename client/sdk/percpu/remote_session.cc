// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "percpu/remote_session.h"

#include <pthread.h>

#include <thread>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "percpu/internal/fork.h"

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
    const std::string& address, const RemoteSessionOptions& options) {
  // For what it says of an address that is none.
  if (absl::Status status = Client::Connect(address, options.calls).status(); !status.ok()) {
    return status;
  }
  v1::OpenSessionRequest request;
  request.set_command(options.command);
  const auto ttl = absl::ToTimespec(options.ttl);
  request.mutable_ttl()->set_seconds(ttl.tv_sec);
  request.mutable_ttl()->set_nanos(static_cast<std::int32_t>(ttl.tv_nsec));
  const absl::StatusOr<v1::OpenSessionResponse> opened =
      MakeGrpcConnection(address, options.calls)->OpenSession(request);
  if (!opened.ok()) return opened.status();
  Client client(MakeGrpcConnection(address, options.calls, opened->token()));
  const absl::Duration granted =
      absl::Seconds(opened->ttl().seconds()) + absl::Nanoseconds(opened->ttl().nanos());
  return std::unique_ptr<RemoteSession>(
      new RemoteSession(std::move(client), opened->session_id(), granted / kRenewalsPerTtl));
}

RemoteSession::RemoteSession(Client client, std::uint64_t id, absl::Duration interval)
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

std::uint64_t RemoteSession::id() const { return id_; }

absl::Status RemoteSession::renewal() const { return keep_alive_->last(); }

}  // namespace percpu

// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/gateway/gateway.h"

#include <signal.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "server/base/clock.h"
#include "server/base/errors.h"
#include "server/base/refusal_log.h"
#include "server/base/status_macros.h"
#include "server/gateway/limits.h"

namespace percpud::gateway {
namespace {

// How often deadlines are looked at; and a host that is in debt, which is to go on soon.
constexpr absl::Duration kLook = absl::Milliseconds(250);
constexpr absl::Duration kLookAtDebt = absl::Milliseconds(10);

}  // namespace

class Gateway::SignalWaiter final : public Waiter {
 public:
  SignalWaiter(int fd, TlsPorts* tls) : fd_(fd), tls_(tls) {}
  void OnReady(std::uint32_t /*events*/) override {
    signalfd_siginfo signal{};
    if (read(fd_, &signal, sizeof(signal)) != sizeof(signal)) return;
    if (signal.ssi_signo != SIGHUP) {
      stopped = true;
    } else if (tls_ != nullptr) {
      tls_->Reload();
    }
  }

  bool stopped = false;

 private:
  const int fd_;
  TlsPorts* const tls_;
};

Gateway::Gateway(std::unique_ptr<EventLoop> loop, Options& options)
    : message_limit_(options.message_limit),
      loop_(std::move(loop)),
      link_(*loop_, std::move(options.daemon_path)) {}

absl::StatusOr<std::unique_ptr<Gateway>> Gateway::Create(Options options) {
  ASSIGN_OR_RETURN(std::unique_ptr<EventLoop> loop, EventLoop::Create());
  std::unique_ptr<Gateway> gateway(new Gateway(std::move(loop), options));
  if (options.daemon.ok()) RETURN_IF_ERROR(gateway->link_.Adopt(std::move(options.daemon)));
  RETURN_IF_ERROR(gateway->Listen(std::move(options.listeners)));
  RETURN_IF_ERROR(gateway->ListenForTls(std::move(options.tls)));
  return gateway;
}

absl::Status Gateway::Listen(std::vector<UniqueFd> listeners) {
  for (UniqueFd& fd : listeners) {
    acceptors_.push_back(std::make_unique<Acceptor>(
        std::move(fd), *loop_, [this](UniqueFd accepted) { Accept(std::move(accepted)); }));
    RETURN_IF_ERROR(acceptors_.back()->Start());
  }
  return absl::OkStatus();
}

absl::Status Gateway::ListenForTls(TlsPorts::Options options) {
  if (options.listeners.empty()) return absl::OkStatus();
  tls_ =
      std::make_unique<TlsPorts>(std::move(options), *loop_, ledger_,
                                 [this](TlsPorts::Arrival arrival) { Serve(std::move(arrival)); });
  return tls_->Start();
}

// Its own longest idle one. Where others have taken all places, a host that has none comes before
// who is idle, and who is known before any stranger.
Connection* Gateway::WhoGivesWay(const Host& host, const Peer& peer) {
  const bool is_known = peer.most != Role::kAnonymous;
  const auto rank = [&](const Connection& each) {
    if (each.host().get() == &host) return each.is_idle() ? 1 : 0;
    if (host.connections() > 0) return 0;
    if (each.is_strangers() && each.is_idle()) return 4;
    if (each.is_strangers()) return is_known ? 3 : 0;
    return is_known && each.is_idle() ? 2 : 0;
  };
  Connection* out = nullptr;
  int best = 0;
  for (const auto& [each, owned] : connections_) {
    const int worth = rank(*each);
    const bool is_better =
        worth > best || (worth == best && worth > 0 && each->active_at() < out->active_at());
    if (!is_better) continue;
    out = each;
    best = worth;
  }
  return out;
}

Place Gateway::FindPlace(Host& host, const Peer& peer) {
  if (Place place = host.TakeConnection(); place.taken()) return place;
  Connection* const gives_way = WhoGivesWay(host, peer);
  if (gives_way == nullptr) return {};
  gives_way->GiveWay();
  Settle();
  return host.TakeConnection();
}

void Gateway::Accept(UniqueFd fd) {
  const std::optional<std::string> name = HostAt(fd.get());
  if (!name) return;
  ledger_.HostOf(*name)->Charge(kWorkPerConnection, NowSinceBoot());
  Serve({.transport = std::make_unique<PlainTransport>(std::move(fd)),
         .peer = PlainPeer(*name),
         .account = *name});
}

void Gateway::Serve(TlsPorts::Arrival arrival) {
  if (stopping_) return;
  const std::shared_ptr<Host> host = ledger_.HostOf(arrival.account);
  Place place = FindPlace(*host, arrival.peer);
  if (!place.taken()) {
    LogRefusal(errors::GatewayFull("connections", kMaxConnectionsPerHost, kMaxConnections));
    return;
  }
  auto connection =
      std::make_unique<Connection>(Connection::Parts{.transport = std::move(arrival.transport),
                                                     .host = host,
                                                     .place = std::move(place),
                                                     .peer = std::move(arrival.peer),
                                                     .message_limit = message_limit_},
                                   *loop_, link_.session(), [this](Connection& wanting) {
                                     if (!std::exchange(wanting.is_wanted, true))
                                       wanted_.push_back(&wanting);
                                   });
  Connection* const made = connection.get();
  connections_.emplace(made, std::move(connection));
  if (!made->Start().ok()) connections_.erase(made);
}

void Gateway::Settle() {
  do {
    while (!wanted_.empty()) {
      Connection* const connection = wanted_.back();
      wanted_.pop_back();
      connection->is_wanted = false;
      if (connection->is_over()) {
        connections_.erase(connection);
      } else {
        connection->Flush();
        is_in_debt_ |= connection->is_paused();
      }
    }
    link_.Flush();
  } while (!wanted_.empty());
  is_in_debt_ |= tls_ != nullptr && tls_->are_waiting();
}

void Gateway::LookAround(BootTime now) {
  link_.LookAround(now);
  is_in_debt_ = ledger_.InDebt(now);
  for (const auto& acceptor : acceptors_) acceptor->Rest(is_in_debt_);
  if (tls_ != nullptr) tls_->LookAround(now, is_in_debt_);
  for (const auto& [connection, owned] : connections_) {
    connection->LookAround(now);
    is_in_debt_ |= connection->is_paused();
  }
}

void Gateway::Stop() {
  stopping_ = true;
  end_at_ = NowSinceBoot() + kGoodbye;
  acceptors_.clear();
  if (tls_ != nullptr) tls_->Stop();
  for (const auto& [connection, owned] : connections_) connection->SayGoodbye();
}

bool Gateway::IsDone(BootTime now) const {
  if (!stopping_) return false;
  return now > end_at_ ||
         std::all_of(connections_.begin(), connections_.end(), [](const auto& each) {
           return each.first->is_idle() && !each.first->has_output();
         });
}

bool Gateway::IsOver() const { return link_.is_over() || (tls_ != nullptr && tls_->is_over()); }

void Gateway::Run(int signals) {
  SignalWaiter waiter(signals, tls_.get());
  if (!loop_->Add(signals, EPOLLIN, waiter).ok()) return;
  BootTime look_at = NowSinceBoot();
  while (true) {
    BootTime now = NowSinceBoot();
    const absl::Duration rhythm = is_in_debt_ ? kLookAtDebt : kLook;
    loop_->RunOnce(std::clamp(look_at - now, absl::ZeroDuration(), rhythm));
    Settle();
    now = NowSinceBoot();
    if (now >= look_at || look_at - now > rhythm) {
      alarm(static_cast<unsigned>(absl::ToInt64Seconds(kStuck)));
      LookAround(now);
      look_at = now + rhythm;
      Settle();
    }
    if (!stopping_ && (waiter.stopped || IsOver())) {
      Stop();
      Settle();
    }
    if (IsDone(now)) return;
  }
}

}  // namespace percpud::gateway

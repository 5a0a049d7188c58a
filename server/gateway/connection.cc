// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/gateway/connection.h"

#include <sys/epoll.h>

#include <array>
#include <span>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/base/clock.h"
#include "server/base/refusal_log.h"
#include "server/gateway/limits.h"

namespace percpud::gateway {

Connection::Connection(Parts parts, EventLoop& loop, DaemonSide& daemon, Wants wants)
    : parts_(std::move(parts)),
      loop_(loop),
      wants_(std::move(wants)),
      session_({.peer = parts_.peer,
                .message_limit = parts_.message_limit,
                .has_output = [this] { wants_(*this); }},
               daemon, *parts_.host),
      made_at_(NowSinceBoot()),
      active_at_(made_at_),
      written_at_(made_at_) {}

Connection::~Connection() { loop_.Remove(parts_.transport->fd(), *this); }

absl::Status Connection::Start() {
  events_ = EPOLLIN;
  wants_(*this);
  return loop_.Add(parts_.transport->fd(), events_, *this);
}

void Connection::End() {
  is_over_ = true;
  wants_(*this);
}

void Connection::GiveWay() {
  session_.SayGoodbye();
  Flush();
  if (!is_over_) End();
}

bool Connection::MayRead(BootTime now) {
  // Who does not take answers may not ask for more.
  return !is_refused_ && output_.empty() && !session_.InDebt(now);
}

void Connection::UpdateEvents() {
  const std::uint32_t wanted =
      (MayRead(NowSinceBoot()) ? EPOLLIN : 0U) | (output_.empty() ? 0U : EPOLLOUT);
  if (wanted == events_) return;
  events_ = wanted;
  if (is_paused()) wants_(*this);
  loop_.Change(parts_.transport->fd(), events_, *this);
}

void Connection::OnReady(std::uint32_t events) {
  if (is_over_) return;
  if ((events & EPOLLIN) != 0) {
    Read();
  } else if ((events & (EPOLLHUP | EPOLLERR)) != 0) {
    return End();
  }
  Flush();
}

void Connection::Read() {
  const BootTime now = NowSinceBoot();
  if (!MayRead(now)) return;
  std::array<std::uint8_t, kRead> bytes;
  const Transfer transfer = parts_.transport->Read(bytes);
  if (transfer.end == Transfer::End::kClosed) return End();
  if (transfer.end == Transfer::End::kBlocked) {
    // TLS has taken something that was nobody's but its own.
    parts_.host->Charge(kWorkPerFrame, now);
    return;
  }
  active_at_ = now;
  const absl::Status status = session_.Receive(std::span(bytes).first(transfer.bytes), now);
  if (status.ok()) return;
  LogRefusal(status);
  is_refused_ = true;
}

void Connection::Flush() {
  if (is_over_) return;
  const BootTime now = NowSinceBoot();
  while (true) {
    if (output_.empty() && !session_.Send(output_, kOutput, now).ok()) return End();
    if (output_.empty()) break;
    const Transfer transfer = parts_.transport->Write(
        {reinterpret_cast<const std::uint8_t*>(output_.data()), output_.size()});
    if (transfer.end == Transfer::End::kClosed) return End();
    if (transfer.end == Transfer::End::kBlocked) break;
    written_at_ = active_at_ = now;
    output_.erase(0, transfer.bytes);
  }
  if (output_.empty() && (is_refused_ || session_.is_over())) return End();
  UpdateEvents();
}

void Connection::LookAround(BootTime now) {
  if (is_over_) return;
  if (output_.empty()) written_at_ = now;
  const bool is_late = (!session_.has_called() && now - made_at_ > kFirstCall) ||
                       now - written_at_ > kUnread || !session_.LookAround(now);
  if (is_late) return End();
  if (!parts_.transport->IsPeerGood()) {
    WriteWarning(absl::StrCat("tls: ", parts_.peer.on_behalf,
                              " is cut off: nothing vouches for its certificate any more"));
    return End();
  }
  if (is_idle() && now - active_at_ > kIdle) session_.SayGoodbye();
  UpdateEvents();
}

}  // namespace percpud::gateway

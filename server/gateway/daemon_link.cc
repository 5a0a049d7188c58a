// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/gateway/daemon_link.h"

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <span>
#include <utility>

#include "server/base/refusal_log.h"
#include "server/base/status_macros.h"
#include "server/gateway/limits.h"

namespace percpud::gateway {

DaemonLink::DaemonLink(EventLoop& loop, std::string path)
    : loop_(loop), path_(std::move(path)), session_([this] { has_output_ = true; }) {}

DaemonLink::~DaemonLink() {
  if (transport_ != nullptr) loop_.Remove(transport_->fd(), *this);
}

absl::Status DaemonLink::Adopt(UniqueFd fd) {
  fcntl(fd.get(), F_SETFL, O_NONBLOCK);
  RETURN_IF_ERROR(loop_.Add(fd.get(), EPOLLIN, *this));
  transport_ = std::make_unique<PlainTransport>(std::move(fd));
  session_.Connect();
  return absl::OkStatus();
}

void DaemonLink::Connect() {
  UniqueFd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path_.copy(address.sun_path, sizeof(address.sun_path) - 1);
  if (connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) return;
  if (Adopt(std::move(fd)).ok()) WriteWarning("percpud answers: calls are passed on");
}

void DaemonLink::LookAround(BootTime now) {
  if (is_connected() || path_.empty() || now < try_at_) return;
  try_at_ = now + kRetry;
  Connect();
}

void DaemonLink::Lose() {
  loop_.Remove(transport_->fd(), *this);
  transport_.reset();
  output_.clear();
  has_output_ = false;
  session_.Cut();
  WriteWarning("the connection to percpud is over: calls end as unavailable");
}

void DaemonLink::OnReady(std::uint32_t events) {
  if ((events & ~static_cast<std::uint32_t>(EPOLLOUT)) != 0 && !Read()) return Lose();
  Flush();
}

bool DaemonLink::Read() {
  const Transfer transfer = transport_->Read(input_);
  if (transfer.end != Transfer::End::kDone) return transfer.end == Transfer::End::kBlocked;
  return session_.Receive(std::span(input_).first(transfer.bytes)).ok();
}

bool DaemonLink::Write() {
  while (true) {
    if (output_.empty()) {
      has_output_ = false;
      if (!session_.Send(output_, kOutput).ok()) return false;
    }
    if (output_.empty()) return !session_.is_over();
    const Transfer transfer =
        transport_->Write({reinterpret_cast<const std::uint8_t*>(output_.data()), output_.size()});
    if (transfer.end != Transfer::End::kDone) return transfer.end == Transfer::End::kBlocked;
    output_.erase(0, transfer.bytes);
  }
}

void DaemonLink::Flush() {
  if (!is_connected() || (!has_output_ && output_.empty())) return;
  const bool was_blocked = !output_.empty();
  if (!Write()) return Lose();
  const bool is_blocked = !output_.empty();
  if (is_blocked == was_blocked) return;
  loop_.Change(transport_->fd(), is_blocked ? EPOLLIN | EPOLLOUT : EPOLLIN, *this);
}

}  // namespace percpud::gateway

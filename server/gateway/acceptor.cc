// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/gateway/acceptor.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>

namespace percpud::gateway {

absl::Status Acceptor::Start() { return loop_.Add(fd_.get(), EPOLLIN, *this); }

void Acceptor::OnReady(std::uint32_t /*events*/) {
  UniqueFd fd(accept4(fd_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
  if (!fd.ok()) return;
  // Small messages both ways.
  const int on = 1;
  setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  accepted_(std::move(fd));
}

void Acceptor::Rest(bool rests) {
  if (rests == rests_) return;
  rests_ = rests;
  loop_.Change(fd_.get(), rests ? 0U : EPOLLIN, *this);
}

}  // namespace percpud::gateway

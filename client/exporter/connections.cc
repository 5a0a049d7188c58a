// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "client/exporter/connections.h"

#include <sys/socket.h>

#include <cassert>

namespace percpud::exporter {

void Connections::Begin(int socket, Clock::time_point now) {
  const std::lock_guard lock(mutex_);
  since_.insert_or_assign(socket, now);
}

void Connections::End(int socket) {
  const std::lock_guard lock(mutex_);
  since_.erase(socket);
}

void Connections::HangUpSlow(Clock::time_point now) {
  const std::lock_guard lock(mutex_);
  for (auto entry = since_.begin(); entry != since_.end();) {
    const auto one = entry++;
    if (now - one->second <= kPatience) continue;
    // The server's thread sees the end, and closes it.
    shutdown(one->first, SHUT_RDWR);
    since_.erase(one);
  }
}

bool Connections::Hold(std::size_t bytes) {
  const std::lock_guard lock(mutex_);
  if (unread_ > 0 && (bytes > kMostUnread || unread_ > kMostUnread - bytes)) return false;
  unread_ += bytes;
  return true;
}

void Connections::Release(std::size_t bytes) {
  const std::lock_guard lock(mutex_);
  assert(unread_ >= bytes);
  unread_ -= bytes;
}

}  // namespace percpud::exporter

// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_SERVER_GATEWAY_ACCEPTOR_H_
#define PERCPUD_SERVER_GATEWAY_ACCEPTOR_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <utility>

#include "absl/status/status.h"
#include "server/base/unique_fd.h"
#include "server/gateway/event_loop.h"

namespace percpud::gateway {

// A listening socket. One thread.
class Acceptor final : public Waiter {
 public:
  // Gets a connected, non-blocking, close-on-exec socket.
  using Accepted = std::function<void(UniqueFd fd)>;

  // `loop` outlives the acceptor.
  Acceptor(UniqueFd listening, EventLoop& loop, Accepted accepted)
      : fd_(std::move(listening)), loop_(loop), accepted_(std::move(accepted)) {}
  ~Acceptor() { loop_.Remove(fd_.get(), *this); }
  Acceptor(const Acceptor&) = delete;
  Acceptor& operator=(const Acceptor&) = delete;

  // Errors: what the system said.
  absl::Status Start();
  void OnReady(std::uint32_t events) override;
  // While it rests, connections wait in the socket's queue.
  void Rest(bool rests);

 private:
  UniqueFd fd_;
  EventLoop& loop_;
  const Accepted accepted_;
  bool rests_ = false;
};

}  // namespace percpud::gateway

#endif  // PERCPUD_SERVER_GATEWAY_ACCEPTOR_H_

// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_SERVER_GATEWAY_EVENT_LOOP_H_
#define PERCPUD_SERVER_GATEWAY_EVENT_LOOP_H_

#include <cstdint>
#include <memory>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "server/base/unique_fd.h"

namespace percpud::gateway {

// What waits for a descriptor.
class Waiter {
 public:
  // `events` as epoll says them. The waiter may be destroyed in it.
  virtual void OnReady(std::uint32_t events) = 0;

 protected:
  ~Waiter() = default;
};

// epoll, and who waits for what. One thread.
class EventLoop {
 public:
  static absl::StatusOr<std::unique_ptr<EventLoop>> Create();

  // From now on `waiter` hears of `events` of the descriptor, as long as both are there.
  // Errors: what the system said.
  absl::Status Add(int fd, std::uint32_t events, Waiter& waiter);
  void Change(int fd, std::uint32_t events, Waiter& waiter);
  // Not to be heard of any more, even if it is ready already. Before either goes.
  void Remove(int fd, Waiter& waiter);

  // Waits until something is ready, or for `patience`, and tells who waits for it.
  void RunOnce(absl::Duration patience);

 private:
  static constexpr int kEvents = 64;

  explicit EventLoop(UniqueFd epoll) : epoll_(std::move(epoll)) {}

  UniqueFd epoll_;
  // The events that are being told; null outside RunOnce.
  struct Pending;
  Pending* pending_ = nullptr;
};

}  // namespace percpud::gateway

#endif  // PERCPUD_SERVER_GATEWAY_EVENT_LOOP_H_

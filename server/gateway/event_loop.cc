// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/gateway/event_loop.h"

#include <sys/epoll.h>

#include <array>
#include <cerrno>
#include <span>
#include <utility>

#include "server/base/errors.h"

namespace percpud::gateway {

struct EventLoop::Pending {
  std::span<epoll_event> events;
};

absl::StatusOr<std::unique_ptr<EventLoop>> EventLoop::Create() {
  UniqueFd epoll(epoll_create1(EPOLL_CLOEXEC));
  if (!epoll.ok()) return errors::OsRefused("epoll_create", "gateway", errno);
  return std::unique_ptr<EventLoop>(new EventLoop(std::move(epoll)));
}

absl::Status EventLoop::Add(int fd, std::uint32_t events, Waiter& waiter) {
  epoll_event event{.events = events, .data = {.ptr = &waiter}};
  if (epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) == 0) return absl::OkStatus();
  return errors::OsRefused("epoll_ctl", "gateway", errno);
}

void EventLoop::Change(int fd, std::uint32_t events, Waiter& waiter) {
  epoll_event event{.events = events, .data = {.ptr = &waiter}};
  epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, fd, &event);
}

void EventLoop::Remove(int fd, Waiter& waiter) {
  epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, nullptr);
  if (pending_ == nullptr) return;
  for (epoll_event& event : pending_->events) {
    if (event.data.ptr == &waiter) event.data.ptr = nullptr;
  }
}

void EventLoop::RunOnce(absl::Duration patience) {
  std::array<epoll_event, kEvents> events;
  const auto milliseconds = static_cast<int>(absl::ToInt64Milliseconds(patience));
  const int count = epoll_wait(epoll_.get(), events.data(), kEvents, milliseconds);
  if (count <= 0) return;
  Pending pending{std::span(events).first(static_cast<std::size_t>(count))};
  pending_ = &pending;
  for (const epoll_event& event : pending.events) {
    if (event.data.ptr != nullptr) static_cast<Waiter*>(event.data.ptr)->OnReady(event.events);
  }
  pending_ = nullptr;
}

}  // namespace percpud::gateway

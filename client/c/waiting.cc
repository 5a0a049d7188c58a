// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "client/c/waiting.h"

#include <poll.h>
#include <time.h>

#include <algorithm>

namespace percpud::c {
namespace {

constexpr std::int64_t kMillisecondNs = 1'000'000;
// Between two looks for a daemon that is not there.
constexpr std::int64_t kNapMs = 20;

}  // namespace

std::int64_t NowNs() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return std::int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

std::int64_t DeadlineNs(std::int64_t milliseconds) {
  return NowNs() + milliseconds * kMillisecondNs;
}

void AwaitDoor(int door, std::int64_t end_ns) {
  pollfd polled{.fd = door, .events = POLLIN, .revents = 0};
  const bool connected = door != kNoDoor;
  const std::int64_t left = (end_ns - NowNs() + kMillisecondNs - 1) / kMillisecondNs;
  poll(&polled, connected ? 1 : 0, static_cast<int>(std::clamp<std::int64_t>(left, 0, kNapMs)));
}

void Settle(percpud_client& p, std::int64_t end_ns) {
  WaitUntil(p, end_ns, [&p] {
    p.Fold();
    return !p.IsBusy();
  });
}

void Run(percpud_client& p, Command& command, std::int64_t end_ns) {
  {
    const Locked locked(p.mutex);
    p.command = &command;
    if (p.state == percpud_client::State::kAway) p.next_try_ns = 0;
  }
  WaitUntil(p, end_ns, [&] {
    if (!command.is_done() && p.state == percpud_client::State::kAway) {
      command.Fail(p.reason.data());
    }
    return command.is_done();
  });
  const Locked locked(p.mutex);
  p.command = nullptr;
  if (!command.is_done()) command.Fail("the daemon does not answer in time");
  if (command.series() < 0) p.SetReason(command.reason());
}

}  // namespace percpud::c

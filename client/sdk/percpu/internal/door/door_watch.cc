// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "percpu/internal/door/door_watch.h"

#include <poll.h>
#include <sys/eventfd.h>

#include <algorithm>
#include <cassert>
#include <cerrno>
#include <cstring>
#include <new>
#include <random>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "percpu/internal/thread.h"
#include "server/base/status_macros.h"

namespace percpu {
namespace {

// The pauses between attempts double from the first to the longest. Each is cut at
// random to between half of it and all of it, so that a daemon that comes back does not
// hear all its clients in the same instant.
constexpr int kFirstPauseMs = 10;
constexpr int kLongestPauseMs = 1000;

int WithJitter(int pause_ms) {
  thread_local std::minstd_rand random(std::random_device{}());
  return std::uniform_int_distribution(pause_ms / 2, pause_ms)(random);
}

}  // namespace

DoorWatch::DoorWatch(percpud::UniqueFd stop, Attempt attempt)
    : attempt_(std::move(attempt)), stop_(std::move(stop)) {
  assert(attempt_ != nullptr && stop_.ok());
}

absl::StatusOr<std::unique_ptr<DoorWatch>> DoorWatch::Start(std::optional<int> door,
                                                            Attempt attempt) {
  percpud::UniqueFd stop(eventfd(0, EFD_CLOEXEC));
  if (!stop.ok()) {
    return absl::ResourceExhaustedError(
        absl::StrCat("side door: no descriptor to watch it with: ", std::strerror(errno)));
  }
  std::unique_ptr<DoorWatch> watch(new DoorWatch(std::move(stop), std::move(attempt)));
  DoorWatch* const self = watch.get();
  ASSIGN_OR_RETURN(watch->thread_, StartThread("percpu-door", [self, door] { self->Loop(door); }));
  return watch;
}

DoorWatch::~DoorWatch() {
  assert(!IsThisThread());
  if (!thread_.joinable()) return;
  eventfd_write(stop_.get(), 1);
  thread_.join();
}

bool DoorWatch::IsThisThread() const { return thread_id_.load() == std::this_thread::get_id(); }

void DoorWatch::Loop(std::optional<int> door) {
  thread_id_.store(std::this_thread::get_id());
  while (true) {
    if (door && SleepUntilHungUp(*door)) return;
    door = ComeBack();
    if (!door) return;
  }
}

std::optional<int> DoorWatch::ComeBack() {
  for (int pause_ms = kFirstPauseMs;; pause_ms = std::min(pause_ms * 2, kLongestPauseMs)) {
    int door = -1;
    const Outcome outcome = AttemptOnce(door);
    if (outcome == Outcome::kBack) return door;
    if (outcome == Outcome::kOver || SleepFor(WithJitter(pause_ms))) return std::nullopt;
  }
}

// This thread is the SDK's: nobody else could meet what is thrown here, and it would end the
// program.
DoorWatch::Outcome DoorWatch::AttemptOnce(int& door) const {
  try {
    return attempt_(stop_.get(), door);
  } catch (const std::bad_alloc&) {
    return Outcome::kNotYet;
  }
}

bool DoorWatch::SleepUntilHungUp(int door) const {
  // Messages are the lane's to read. POLLRDHUP tells the end apart from them.
  pollfd polled[2] = {{.fd = stop_.get(), .events = POLLIN, .revents = 0},
                      {.fd = door, .events = POLLRDHUP, .revents = 0}};
  while (poll(polled, 2, -1) < 0 && errno == EINTR) {
  }
  return polled[0].revents != 0;
}

bool DoorWatch::SleepFor(int milliseconds) const {
  pollfd polled{.fd = stop_.get(), .events = POLLIN, .revents = 0};
  return poll(&polled, 1, milliseconds) > 0;
}

}  // namespace percpu

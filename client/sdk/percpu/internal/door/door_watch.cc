// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "percpu/internal/door/door_watch.h"

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>

#include <algorithm>
#include <cerrno>
#include <random>
#include <utility>

namespace percpu {
namespace {

// The pauses between attempts double from the first to the longest. Each is cut
// by chance to between half of it and all of it: a daemon that comes back is not
// asked by all its clients in the same instant.
constexpr int kFirstPauseMs = 10;
constexpr int kLongestPauseMs = 1000;

int WithJitter(int pause_ms) {
  thread_local std::minstd_rand random(std::random_device{}());
  return std::uniform_int_distribution(pause_ms / 2, pause_ms)(random);
}

}  // namespace

DoorWatch::DoorWatch(std::optional<int> door, Attempt attempt)
    : attempt_(std::move(attempt)), stop_(eventfd(0, EFD_CLOEXEC)) {
  // The program's signals are none of this thread's business.
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  thread_ = std::thread([this, door] { Loop(door); });
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

DoorWatch::~DoorWatch() {
  eventfd_write(stop_.get(), 1);
  thread_.join();
}

void DoorWatch::Loop(std::optional<int> door) {
  pthread_setname_np(pthread_self(), "percpu-door");
  while (true) {
    if (door && SleepUntilHungUp(*door)) return;
    door = ComeBack();
    if (!door) return;
  }
}

std::optional<int> DoorWatch::ComeBack() {
  for (int pause_ms = kFirstPauseMs;; pause_ms = std::min(pause_ms * 2, kLongestPauseMs)) {
    int door = -1;
    const Outcome outcome = attempt_(stop_.get(), door);
    if (outcome == Outcome::kBack) return door;
    if (outcome == Outcome::kOver || SleepFor(WithJitter(pause_ms))) return std::nullopt;
  }
}

bool DoorWatch::SleepUntilHungUp(int door) const {
  // What there is to read is the lane's, or nothing: the end is told apart.
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

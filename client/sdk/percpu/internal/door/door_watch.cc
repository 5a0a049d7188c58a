// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "percpu/internal/door/door_watch.h"

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <new>
#include <utility>

namespace percpu {
namespace {

constexpr int kFirstPauseMs = 10;
constexpr int kLongestPauseMs = 500;

}  // namespace

DoorWatch::DoorWatch(int door, Return come_back)
    : process_(getpid()), come_back_(std::move(come_back)), stop_(eventfd(0, EFD_CLOEXEC)) {
  // The program's signals are none of this thread's business.
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  thread_ = std::thread([this, door] { Loop(door); });
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

DoorWatch::~DoorWatch() {
  if (getpid() != process_) {
    // Joining or detaching what is not there is undefined.
    new (std::nothrow) std::thread(std::move(thread_));
    return;
  }
  eventfd_write(stop_.get(), 1);
  thread_.join();
}

void DoorWatch::Loop(int door) {
  pthread_setname_np(pthread_self(), "percpu-door");
  while (door >= 0) {
    if (SleepUntilHungUp(door)) return;
    for (int pause = kFirstPauseMs; !come_back_(door);
         pause = std::min(pause * 2, kLongestPauseMs)) {
      if (SleepFor(pause)) return;
    }
  }
}

bool DoorWatch::SleepUntilHungUp(int door) const {
  // The daemon says nothing more: whatever there is to read is its end.
  pollfd polled[2] = {{.fd = stop_.get(), .events = POLLIN, .revents = 0},
                      {.fd = door, .events = POLLIN | POLLRDHUP, .revents = 0}};
  while (poll(polled, 2, -1) < 0 && errno == EINTR) {
  }
  return polled[0].revents != 0;
}

bool DoorWatch::SleepFor(int milliseconds) const {
  pollfd polled{.fd = stop_.get(), .events = POLLIN, .revents = 0};
  return poll(&polled, 1, milliseconds) > 0;
}

}  // namespace percpu

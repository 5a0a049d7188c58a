// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/handoff/closer.h"

#include <pthread.h>
#include <sys/socket.h>

#include <utility>

namespace percpud {
namespace {

// A socket that lingers is closed without waiting for its peer; anything else refuses
// the option.
void Disarm(const UniqueFd& fd) {
  const linger off{.l_onoff = 0, .l_linger = 0};
  setsockopt(fd.get(), SOL_SOCKET, SO_LINGER, &off, sizeof(off));
}

}  // namespace

Closer::Closer() : thread_([this] { Loop(); }) {}

Closer::~Closer() {
  {
    RankedLock lock(&mu_);
    closing_ = true;
  }
  thread_.join();
}

void Closer::Close(UniqueFd fd) {
  if (!fd.ok()) return;
  RankedLock lock(&mu_);
  fds_.push_back(std::move(fd));
}

void Closer::Loop() {
  pthread_setname_np(pthread_self(), "closer");
  while (true) {
    std::vector<UniqueFd> fds;
    {
      RankedLock lock(&mu_);
      mu_.Await(absl::Condition(this, &Closer::HasWork));
      fds.swap(fds_);
      if (fds.empty()) return;
    }
    for (UniqueFd& fd : fds) {
      Disarm(fd);
      fd.reset();
    }
  }
}

}  // namespace percpud

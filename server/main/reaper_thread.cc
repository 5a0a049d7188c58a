// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/main/reaper_thread.h"

#include <pthread.h>

#include "absl/time/time.h"

namespace percpud {
namespace {

// A time to live is a second at least, so that nobody is due sooner.
constexpr absl::Duration kInterval = absl::Seconds(1);

}  // namespace

ReaperThread::ReaperThread(Sessions& sessions) : sessions_(sessions) {
  thread_ = std::thread([this] { Loop(); });
}

ReaperThread::~ReaperThread() {
  {
    RankedLock lock(&mu_);
    stopping_ = true;
  }
  thread_.join();
}

void ReaperThread::Nudge() {
  RankedLock lock(&mu_);
  nudged_ = true;
}

void ReaperThread::Loop() {
  pthread_setname_np(pthread_self(), "reaper");
  while (true) {
    {
      RankedLock lock(&mu_);
      mu_.AwaitWithTimeout(absl::Condition(this, &ReaperThread::HasNews), kInterval);
      if (stopping_) return;
      nudged_ = false;
    }
    sessions_.ReapExpired();
    pulse_.Beat();
  }
}

}  // namespace percpud

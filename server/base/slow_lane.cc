// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/base/slow_lane.h"

#include <pthread.h>

#include <functional>
#include <utility>

#include "server/base/clock.h"

namespace percpud {

SlowLane::SlowLane() : thread_([this] { Loop(); }) {}

SlowLane::~SlowLane() { Close(); }

void SlowLane::Run(std::function<void()> work) {
  {
    RankedLock lock(&mu_);
    if (!closed_) {
      queue_.push_back(std::move(work));
      return;
    }
  }
  work();
}

void SlowLane::Nudge() {
  RankedLock lock(&mu_);
  nudged_ = true;
}

void SlowLane::AwaitIdle(absl::Time deadline) {
  RankedLock lock(&mu_);
  mu_.AwaitWithTimeout(absl::Condition(this, &SlowLane::IsIdle), deadline - NowSinceBoot());
}

void SlowLane::Close() {
  {
    RankedLock lock(&mu_);
    closed_ = true;
  }
  if (thread_.joinable()) thread_.join();
}

void SlowLane::Loop() {
  pthread_setname_np(pthread_self(), "slow-lane");
  while (true) {
    std::function<void()> work;
    {
      RankedLock lock(&mu_);
      running_ = false;
      mu_.Await(absl::Condition(this, &SlowLane::HasNews));
      pulse_.Beat();
      nudged_ = false;
      if (queue_.empty() && closed_) return;
      if (queue_.empty()) continue;
      work = std::move(queue_.front());
      queue_.pop_front();
      running_ = true;
    }
    work();
  }
}

}  // namespace percpud

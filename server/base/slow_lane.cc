// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/base/slow_lane.h"

#include <pthread.h>

#include <cassert>
#include <functional>
#include <utility>

#include "server/base/clock.h"

namespace percpud {

SlowLane::SlowLane(std::string name, int threads) : name_(std::move(name)) {
  assert(threads > 0 && name_.size() <= 15);
  for (int i = 0; i < threads; ++i) threads_.emplace_back([this] { Loop(); });
}

SlowLane::~SlowLane() { Close(); }

void SlowLane::Run(Payer payer, std::function<void()> work) {
  {
    RankedLock lock(&mu_);
    if (!closed_) {
      std::deque<std::function<void()>>& queue = waiting_[payer];
      if (queue.empty()) turns_.push_back(payer);
      queue.push_back(std::move(work));
      return;
    }
  }
  work();
}

std::function<void()> SlowLane::Next() {
  assert(!turns_.empty());
  const Payer payer = turns_.front();
  turns_.pop_front();
  const auto queue = waiting_.find(payer);
  assert(queue != waiting_.end() && !queue->second.empty());
  std::function<void()> work = std::move(queue->second.front());
  queue->second.pop_front();
  if (queue->second.empty()) {
    waiting_.erase(queue);
  } else {
    turns_.push_back(payer);
  }
  return work;
}

void SlowLane::Nudge() {
  RankedLock lock(&mu_);
  nudged_ = true;
}

void SlowLane::AwaitIdle(BootTime deadline) {
  RankedLock lock(&mu_);
  mu_.AwaitWithTimeout(absl::Condition(this, &SlowLane::IsIdle), deadline - NowSinceBoot());
}

void SlowLane::Close() {
  {
    RankedLock lock(&mu_);
    closed_ = true;
  }
  for (std::thread& thread : threads_) {
    if (thread.joinable()) thread.join();
  }
}

void SlowLane::Loop() {
  pthread_setname_np(pthread_self(), name_.c_str());
  while (true) {
    std::function<void()> work;
    {
      RankedLock lock(&mu_);
      mu_.Await(absl::Condition(this, &SlowLane::HasNews));
      pulse_.Beat();
      nudged_ = false;
      if (turns_.empty() && closed_) return;
      if (turns_.empty()) continue;
      work = Next();
      ++running_;
    }
    work();
    work = nullptr;
    RankedLock lock(&mu_);
    --running_;
  }
}

}  // namespace percpud

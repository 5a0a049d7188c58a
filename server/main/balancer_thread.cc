// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/main/balancer_thread.h"

#include <pthread.h>

#include "server/base/clock.h"

namespace percpud {

BalancerThread::BalancerThread(Allocator& allocator) : allocator_(allocator) {
  allocator_.set_balance_wanted([this] { Wake(); });
  thread_ = std::thread([this] { Loop(); });
}

BalancerThread::~BalancerThread() {
  {
    RankedLock lock(&mu_);
    stopping_ = true;
  }
  thread_.join();
}

void BalancerThread::Wake() {
  RankedLock lock(&mu_);
  wanted_ = true;
}

void BalancerThread::Loop() {
  pthread_setname_np(pthread_self(), "balancer");
  // At once: what an earlier daemon left behind may have to be cleared.
  BootTime due = BootTime::InfinitePast();
  while (true) {
    {
      RankedLock lock(&mu_);
      mu_.AwaitWithTimeout(absl::Condition(this, &BalancerThread::HasNews), due - NowSinceBoot());
      if (stopping_) return;
      wanted_ = false;
    }
    due = allocator_.Balance();
    pulse_.Beat();
  }
}

}  // namespace percpud

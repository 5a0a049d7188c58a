// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_SERVER_MAIN_BALANCER_THREAD_H_
#define PERCPUD_SERVER_MAIN_BALANCER_THREAD_H_

#include <thread>

#include "server/base/pulse.h"
#include "server/base/ranked_mutex.h"
#include "server/percpu/allocator/allocator.h"

namespace percpud {

// Runs Allocator::Balance when the allocator asks for it and when a free chunk
// comes of age. Runs from construction to destruction.
class BalancerThread {
 public:
  // Outlives the thread; its set_balance_wanted is taken.
  explicit BalancerThread(Allocator& allocator);
  ~BalancerThread();
  BalancerThread(const BalancerThread&) = delete;
  BalancerThread& operator=(const BalancerThread&) = delete;

  // Beats with every Balance; a nudge asks for one.
  [[nodiscard]] const Pulse& pulse() const { return pulse_; }
  void Nudge() { Wake(); }

 private:
  void Loop();
  void Wake();
  [[nodiscard]] bool HasNews() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    return wanted_ || stopping_;
  }

  Allocator& allocator_;
  RankedMutex mu_{LockRank::kLeaf};
  bool wanted_ ABSL_GUARDED_BY(mu_) = false;
  bool stopping_ ABSL_GUARDED_BY(mu_) = false;
  Pulse pulse_;
  std::thread thread_;
};

}  // namespace percpud

#endif  // PERCPUD_SERVER_MAIN_BALANCER_THREAD_H_

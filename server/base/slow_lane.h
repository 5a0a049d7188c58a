// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_SERVER_BASE_SLOW_LANE_H_
#define PERCPUD_SERVER_BASE_SLOW_LANE_H_

#include <deque>
#include <functional>
#include <thread>

#include "absl/time/time.h"
#include "server/base/pulse.h"
#include "server/base/ranked_mutex.h"

namespace percpud {

// One thread for calls that have to sleep (for a chunk to be created), so that
// the hot thread never does. First come, first served. Thread safe.
class SlowLane {
 public:
  SlowLane();
  ~SlowLane();
  SlowLane(const SlowLane&) = delete;
  SlowLane& operator=(const SlowLane&) = delete;

  // Runs `work` on the lane, or here and now once the lane is closed.
  void Run(std::function<void()> work);
  // Returns when there is nothing to run, or at `deadline`.
  void AwaitIdle(absl::Time deadline);
  // Returns when everything accepted so far has run. Idempotent.
  void Close();
  // Beats whenever the lane turns to its queue; a nudge has it do so.
  [[nodiscard]] const Pulse& pulse() const { return pulse_; }
  void Nudge();

 private:
  void Loop();
  [[nodiscard]] bool HasNews() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    return closed_ || nudged_ || !queue_.empty();
  }
  [[nodiscard]] bool IsIdle() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    return !running_ && queue_.empty();
  }

  RankedMutex mu_{LockRank::kLeaf};
  std::deque<std::function<void()>> queue_ ABSL_GUARDED_BY(mu_);
  bool running_ ABSL_GUARDED_BY(mu_) = false;
  bool closed_ ABSL_GUARDED_BY(mu_) = false;
  bool nudged_ ABSL_GUARDED_BY(mu_) = false;
  Pulse pulse_;
  std::thread thread_;
};

}  // namespace percpud

#endif  // PERCPUD_SERVER_BASE_SLOW_LANE_H_

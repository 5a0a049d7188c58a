// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_SERVER_BASE_SLOW_LANE_H_
#define PERCPUD_SERVER_BASE_SLOW_LANE_H_

#include <cstddef>
#include <deque>
#include <functional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "server/base/clock.h"
#include "server/base/pulse.h"
#include "server/base/ranked_mutex.h"

namespace percpud {

// Threads for calls that take time (a chunk has to be created, a list is copied), so
// that the hot thread never does. Peers take turns: one that asks for much waits for
// itself. What one peer asked for runs in the order in which it came. Thread safe.
class SlowLane {
 public:
  // The party that takes turns; payers are only compared.
  using Payer = const void*;

  // The threads are called `name`, 15 characters at most. REQUIRES: threads > 0.
  explicit SlowLane(std::string name = "slow-lane", int threads = 1);
  ~SlowLane();
  SlowLane(const SlowLane&) = delete;
  SlowLane& operator=(const SlowLane&) = delete;

  // Runs `work` on the lane, or here and now once the lane is closed.
  void Run(Payer payer, std::function<void()> work);
  // The same for work without a payer. All of it takes turns as one.
  void Run(std::function<void()> work) { Run(nullptr, std::move(work)); }
  // Returns when there is nothing to run, or at `deadline`.
  void AwaitIdle(BootTime deadline);
  // Returns when everything accepted so far has run. Idempotent.
  void Close();
  // Beats whenever a thread turns to the queue; a nudge makes one do so.
  [[nodiscard]] const Pulse& pulse() const { return pulse_; }
  void Nudge();

 private:
  void Loop();
  // The next one whose turn it is. REQUIRES: there is one.
  std::function<void()> Next() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  [[nodiscard]] bool HasNews() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    return closed_ || nudged_ || !turns_.empty();
  }
  [[nodiscard]] bool IsIdle() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    return running_ == 0 && turns_.empty();
  }

  const std::string name_;
  RankedMutex mu_{LockRank::kLeaf};
  // What each payer waits for. Each that waits has one turn.
  absl::flat_hash_map<Payer, std::deque<std::function<void()>>> waiting_ ABSL_GUARDED_BY(mu_);
  std::deque<Payer> turns_ ABSL_GUARDED_BY(mu_);
  std::size_t running_ ABSL_GUARDED_BY(mu_) = 0;
  bool closed_ ABSL_GUARDED_BY(mu_) = false;
  bool nudged_ ABSL_GUARDED_BY(mu_) = false;
  Pulse pulse_;
  std::vector<std::thread> threads_;
};

}  // namespace percpud

#endif  // PERCPUD_SERVER_BASE_SLOW_LANE_H_

// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_SERVER_FLEET_TURNS_H_
#define PERCPUD_SERVER_FLEET_TURNS_H_

#include <cstddef>
#include <deque>
#include <functional>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "server/base/ranked_mutex.h"
#include "server/base/slow_lane.h"

namespace percpud::fleet {

// A slow lane on which no payer has more than a few threads at once: work that waits for others
// does not get quicker by turns. Thread safe.
class Turns {
 public:
  // What a payer may have waiting: callers who leave do not take what they have asked for along.
  static constexpr std::size_t kMostWaiting = 1024;

  // The threads are called `name`, 15 characters at most. REQUIRES: both numbers are above 0.
  Turns(std::string name, int threads, int most_of_payer);
  // Returns when everything accepted so far has run.
  ~Turns();
  Turns(const Turns&) = delete;
  Turns& operator=(const Turns&) = delete;

  // Runs `work` on a thread. What one payer asks for begins in the order in which it came. False:
  // it has kMostWaiting waiting already, and this is not run.
  [[nodiscard]] bool Run(SlowLane::Payer payer, std::function<void()> work);

 private:
  // A payer that has something running.
  struct Account {
    int running = 0;
    std::deque<std::function<void()>> waiting;
  };

  // Puts it on the lane, and what waits for it behind.
  void Begin(SlowLane::Payer payer, std::function<void()> work);
  // What the payer's thread does next; nothing gives the thread back.
  std::function<void()> NextOf(SlowLane::Payer payer);

  const int most_of_payer_;
  RankedMutex mutex_{LockRank::kLeaf};
  absl::flat_hash_map<SlowLane::Payer, Account> accounts_ ABSL_GUARDED_BY(mutex_);
  // Ends before what it uses.
  SlowLane lane_;
};

}  // namespace percpud::fleet

#endif  // PERCPUD_SERVER_FLEET_TURNS_H_

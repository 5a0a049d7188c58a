// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_SERVER_MAIN_REAPER_THREAD_H_
#define PERCPUD_SERVER_MAIN_REAPER_THREAD_H_

#include <thread>

#include "server/base/pulse.h"
#include "server/base/ranked_mutex.h"
#include "server/session/sessions.h"

namespace percpud {

// Ends remote sessions that nobody renews: looks every second. Runs from
// construction to destruction.
class ReaperThread {
 public:
  // Outlives the thread.
  explicit ReaperThread(Sessions& sessions);
  ~ReaperThread();
  ReaperThread(const ReaperThread&) = delete;
  ReaperThread& operator=(const ReaperThread&) = delete;

  // Beats with every look; a nudge asks for one.
  [[nodiscard]] const Pulse& pulse() const { return pulse_; }
  void Nudge();

 private:
  void Loop();
  [[nodiscard]] bool HasNews() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    return nudged_ || stopping_;
  }

  Sessions& sessions_;
  RankedMutex mu_{LockRank::kLeaf};
  bool nudged_ ABSL_GUARDED_BY(mu_) = false;
  bool stopping_ ABSL_GUARDED_BY(mu_) = false;
  Pulse pulse_;
  std::thread thread_;
};

}  // namespace percpud

#endif  // PERCPUD_SERVER_MAIN_REAPER_THREAD_H_

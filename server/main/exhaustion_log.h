// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_SERVER_MAIN_EXHAUSTION_LOG_H_
#define PERCPUD_SERVER_MAIN_EXHAUSTION_LOG_H_

#include <chrono>
#include <cstdint>
#include <optional>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "server/base/ranked_mutex.h"

namespace percpud {

// Warns the operator of requests that were refused for want of memory: of the first at
// once, and of those that follow once a minute. Thread safe.
class ExhaustionLog {
 public:
  // Ignores refusals of any other kind.
  void Note(const absl::Status& refused) ABSL_LOCKS_EXCLUDED(mu_);

 private:
  RankedMutex mu_{LockRank::kLeaf};
  // By a clock that nobody sets.
  std::optional<std::chrono::steady_clock::time_point> last_ ABSL_GUARDED_BY(mu_);
  std::uint64_t unsaid_ ABSL_GUARDED_BY(mu_) = 0;
};

}  // namespace percpud

#endif  // PERCPUD_SERVER_MAIN_EXHAUSTION_LOG_H_

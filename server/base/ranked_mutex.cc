// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/base/ranked_mutex.h"

#include <linux/futex.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <climits>

#ifndef NDEBUG
#include <array>
#include <cstdio>
#include <cstdlib>
#endif

#include "server/base/clock.h"

namespace percpud {

bool RankedMutex::AwaitWithTimeout(const absl::Condition& condition, absl::Duration timeout) {
  const BootTime deadline = NowSinceBoot() + timeout;
  // Once: waiters who told each other each time they look would never sleep.
  TellTimedWaiters();
  while (!condition.Eval()) {
    const absl::Duration left = deadline - NowSinceBoot();
    if (left <= absl::ZeroDuration()) return false;
    ++timed_waiters_;
    const std::uint32_t seen = changes_.load(std::memory_order_relaxed);
    Release();
    // A relative wait of a futex is by the monotonic clock. An hour at most, so that any
    // duration fits; the loop goes on waiting.
    const timespec nap = absl::ToTimespec(std::min(left, absl::Hours(1)));
    syscall(SYS_futex, &changes_, FUTEX_WAIT_PRIVATE, seen, &nap, nullptr, 0);
    Lock();
    --timed_waiters_;
  }
  return true;
}

void RankedMutex::WakeTimedWaiters() {
  syscall(SYS_futex, &changes_, FUTEX_WAKE_PRIVATE, INT_MAX, nullptr, nullptr, 0);
}

#ifndef NDEBUG
namespace {

// The ranks this thread holds, lowest first. Deeper nesting than there are
// ranks is itself a breach.
struct HeldRanks {
  std::array<int, 8> rank{};
  int depth = 0;
};

thread_local HeldRanks held;

}  // namespace

void NoteLock(LockRank lock_rank) {
  const int rank = static_cast<int>(lock_rank);
  const bool too_deep = held.depth == static_cast<int>(held.rank.size());
  if (too_deep || (held.depth > 0 && held.rank[held.depth - 1] >= rank)) {
    std::fprintf(stderr, "lock order: rank %d taken while rank %d is held\n", rank,
                 held.depth > 0 ? held.rank[held.depth - 1] : -1);
    std::abort();
  }
  held.rank[held.depth++] = rank;
}

void NoteUnlock(LockRank lock_rank) {
  const int rank = static_cast<int>(lock_rank);
  int at = held.depth - 1;
  while (at >= 0 && held.rank[at] != rank) --at;
  if (at < 0) {
    std::fprintf(stderr, "lock order: rank %d released but not held\n", rank);
    std::abort();
  }
  for (; at + 1 < held.depth; ++at) held.rank[at] = held.rank[at + 1];
  --held.depth;
}

#endif  // NDEBUG

}  // namespace percpud

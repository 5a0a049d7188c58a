// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// Lock order as data. Every mutex of the daemon has a rank here, and a thread
// takes them in rising order only. Debug builds abort on a breach and name both
// ranks; release builds pay a load and a branch over absl::Mutex.

#ifndef PERCPUD_SERVER_BASE_RANKED_MUTEX_H_
#define PERCPUD_SERVER_BASE_RANKED_MUTEX_H_

#include <atomic>
#include <cstdint>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"

#ifdef PERCPUD_TSAN
#include <sanitizer/tsan_interface.h>
#endif

namespace percpud {

enum class LockRank : int {
  // Daemon wiring: lanes, watchers. Held over nothing else but a queue.
  kLifecycle = 10,
  // Creating, destroying and populating chunks. Sleeps; held for milliseconds.
  kGrow = 20,
  // The allocator's index. Short: no system call, no zeroing, no allocation of
  // chunks under it.
  kIndex = 30,
  // A queue or a flag; nothing is taken under it but the next.
  kLeaf = 40,
  // The catalog's queue, entered under the lock that orders what is entered.
  kCatalog = 50,
};

// What debug builds know of the ranks that a thread holds.
#ifdef NDEBUG
inline void NoteLock(LockRank /*rank*/) {}
inline void NoteUnlock(LockRank /*rank*/) {}
#else
void NoteLock(LockRank rank);
void NoteUnlock(LockRank rank);
#endif

class ABSL_LOCKABLE RankedMutex {
 public:
  explicit RankedMutex(LockRank rank) : rank_(rank) {}
  RankedMutex(const RankedMutex&) = delete;
  RankedMutex& operator=(const RankedMutex&) = delete;

  void Lock() ABSL_EXCLUSIVE_LOCK_FUNCTION() {
    NoteLock(rank_);
    mu_.Lock();
    TellTsanAcquired();
  }
  void Unlock() ABSL_UNLOCK_FUNCTION() {
    const bool wakes = NoteChange();
    Release();
    if (wakes) WakeTimedWaiters();
  }
  // Waits until `condition` holds; the lock is given up meanwhile.
  void Await(const absl::Condition& condition) ABSL_EXCLUSIVE_LOCKS_REQUIRED(this) {
#ifdef PERCPUD_TSAN
    // abseil lets the thread that unlocks evaluate the condition, where the sanitizer
    // sees no lock. Here only the waiter does.
    AwaitWithTimeout(condition, absl::InfiniteDuration());
#else
    // abseil gives the lock up inside Await: timed waiters are told of changes before.
    TellTimedWaiters();
    mu_.Await(condition);
#endif
  }
  // The same for `timeout` at most. True if `condition` held before it ran out. The
  // time is elapsed time: abseil's own waits end at an hour of the calendar, which may
  // be set back meanwhile.
  bool AwaitWithTimeout(const absl::Condition& condition, absl::Duration timeout)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(this);
  void AssertHeld() const ABSL_ASSERT_EXCLUSIVE_LOCK() { mu_.AssertHeld(); }

  [[nodiscard]] LockRank rank() const { return rank_; }

 private:
  // The packaged abseil is not instrumented: without a word from us, the
  // thread sanitizer would not see that this lock orders anything.
#ifdef PERCPUD_TSAN
  void TellTsanAcquired() { __tsan_acquire(this); }
  void TellTsanReleasing() { __tsan_release(this); }
#else
  void TellTsanAcquired() {}
  void TellTsanReleasing() {}
#endif

  // A thread that waits in time looks again whenever somebody else has had the lock.
  // True if there is one, which is then to be woken when the lock is free.
  bool NoteChange() ABSL_EXCLUSIVE_LOCKS_REQUIRED(this) {
    if (timed_waiters_ == 0) return false;
    changes_.fetch_add(1, std::memory_order_relaxed);
    return true;
  }
  void TellTimedWaiters() ABSL_EXCLUSIVE_LOCKS_REQUIRED(this) {
    if (NoteChange()) WakeTimedWaiters();
  }
  // Unlocks. Nothing of the lock may be read afterwards: a waiter may destroy it.
  void Release() ABSL_UNLOCK_FUNCTION() {
    NoteUnlock(rank_);
    TellTsanReleasing();
    mu_.Unlock();
  }
  // Uses the lock's address only: the lock may have been destroyed by now.
  void WakeTimedWaiters();

  const LockRank rank_;
  absl::Mutex mu_;
  std::uint32_t timed_waiters_ ABSL_GUARDED_BY(this) = 0;
  // What timed waiters sleep on (futex).
  std::atomic<std::uint32_t> changes_{0};
};

// Holds a RankedMutex or a ShortMutex from construction to destruction.
template <typename Mutex>
class ABSL_SCOPED_LOCKABLE RankedLock {
 public:
  explicit RankedLock(Mutex* mu) ABSL_EXCLUSIVE_LOCK_FUNCTION(mu) : mu_(mu) { mu_->Lock(); }
  ~RankedLock() ABSL_UNLOCK_FUNCTION() { mu_->Unlock(); }
  RankedLock(const RankedLock&) = delete;
  RankedLock& operator=(const RankedLock&) = delete;

 private:
  Mutex* const mu_;
};

}  // namespace percpud

#endif  // PERCPUD_SERVER_BASE_RANKED_MUTEX_H_

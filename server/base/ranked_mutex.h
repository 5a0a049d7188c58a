// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// Lock order as data. Every mutex of the daemon has a rank here, and a thread
// takes them in rising order only. Debug builds abort on a breach and name both
// ranks; release builds pay nothing over absl::Mutex.

#ifndef PERCPUD_SERVER_BASE_RANKED_MUTEX_H_
#define PERCPUD_SERVER_BASE_RANKED_MUTEX_H_

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/clock.h"
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
    // Whoever waits may destroy the lock as soon as it is free.
    NoteUnlock(rank_);
    TellTsanReleasing();
    mu_.Unlock();
  }
#ifndef PERCPUD_TSAN
  // Waits until `condition` holds; the lock is given up meanwhile.
  void Await(const absl::Condition& condition) ABSL_EXCLUSIVE_LOCKS_REQUIRED(this) {
    mu_.Await(condition);
  }
  // True if `condition` held before `timeout` ran out.
  bool AwaitWithTimeout(const absl::Condition& condition, absl::Duration timeout)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(this) {
    return mu_.AwaitWithTimeout(condition, timeout);
  }
#else
  // abseil lets whoever unlocks evaluate the condition, where the sanitizer
  // sees no lock: here only the waiter does, again and again.
  void Await(const absl::Condition& condition) ABSL_EXCLUSIVE_LOCKS_REQUIRED(this) {
    AwaitWithTimeout(condition, absl::InfiniteDuration());
  }
  bool AwaitWithTimeout(const absl::Condition& condition, absl::Duration timeout)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(this) {
    const absl::Time deadline = absl::Now() + timeout;
    while (!condition.Eval()) {
      if (absl::Now() >= deadline) return false;
      Unlock();
      absl::SleepFor(absl::Milliseconds(1));
      Lock();
    }
    return true;
  }
#endif
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

  const LockRank rank_;
  absl::Mutex mu_;
};

// Of a RankedMutex or a ShortMutex.
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

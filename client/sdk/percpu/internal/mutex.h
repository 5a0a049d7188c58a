// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// A lock whose waits end by elapsed time. Abseil's timed waits end at an hour of the
// calendar, and last for hours if that is set back meanwhile.

#ifndef PERCPUD_CLIENT_SDK_PERCPU_INTERNAL_MUTEX_H_
#define PERCPUD_CLIENT_SDK_PERCPU_INTERNAL_MUTEX_H_

#include <condition_variable>
#include <mutex>

#include "absl/base/thread_annotations.h"
#include "percpu/internal/deadline.h"

namespace percpu {

class ABSL_LOCKABLE Mutex {
 public:
  Mutex() = default;
  Mutex(const Mutex&) = delete;
  Mutex& operator=(const Mutex&) = delete;

  void Lock() ABSL_EXCLUSIVE_LOCK_FUNCTION() { mu_.lock(); }
  void Unlock() ABSL_UNLOCK_FUNCTION() { mu_.unlock(); }

 private:
  friend class CondVar;
  std::mutex mu_;
};

// Holds a Mutex from construction to destruction.
class ABSL_SCOPED_LOCKABLE MutexLock {
 public:
  explicit MutexLock(Mutex* mu) ABSL_EXCLUSIVE_LOCK_FUNCTION(mu) : mu_(mu) { mu_->Lock(); }
  ~MutexLock() ABSL_UNLOCK_FUNCTION() { mu_->Unlock(); }
  MutexLock(const MutexLock&) = delete;
  MutexLock& operator=(const MutexLock&) = delete;

 private:
  Mutex* const mu_;
};

// News about what a Mutex guards. It may wake a waiter that has nothing to do, so
// waiters look again in a loop.
class CondVar {
 public:
  // Waits for news, until `deadline` at most. Gives `mu` up meanwhile.
  void WaitBy(Mutex& mu, const Deadline& deadline)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu) ABSL_NO_THREAD_SAFETY_ANALYSIS {
    std::unique_lock lock(mu.mu_, std::adopt_lock);
    if (deadline.is_never()) {
      news_.wait(lock);
    } else {
      news_.wait_until(lock, deadline.at());
    }
    lock.release();
  }
  // Wakes one waiter, or all of them.
  void Signal() { news_.notify_one(); }
  void SignalAll() { news_.notify_all(); }

 private:
  std::condition_variable news_;
};

}  // namespace percpu

#endif  // PERCPUD_CLIENT_SDK_PERCPU_INTERNAL_MUTEX_H_

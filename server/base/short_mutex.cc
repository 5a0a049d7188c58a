// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/base/short_mutex.h"

#include <linux/futex.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>

namespace percpud {
namespace {

// Nanoseconds. How long after the first look in vain the next is, and the longest there is
// between two.
constexpr std::int64_t kFirstWait = 100;
constexpr std::int64_t kLongestWait = 32'000;
// How long a waiter stays awake. A holder is done in less than it takes to sleep and be
// woken, unless it lost its processor.
constexpr std::int64_t kAwake = 200'000;
// What a missed wake costs at most: 0.2 ms.
constexpr timespec kNap{.tv_sec = 0, .tv_nsec = 200'000};
// The time that waking a thread takes.
constexpr std::int64_t kPatience = 50'000;

void Pause() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

std::int64_t Now() {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1'000'000'000 + now.tv_nsec;
}

}  // namespace

bool ShortMutex::TryTakeAfter(std::int64_t nanoseconds) {
  const std::uint32_t offers = offers_.load(std::memory_order_relaxed);
  const std::int64_t until = Now() + nanoseconds;
  while (offers_.load(std::memory_order_relaxed) == offers && Now() < until) Pause();
  return TryTake();
}

void ShortMutex::LockContended() {
  waiting_.fetch_add(1, std::memory_order_relaxed);
  bool taken = false;
  std::int64_t wait = kFirstWait;
  for (std::int64_t waited = 0; !taken && waited < kAwake;
       wait = std::min(2 * wait, kLongestWait)) {
    taken = TryTakeAfter(wait);
    waited += wait;
  }
  while (!taken) {
    sleeping_.store(true, std::memory_order_seq_cst);
    ::syscall(SYS_futex, &word_, FUTEX_WAIT_PRIVATE, kHeld, &kNap, nullptr, 0);
    taken = TryTake();
  }
  // The next one that sleeps has to be woken, too.
  if (waiting_.fetch_sub(1, std::memory_order_relaxed) > 1) {
    sleeping_.store(true, std::memory_order_relaxed);
  }
}

// Once for every sleep: a thread takes longer to wake than the lock is held, and what
// is called meanwhile would be in vain.
void ShortMutex::WakeOne() {
  sleeping_.store(false, std::memory_order_relaxed);
  ::syscall(SYS_futex, &word_, FUTEX_WAKE_PRIVATE, 1, nullptr, nullptr, 0);
}

void ShortMutex::WaitForOthers() const {
  offers_.fetch_add(1, std::memory_order_relaxed);
  const std::int64_t until = Now() + kPatience;
  // Taken by another, or nobody is there any more.
  while (contended() && !is_held() && Now() < until) Pause();
}

void SlicedLock::LetOthersIn() {
  mu_->Unlock();
  mu_->LetOthersFirst();
  mu_->Lock();
}

}  // namespace percpud

// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "percpu/internal/fork.h"

#include <pthread.h>

#include <atomic>
#include <cassert>
#include <mutex>

namespace percpu {

// All listeners of the process. The list does not change while the process forks.
struct ForkListeners {
  static void Lock() { mu.lock(); }
  static void Unlock() { mu.unlock(); }
  static void TellChild() {
    generation.fetch_add(1, std::memory_order_relaxed);
    for (ForkListener* each = first; each != nullptr; each = each->next_) each->OnForkInChild();
    mu.unlock();
  }
  static void Add(ForkListener* listener) {
    const std::lock_guard lock(mu);
    assert(listener->next_ == nullptr);
    listener->next_ = first;
    first = listener;
  }
  static void Remove(ForkListener* listener) {
    const std::lock_guard lock(mu);
    ForkListener** link = &first;
    while (*link != listener) {
      assert(*link != nullptr);
      link = &(*link)->next_;
    }
    *link = listener->next_;
  }

  static constinit std::mutex mu;
  static constinit ForkListener* first;
  static constinit std::atomic<std::uint64_t> generation;
};

constinit std::mutex ForkListeners::mu;
constinit ForkListener* ForkListeners::first = nullptr;
constinit std::atomic<std::uint64_t> ForkListeners::generation{1};

std::uint64_t ForkGeneration() {
  // This fails only without memory for one entry. Forks then go unnoticed.
  [[maybe_unused]] static const int registered =
      ::pthread_atfork(&ForkListeners::Lock, &ForkListeners::Unlock, &ForkListeners::TellChild);
  return ForkListeners::generation.load(std::memory_order_relaxed);
}

ForkListener::ForkListener() {
  ForkGeneration();
  ForkListeners::Add(this);
}

ForkListener::~ForkListener() { ForkListeners::Remove(this); }

}  // namespace percpu

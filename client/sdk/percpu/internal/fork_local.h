// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_CLIENT_SDK_PERCPU_INTERNAL_FORK_LOCAL_H_
#define PERCPUD_CLIENT_SDK_PERCPU_INTERNAL_FORK_LOCAL_H_

#include <atomic>
#include <cassert>
#include <cstdint>
#include <memory>
#include <utility>

#include "percpu/internal/fork.h"

namespace percpu {

// A value that each process of a family made by fork() has for itself. A child that asks
// makes its own. It leaves its parent's as it was, because a thread of the parent may have
// held its locks at the fork.
//
// Ownership: destroys the calling process's value, never a parent's.
// Thread safety: Get and GetIfMade from any thread, without a lock. No thread may be in a
// call at destruction.
template <typename T>
class ForkLocal {
 public:
  ForkLocal() = default;
  ForkLocal(const ForkLocal&) = delete;
  ForkLocal& operator=(const ForkLocal&) = delete;
  ~ForkLocal() {
    Node* const node = latest_.load(std::memory_order_acquire);
    if (node == nullptr) return;
    if (node->generation == ForkGeneration()) {
      Abandon(node->parents);
      delete node;
    } else {
      Abandon(node);
    }
  }

  // Returns this process's value. If it has not been made, make() makes it and returns a
  // std::unique_ptr<T>. If several threads make one, the first is kept.
  // `inherited(T&)` is called with the parent's value when a child's takes its place. It
  // may use only what no lock of the parent's guards.
  template <typename Make, typename Inherited>
  T& Get(Make make, Inherited inherited) {
    const std::uint64_t generation = ForkGeneration();
    Node* node = latest_.load(std::memory_order_acquire);
    while (node == nullptr || node->generation != generation) {
      Node* const fresh = new Node{generation, make(), node};
      assert(fresh->value != nullptr);
      if (latest_.compare_exchange_strong(node, fresh, std::memory_order_acq_rel)) {
        if (node != nullptr) inherited(*node->value);
        node = fresh;
      } else {
        delete fresh;
      }
    }
    return *node->value;
  }
  template <typename Make>
  T& Get(Make make) {
    return Get(std::move(make), [](T&) {});
  }

  // Returns this process's value; null if it has not been made.
  [[nodiscard]] T* GetIfMade() const {
    Node* const node = latest_.load(std::memory_order_acquire);
    return node != nullptr && node->generation == ForkGeneration() ? node->value.get() : nullptr;
  }

 private:
  struct Node {
    std::uint64_t generation;
    std::unique_ptr<T> value;
    // The parent's node, and through it its parents'.
    Node* parents;
  };

  // Keeps values that must not be destroyed reachable, so that leak checkers do not mind.
  static void Abandon(Node* node) {
    if (node == nullptr) return;
    static constinit std::atomic<Node*> abandoned = nullptr;
    Node* last = node;
    while (last->parents != nullptr) last = last->parents;
    last->parents = abandoned.load(std::memory_order_relaxed);
    while (!abandoned.compare_exchange_weak(last->parents, node, std::memory_order_release)) {
    }
  }

  std::atomic<Node*> latest_ = nullptr;
};

}  // namespace percpu

#endif  // PERCPUD_CLIENT_SDK_PERCPU_INTERNAL_FORK_LOCAL_H_

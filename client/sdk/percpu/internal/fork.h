// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_CLIENT_SDK_PERCPU_INTERNAL_FORK_H_
#define PERCPUD_CLIENT_SDK_PERCPU_INTERNAL_FORK_H_

#include <cstdint>

namespace percpu {

// Returns the number of forks between the first process that asked and this one. The same
// number means the same process. An object that was made under another number belongs to a
// parent. Children made by vfork or a bare clone system call are not noticed.
// Thread safe. Costs a load.
std::uint64_t ForkGeneration();

// Hears of a fork in the child, within fork(), before any other code of the child runs.
class ForkListener {
 public:
  ForkListener(const ForkListener&) = delete;
  ForkListener& operator=(const ForkListener&) = delete;

  // Reacts to the fork. REQUIRES of an implementation: it takes no lock, allocates
  // nothing, and makes no listener.
  virtual void OnForkInChild() noexcept = 0;

 protected:
  // Begins, and ends, to listen. Thread safe. A fork waits for it.
  ForkListener();
  ~ForkListener();

 private:
  friend struct ForkListeners;
  ForkListener* next_ = nullptr;
};

}  // namespace percpu

#endif  // PERCPUD_CLIENT_SDK_PERCPU_INTERNAL_FORK_H_

// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_CLIENT_SDK_PERCPU_INTERNAL_FORK_H_
#define PERCPUD_CLIENT_SDK_PERCPU_INTERNAL_FORK_H_

#include <cstdint>

namespace percpu {

// Counts the forks between the first process that asked and this one: the same
// number means the same process, and what was made under another belongs to a
// parent. Children made by vfork or a bare clone system call are not noticed.
// Thread safe; a load.
std::uint64_t ForkGeneration();

// Told in a child, within fork(), before anything else of it runs.
class ForkListener {
 public:
  ForkListener(const ForkListener&) = delete;
  ForkListener& operator=(const ForkListener&) = delete;

  // Takes no lock, allocates nothing, and makes no listener.
  virtual void OnForkInChild() noexcept = 0;

 protected:
  // Begins and ends to listen. Thread safe; a fork waits for it.
  ForkListener();
  ~ForkListener();

 private:
  friend struct ForkListeners;
  ForkListener* next_ = nullptr;
};

}  // namespace percpu

#endif  // PERCPUD_CLIENT_SDK_PERCPU_INTERNAL_FORK_H_

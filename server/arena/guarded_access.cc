// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/arena/guarded_access.h"

#include <csetjmp>
#include <csignal>

#include <atomic>
#include <cassert>
#include <cstdlib>
#include <mutex>

namespace percpud {
namespace {

// The access that this thread has under way.
struct Guard {
  const std::byte* begin;
  const std::byte* end;
  sigjmp_buf back;
};

thread_local constinit Guard* current = nullptr;
struct sigaction before;

// Runs on the thread that touched the page, in the middle of the access.
void OnSigbus(int signal, siginfo_t* info, void* context) {
  Guard* const guard = current;
  const auto* const at = static_cast<const std::byte*>(info->si_addr);
  if (guard != nullptr && at >= guard->begin && at < guard->end) siglongjmp(guard->back, 1);
  // Somebody else's: handled as if this handler were not here.
  if ((before.sa_flags & SA_SIGINFO) != 0) {
    before.sa_sigaction(signal, info, context);
  } else if (before.sa_handler != SIG_DFL && before.sa_handler != SIG_IGN) {
    before.sa_handler(signal);
  } else {
    // The access is made again when this returns, and ends the process.
    ::signal(SIGBUS, SIG_DFL);
  }
}

void Install() {
  struct sigaction action = {};
  action.sa_sigaction = OnSigbus;
  // Not masked meanwhile: the jump out of it restores no mask, which spares a system call
  // for each access.
  action.sa_flags = SA_SIGINFO | SA_NODEFER;
  sigemptyset(&action.sa_mask);
  if (::sigaction(SIGBUS, &action, &before) != 0) std::abort();
}

}  // namespace

bool GuardedAccess(const std::byte* memory, Bytes length, absl::FunctionRef<void()> access) {
  static std::once_flag installed;
  std::call_once(installed, Install);
  assert(current == nullptr);
  Guard guard{.begin = memory, .end = memory + length.value(), .back = {}};
  if (sigsetjmp(guard.back, /*savemask=*/0) != 0) {
    current = nullptr;
    return false;
  }
  current = &guard;
  // The compiler is not to move the access out of the guard.
  std::atomic_signal_fence(std::memory_order_seq_cst);
  access();
  std::atomic_signal_fence(std::memory_order_seq_cst);
  current = nullptr;
  return true;
}

}  // namespace percpud

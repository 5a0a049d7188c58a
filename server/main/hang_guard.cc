// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/main/hang_guard.h"

#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <cassert>
#include <cstring>

namespace percpud {
namespace {

// The words of the guard that lives; null if none does.
constinit std::atomic<const char*> g_words = nullptr;

// Runs in a signal handler: nothing but system calls.
void End(int /*number*/) {
  const char* const words = g_words.load(std::memory_order_relaxed);
  if (words != nullptr) static_cast<void>(write(STDERR_FILENO, words, std::strlen(words)));
  _exit(1);
}

}  // namespace

HangGuard::HangGuard(const char* words, absl::Duration patience) {
  assert(words != nullptr && patience >= absl::Seconds(1));
  assert(g_words.load(std::memory_order_relaxed) == nullptr);
  g_words.store(words, std::memory_order_relaxed);
  signal(SIGALRM, End);
  alarm(static_cast<unsigned>(absl::ToInt64Seconds(patience)));
}

HangGuard::~HangGuard() {
  alarm(0);
  signal(SIGALRM, SIG_DFL);
  g_words.store(nullptr, std::memory_order_relaxed);
}

}  // namespace percpud

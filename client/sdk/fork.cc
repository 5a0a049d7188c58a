// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "client/sdk/fork.h"

#include <pthread.h>

#include <atomic>

namespace percpu {
namespace {

std::atomic<std::uint32_t> generation = 0;

void NoteFork() { generation.fetch_add(1, std::memory_order_relaxed); }

}  // namespace

std::uint32_t ForkGeneration() {
  static const int registered = pthread_atfork(nullptr, nullptr, &NoteFork);
  static_cast<void>(registered);
  return generation.load(std::memory_order_relaxed);
}

}  // namespace percpu

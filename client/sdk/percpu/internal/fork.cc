// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "percpu/internal/fork.h"

#include <pthread.h>

#include <atomic>

namespace percpu {
namespace {

constinit std::atomic<std::uint64_t> generation{1};

}  // namespace

std::uint64_t ForkGeneration() {
  // A failure means no memory for one entry; forks then go unnoticed.
  [[maybe_unused]] static const int registered = ::pthread_atfork(
      nullptr, nullptr, [] { generation.fetch_add(1, std::memory_order_relaxed); });
  return generation.load(std::memory_order_relaxed);
}

}  // namespace percpu

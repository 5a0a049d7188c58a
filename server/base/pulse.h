// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_SERVER_BASE_PULSE_H_
#define PERCPUD_SERVER_BASE_PULSE_H_

#include <atomic>
#include <cstdint>

namespace percpud {

// How often a thread came round its loop: proof that it is not stuck. One
// thread beats, any may look.
class Pulse {
 public:
  // Two plain moves: nobody else writes.
  void Beat() {
    beats_.store(beats_.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  }
  [[nodiscard]] std::uint64_t beats() const { return beats_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> beats_{0};
};

}  // namespace percpud

#endif  // PERCPUD_SERVER_BASE_PULSE_H_

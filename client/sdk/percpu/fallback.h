// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_CLIENT_SDK_PERCPU_FALLBACK_H_
#define PERCPUD_CLIENT_SDK_PERCPU_FALLBACK_H_

#include <cstdint>
#include <optional>

#include "percpu/types.h"

namespace percpu {

// Makes updates for threads that cannot work on their own CPU's copy: a thread that is
// not registered for restartable sequences, that runs on a CPU without a unit, or that
// is single-stepped. The same kind of update is made for it, on some CPU's copy.
// Values are words of the slot's width, zero-extended. False, or nothing, means that
// the update is not known to have been made.
// Thread safe. Async-signal-safe only if an implementation says so.
class Fallback {
 public:
  Fallback() = default;
  Fallback(const Fallback&) = delete;
  Fallback& operator=(const Fallback&) = delete;
  virtual ~Fallback() = default;

  virtual bool Add(Pointer pointer, Width width, std::uint64_t delta) = 0;
  virtual bool Store(Pointer pointer, Width width, std::uint64_t value) = 0;
  virtual std::optional<std::uint64_t> Load(Pointer pointer, Width width) = 0;
  // Returns what was there before.
  virtual std::optional<std::uint64_t> Exchange(Pointer pointer, Width width,
                                                std::uint64_t value) = 0;
  // Returns what was there before: `desired` is stored if and only if that is `expected`.
  virtual std::optional<std::uint64_t> CompareExchange(Pointer pointer, Width width,
                                                       std::uint64_t expected,
                                                       std::uint64_t desired) = 0;
};

}  // namespace percpu

#endif  // PERCPUD_CLIENT_SDK_PERCPU_FALLBACK_H_

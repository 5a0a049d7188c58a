// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "tests/unit/sdk/hour.h"

#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>

namespace percpu::testing {
namespace {

std::atomic<std::int64_t> step_seconds = 0;

}  // namespace

void StepHour(absl::Duration step) { step_seconds += absl::ToInt64Seconds(step); }

}  // namespace percpu::testing

extern "C" __attribute__((visibility("default"))) int clock_gettime(clockid_t clock,
                                                                    timespec* now) noexcept {
  const auto result = static_cast<int>(syscall(SYS_clock_gettime, clock, now));
  if (result == 0 && clock == CLOCK_REALTIME) now->tv_sec += percpu::testing::step_seconds;
  return result;
}

// Abseil's waits for a time go by this one.
extern "C" __attribute__((visibility("default"))) int gettimeofday(timeval* now,
                                                                   void* /*zone*/) noexcept {
  timespec precise{};
  const int result = clock_gettime(CLOCK_REALTIME, &precise);
  *now = {.tv_sec = precise.tv_sec, .tv_usec = precise.tv_nsec / 1000};
  return result;
}

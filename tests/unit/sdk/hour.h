// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_TESTS_UNIT_SDK_HOUR_H_
#define PERCPUD_TESTS_UNIT_SDK_HOUR_H_

#include "absl/time/time.h"

namespace percpu::testing {

// Sets the hour of the calendar forward, or back, for this process alone: clock_gettime
// and gettimeofday of hour.cc take the place of libc's. Elapsed time goes on as it is. Thread safe.
void StepHour(absl::Duration step);

}  // namespace percpu::testing

#endif  // PERCPUD_TESTS_UNIT_SDK_HOUR_H_

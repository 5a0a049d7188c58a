// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_TESTS_SUPPORT_FAKE_CLOCK_H_
#define PERCPUD_TESTS_SUPPORT_FAKE_CLOCK_H_

#include "absl/time/time.h"
#include "server/base/clock.h"

namespace percpud::testing {

// Stands still until it is told. Not thread safe.
class FakeClock final : public Clock {
 public:
  [[nodiscard]] BootTime Now() const override { return now_; }
  void Advance(absl::Duration by) { now_ += by; }

 private:
  BootTime now_{absl::Hours(1000)};
};

}  // namespace percpud::testing

#endif  // PERCPUD_TESTS_SUPPORT_FAKE_CLOCK_H_

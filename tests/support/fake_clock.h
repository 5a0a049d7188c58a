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
  [[nodiscard]] absl::Time Now() const override { return now_; }
  void Advance(absl::Duration by) { now_ += by; }

 private:
  absl::Time now_ = absl::FromUnixSeconds(1'000'000'000);
};

}  // namespace percpud::testing

#endif  // PERCPUD_TESTS_SUPPORT_FAKE_CLOCK_H_

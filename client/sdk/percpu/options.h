// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_CLIENT_SDK_PERCPU_OPTIONS_H_
#define PERCPUD_CLIENT_SDK_PERCPU_OPTIONS_H_

#include "absl/time/time.h"

namespace percpu {

// When a call that found no daemon (UNAVAILABLE) is made again. Ping, Read, Sum
// and all introspection may run twice without harm, so they are. In a session of
// the SDK's the calls that grant, free and name are made again until their
// deadline: they bear numbers, and the daemon answers a number that it has served
// as it did before. Add and Write are never made again: a lost answer does not
// tell whether they were made.
struct RetryPolicy {
  // Attempts after the first. 0: never again, whatever the call.
  int max_retries = 3;
  // The pause before the first retry; doubled before each further one, up to the
  // cap. gRPC reconnects every 100 ms at the soonest, so less gains nothing.
  absl::Duration initial_backoff = absl::Milliseconds(100);
  absl::Duration max_backoff = absl::Seconds(1);
};

// How calls are made.
struct CallOptions {
  // For one call, its retries included.
  absl::Duration deadline = absl::Seconds(5);
  RetryPolicy retry;
};

}  // namespace percpu

#endif  // PERCPUD_CLIENT_SDK_PERCPU_OPTIONS_H_

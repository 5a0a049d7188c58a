// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_CLIENT_SDK_PERCPU_INTERNAL_WIRE_GRPC_TIME_H_
#define PERCPUD_CLIENT_SDK_PERCPU_INTERNAL_WIRE_GRPC_TIME_H_

#include <grpc/support/time.h>

#include "absl/time/time.h"
#include "percpu/internal/deadline.h"

namespace percpu {

// Returns the deadline on gRPC's monotonic clock. gRPC keeps it late if somebody sets the
// wall clock back (connectivity.h).
inline gpr_timespec ToGrpc(const Deadline& deadline) {
  if (deadline.is_never()) return gpr_inf_future(GPR_CLOCK_MONOTONIC);
  return gpr_time_add(gpr_now(GPR_CLOCK_MONOTONIC),
                      gpr_time_from_nanos(absl::ToInt64Nanoseconds(deadline.left()), GPR_TIMESPAN));
}

// Returns until when gRPC may still say by itself that the deadline has passed. What goes on
// after that would go on until gRPC's timers move again.
inline Deadline WithGrace(const Deadline& deadline) {
  return Deadline::After(deadline.left() + absl::Milliseconds(20));
}

// Returns the deadline of a look that does not wait.
inline gpr_timespec LongAgo() { return gpr_inf_past(GPR_CLOCK_MONOTONIC); }

}  // namespace percpu

#endif  // PERCPUD_CLIENT_SDK_PERCPU_INTERNAL_WIRE_GRPC_TIME_H_

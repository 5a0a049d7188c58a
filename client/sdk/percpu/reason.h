// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPU_REASON_H_
#define PERCPU_REASON_H_

#include <string>

#include "absl/status/status.h"

namespace percpu {

// Returns the stable name of the daemon's refusal, such as "SIZE_OVER_LIMIT" or
// "QUOTA_EXCEEDED". Returns "" for OK and for statuses that are not the daemon's.
// Decide by the name: the words of the message may change.
std::string ReasonOf(const absl::Status& status);

}  // namespace percpu

#endif  // PERCPU_REASON_H_

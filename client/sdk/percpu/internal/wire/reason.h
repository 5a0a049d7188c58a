// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPU_INTERNAL_WIRE_REASON_H_
#define PERCPU_INTERNAL_WIRE_REASON_H_

#include <string>

#include "absl/status/status.h"

namespace percpu {

// Returns `status` with the reason that the session's stream or lane gave for it. Returns
// it unchanged if it is OK or the reason is empty.
absl::Status WithReason(absl::Status status, const std::string& reason);
// Returns `status` with the reason in a unary call's details (status.proto). Returns it
// unchanged if it is OK or there is no reason. The details are not trusted.
absl::Status WithDetails(absl::Status status, const std::string& details);

}  // namespace percpu

#endif  // PERCPU_INTERNAL_WIRE_REASON_H_

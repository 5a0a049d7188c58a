// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_SERVER_GATEWAY_CONFINE_H_
#define PERCPUD_SERVER_GATEWAY_CONFINE_H_

#include <sys/types.h>

#include "absl/status/status.h"

namespace percpud::gateway {

// Gives up, for good, what the gateway has no use for: root's uid, capabilities, ways to
// get either back, memory and descriptors beyond what its limits add up to, and other
// processes. With `parent` the kernel ends this process with that one. Call it before
// anything comes in. Errors: what the system said; and CANCELLED if the parent has ended.
absl::Status Confine(pid_t parent);

}  // namespace percpud::gateway

#endif  // PERCPUD_SERVER_GATEWAY_CONFINE_H_

// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_SERVER_SERVICE_SERVICE_LIMITS_H_
#define PERCPUD_SERVER_SERVICE_SERVICE_LIMITS_H_

#include <cstdint>

#include "server/base/limits.h"
#include "server/base/units.h"

namespace percpud {

// What one call may ask for, as the configuration's `limits` says. Plain data.
struct ServiceLimits {
  // Entries in one Alloc or Free.
  std::uint32_t batch = kDefaultBatch;
  // Bytes in one Read or Write.
  Bytes transfer = kDefaultTransfer;
  // Open Watch streams.
  std::uint32_t watchers = kDefaultWatchers;
};

}  // namespace percpud

#endif  // PERCPUD_SERVER_SERVICE_SERVICE_LIMITS_H_

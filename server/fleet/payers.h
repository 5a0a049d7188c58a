// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_SERVER_FLEET_PAYERS_H_
#define PERCPUD_SERVER_FLEET_PAYERS_H_

#include <sys/types.h>

#include <set>
#include <string>

#include "absl/base/thread_annotations.h"
#include "server/base/ranked_mutex.h"
#include "server/base/slow_lane.h"

namespace percpud::fleet {

// Who takes turns on a lane: each user of the host, with all of their connections. Thread safe.
class Payers {
 public:
  // The user at the other end of a connection, by gRPC's name for it: "fd:N". All that the kernel
  // does not know are one. Valid as long as this object.
  SlowLane::Payer Of(const std::string& connection);
  // Whether that is root, which no number of users keeps waiting.
  static bool IsRoot(SlowLane::Payer payer);

 private:
  RankedMutex mutex_{LockRank::kLeaf};
  // The host lets in a few.
  std::set<uid_t> users_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace percpud::fleet

#endif  // PERCPUD_SERVER_FLEET_PAYERS_H_

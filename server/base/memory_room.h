// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_SERVER_BASE_MEMORY_ROOM_H_
#define PERCPUD_SERVER_BASE_MEMORY_ROOM_H_

#include <functional>
#include <optional>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/time/time.h"
#include "server/base/clock.h"
#include "server/base/memory_limit.h"
#include "server/base/ranked_mutex.h"
#include "server/base/units.h"

namespace percpud {

// Says whether more memory may be backed, before it is: a control group does not refuse a
// page, it kills. Reading what the groups have left takes tens of microseconds, so that
// an answer is good for a part of what was left, and for a second. Thread safe.
class MemoryRoom {
 public:
  struct Options {
    std::function<std::optional<MemoryLimit>()> read = [] { return ReadMemoryLimit(); };
    // Outlives the room.
    const Clock* clock = nullptr;
  };
  // What stays free for the daemon's own use: stacks, buffers, pages of the catalog.
  static constexpr Bytes kOwnUse{4 << 20};
  static constexpr absl::Duration kGoodFor = absl::Seconds(1);

  // REQUIRES: a clock.
  explicit MemoryRoom(Options options);
  MemoryRoom(const MemoryRoom&) = delete;
  MemoryRoom& operator=(const MemoryRoom&) = delete;

  // Called before `length` more bytes are backed. Errors: OverMemoryLimit; the bytes are
  // then not to be backed.
  absl::Status Take(Bytes length);

 private:
  const Options options_;
  RankedMutex mu_{LockRank::kLeaf};
  // What may be backed without another look, and until when.
  Bytes allowance_ ABSL_GUARDED_BY(mu_);
  BootTime good_until_ ABSL_GUARDED_BY(mu_) = BootTime::InfinitePast();
};

}  // namespace percpud

#endif  // PERCPUD_SERVER_BASE_MEMORY_ROOM_H_

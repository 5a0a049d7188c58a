// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_SERVER_PERCPU_ALLOCATOR_SPARE_CHUNKS_H_
#define PERCPUD_SERVER_PERCPU_ALLOCATOR_SPARE_CHUNKS_H_

#include <algorithm>
#include <cstdint>

#include "server/base/clock.h"
#include "server/percpu/allocator/balance_policy.h"

namespace percpud {

// How many free chunks are worth keeping, learned from what was regretted: a chunk
// that is made after one was released should have been kept, and so one more is from
// then on. A load that swings soon has its chunks to swing in, and one that does not
// keeps no more than the minimum. What was learned is forgotten once nothing was
// regretted for as long as free chunks are kept.
//
// Guarded by the allocator's grow lock.
class SpareChunks {
 public:
  // A free chunk was one too many.
  void NoteReleased() { ++released_; }
  // A request had a chunk made.
  void NoteMade(const BalancePolicy& policy, BootTime now) {
    Forget(policy, now);
    if (released_ == 0) return;
    --released_;
    ++learned_;
    last_regret_ = now;
  }
  // Free chunks that may stay, whatever their age, out of `chunks`.
  std::uint64_t MaxKept(const BalancePolicy& policy, std::uint64_t chunks, BootTime now) {
    Forget(policy, now);
    const std::uint64_t limit = chunks * policy.free_chunks_max_percent / 100;
    learned_ = std::min(learned_, limit);
    return std::max<std::uint64_t>(policy.free_chunks_min, learned_);
  }

 private:
  void Forget(const BalancePolicy& policy, BootTime now) {
    if (now - last_regret_ <= policy.free_chunk_age) return;
    learned_ = 0;
    // Whatever is released from now on may be regretted.
    released_ = 0;
    last_regret_ = now;
  }

  // Not regretted yet.
  std::uint64_t released_ = 0;
  std::uint64_t learned_ = 0;
  BootTime last_regret_ = BootTime::InfinitePast();
};

}  // namespace percpud

#endif  // PERCPUD_SERVER_PERCPU_ALLOCATOR_SPARE_CHUNKS_H_

// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_SERVER_PERCPU_ALLOCATOR_BALANCE_SIGNAL_H_
#define PERCPUD_SERVER_PERCPU_ALLOCATOR_BALANCE_SIGNAL_H_

#include <cstdint>

#include "server/percpu/allocator/balance_policy.h"
#include "server/percpu/index/index.h"

namespace percpud {

// Whether the balancer has something to do, and whether it was told so.
//
// Guarded by the index lock.
class BalanceSignal {
 public:
  // `clears`: chunks that become free are cleared, or give their pages back.
  BalanceSignal(const BalancePolicy& policy, bool clears) : policy_(policy), clears_(clears) {}

  // True once per need: the caller then wakes the balancer without locks. `freed`:
  // a chunk became free, has pages to give back or areas to clear.
  bool Take(const Index& index, bool freed) {
    return (freed || reserve_wanted_ || reserve_in_use_) && IsDue(index, freed);
  }
  // A pass begins: what is due from now on is another need.
  void BeginPass() { pending_ = false; }

  // A request that may not grow was seen: from then on a reserve of empty pages is
  // kept for more of them. Without any, it would be a chunk that nobody uses.
  void UseReserve() { reserve_in_use_ = true; }
  // A request that may not grow failed: the reserve is made up whatever is left.
  void WantReserve() { reserve_wanted_ = true; }
  // The reserve is being made up.
  void NoteReserveFilled() { reserve_wanted_ = false; }
  // The arena has no room for the reserve; not tried again before some is freed.
  void BlockReserve() { reserve_blocked_ = true; }
  void UnblockReserve() { reserve_blocked_ = false; }
  // Whether the reserve is used and low.
  [[nodiscard]] bool reserve_low(const Index& index) const {
    const bool few = index.reserve().empty_blocks() < policy_.empty_pages_low;
    return reserve_wanted_ || (reserve_in_use_ && few);
  }

 private:
  bool IsDue(const Index& index, bool freed);

  const BalancePolicy policy_;
  const bool clears_;
  // The balancer was woken and has not run since.
  bool pending_ = false;
  bool reserve_in_use_ = false;
  bool reserve_wanted_ = false;
  bool reserve_blocked_ = false;
};

}  // namespace percpud

#endif  // PERCPUD_SERVER_PERCPU_ALLOCATOR_BALANCE_SIGNAL_H_

// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/percpu/allocator/balance_signal.h"

namespace percpud {

// What a freed chunk brings: it is to be cleaned or, if it is one too many, let go; or
// it has pages to give back.
bool BalanceSignal::IsDue(const Index& index, bool freed) {
  const bool reserve_due = reserve_low(index) && !reserve_blocked_ && policy_.empty_pages_high > 0;
  const bool release_due =
      freed && (clears_ || index.runs().free_chunks().count() > policy_.free_chunks_min);
  if (pending_ || !(reserve_due || release_due)) return false;
  pending_ = true;
  return true;
}

}  // namespace percpud

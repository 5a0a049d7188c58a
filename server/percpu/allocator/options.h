// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_SERVER_PERCPU_ALLOCATOR_OPTIONS_H_
#define PERCPUD_SERVER_PERCPU_ALLOCATOR_OPTIONS_H_

#include <functional>

#include "absl/status/status.h"
#include "server/base/clock.h"
#include "server/base/units.h"
#include "server/percpu/allocator/balance_policy.h"
#include "server/percpu/index/chunk.h"

namespace percpud {

// A chunk was made, or destroyed.
struct ChunkEvent {
  ChunkId id;
  Bytes base;
  Order order;
  bool destroyed = false;
};

// What an allocator may be told at its creation.
struct AllocatorOptions {
  BalancePolicy balance;
  // Outlives the allocator.
  const Clock* clock = nullptr;
  // Granted memory reads zero. Off only in benchmarks of the metadata work.
  bool zero = true;
  // Where bitmaps come from; tests fail the n-th.
  MetadataSource metadata = HeapMetadata;
  // Told of every chunk that is made or destroyed, under the index lock, in
  // order, and before an area of it can be granted: it must not block.
  std::function<void(const ChunkEvent&)> on_chunk;
};

}  // namespace percpud

#endif  // PERCPUD_SERVER_PERCPU_ALLOCATOR_OPTIONS_H_

// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_SERVER_PERCPU_ALLOCATOR_STRAY_PAGES_H_
#define PERCPUD_SERVER_PERCPU_ALLOCATOR_STRAY_PAGES_H_

#include <atomic>
#include <cstdint>
#include <optional>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "server/base/clock.h"
#include "server/base/units.h"

namespace percpud {

class AllocatorCore;

// Pages of the arena that have memory and belong to nobody: those that a client backed by
// reading a hole of its mapping, and those that the system did not take back when it was
// asked. They are found and given back within a second. Guarded by the grow lock.
class StrayPages {
 public:
  static constexpr absl::Duration kInterval = absl::Seconds(1);

  // Gives back what has become of them since the last look, at most once an interval.
  // Returns when the next look is due; InfiniteFuture if the page source cannot tell what
  // is backed, and nothing waits to be given back. REQUIRES: the core's grow lock.
  BootTime Look(AllocatorCore& core);
  // What was given back so far. Needs no lock.
  [[nodiscard]] Bytes released() const { return Bytes(released_.load(std::memory_order_relaxed)); }

 private:
  static absl::Status ReleaseAll(AllocatorCore& core);

  BootTime next_ = BootTime::InfinitePast();
  // What was backed after the last look; nullopt if that one failed.
  std::optional<Bytes> seen_;
  std::atomic<std::uint64_t> released_{0};
};

}  // namespace percpud

#endif  // PERCPUD_SERVER_PERCPU_ALLOCATOR_STRAY_PAGES_H_

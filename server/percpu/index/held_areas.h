// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_SERVER_PERCPU_INDEX_HELD_AREAS_H_
#define PERCPUD_SERVER_PERCPU_INDEX_HELD_AREAS_H_

#include <cassert>
#include <cstdint>

#include "server/base/units.h"
#include "server/percpu/index/placement.h"

namespace percpud {

// Areas that a request holds while it is under way, counted: no pointer finds them.
//
// Guarded by the index lock.
class HeldAreas {
 public:
  // Holds an area that was placed, and lets go of it. REQUIRES: not held; held.
  void Hold(Placement placement) {
    placement.chunk->Hold(placement.area.offset);
    granules_ += placement.area.size.value();
  }
  void Unhold(Placement placement) {
    assert(granules_ >= placement.area.size.value());
    placement.chunk->Unhold(placement.area.offset);
    granules_ -= placement.area.size.value();
  }
  // The same of a live area, which still counts as live.
  void HoldLive(Placement placement) {
    placement.chunk->Hold(placement.area.offset);
    ++live_;
  }
  void UnholdLive(Placement placement) {
    assert(live_ > 0);
    placement.chunk->Unhold(placement.area.offset);
    --live_;
  }
  // Granules of all placed areas that are held.
  [[nodiscard]] std::uint64_t granules() const { return granules_; }
  // Live areas that are held.
  [[nodiscard]] std::uint64_t live() const { return live_; }

 private:
  std::uint64_t granules_ = 0;
  std::uint64_t live_ = 0;
};

}  // namespace percpud

#endif  // PERCPUD_SERVER_PERCPU_INDEX_HELD_AREAS_H_

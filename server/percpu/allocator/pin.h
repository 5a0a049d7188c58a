// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_SERVER_PERCPU_ALLOCATOR_PIN_H_
#define PERCPUD_SERVER_PERCPU_ALLOCATOR_PIN_H_

#include <cstddef>
#include <utility>

#include "absl/status/statusor.h"
#include "server/base/units.h"

namespace percpud {

class AllocatorCore;
class Chunk;

// A range of memory found inside one live area, and kept: while the pin lives, its
// chunk is not destroyed. An area freed while pinned may be granted anew, which is
// the client's own race. Move only; outlived by the allocator.
class Pin {
 public:
  // Finds [pointer, pointer + length) inside one live area, one static variable or
  // one leased chunk. Errors: those of the pointer, RangeLeavesArea.
  static absl::StatusOr<Pin> Find(AllocatorCore& core, PercpuPtr pointer, Bytes length);

  Pin(Pin&& other) noexcept
      : core_(std::exchange(other.core_, nullptr)),
        chunk_(other.chunk_),
        offset_(other.offset_),
        area_(other.area_) {}
  Pin& operator=(Pin&&) = delete;
  ~Pin();

  // Unit `unit`'s copy of the byte the pin was asked for.
  // REQUIRES: unit < info().units().
  [[nodiscard]] std::byte* address(UnitId unit) const;
  // Where the area it lies in starts; null in the static part.
  [[nodiscard]] PercpuPtr area() const { return area_; }

 private:
  Pin(AllocatorCore* core, Chunk* chunk, Bytes offset, PercpuPtr area)
      : core_(core), chunk_(chunk), offset_(offset), area_(area) {}

  AllocatorCore* core_;
  Chunk* chunk_;
  Bytes offset_;
  PercpuPtr area_;
};

}  // namespace percpud

#endif  // PERCPUD_SERVER_PERCPU_ALLOCATOR_PIN_H_

// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_SERVER_PERCPU_ALLOCATOR_PIN_H_
#define PERCPUD_SERVER_PERCPU_ALLOCATOR_PIN_H_

#include <cstddef>
#include <span>
#include <utility>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/base/units.h"
#include "server/percpu/index/chunk_table.h"

namespace percpud {

class AllocatorCore;

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
        length_(other.length_),
        area_(other.area_) {}
  Pin& operator=(Pin&&) = delete;
  ~Pin();

  // Copies bytes out of unit `unit`'s copy, or into it. Bytes are copied, not words: beside
  // a writer at work a value may be half old and half new. Errors: MemoryTaken.
  // REQUIRES: a unit of the layout; no more bytes than the pin was asked for.
  [[nodiscard]] absl::Status Read(UnitId unit, std::span<std::byte> out) const;
  [[nodiscard]] absl::Status Write(UnitId unit, std::span<const std::byte> data) const;
  // Runs access(), which touches what address() says; see GuardedAccess for what it must
  // not do. Errors: MemoryTaken.
  [[nodiscard]] absl::Status Access(absl::FunctionRef<void()> access) const;

  // Unit `unit`'s copy of the byte the pin was asked for. A client may take the page away:
  // touch it inside Access. REQUIRES: unit < info().units().
  [[nodiscard]] std::byte* address(UnitId unit) const;
  // Where the area it lies in starts; null in the static part.
  [[nodiscard]] PercpuPtr area() const { return area_; }

 private:
  Pin(AllocatorCore* core, Chunk* chunk, Bytes offset, Bytes length, PercpuPtr area)
      : core_(core), chunk_(chunk), offset_(offset), length_(length), area_(area) {}
  static absl::StatusOr<Pin> FindStatic(AllocatorCore& core, PercpuPtr pointer, Bytes length,
                                        const ChunkTable::Location& location);

  AllocatorCore* core_;
  Chunk* chunk_;
  Bytes offset_;
  Bytes length_;
  PercpuPtr area_;
};

}  // namespace percpud

#endif  // PERCPUD_SERVER_PERCPU_ALLOCATOR_PIN_H_

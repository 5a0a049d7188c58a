// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_SERVER_PERCPU_INDEX_PARKED_AREAS_H_
#define PERCPUD_SERVER_PERCPU_INDEX_PARKED_AREAS_H_

#include <array>
#include <cassert>
#include <cstdint>

#include "absl/base/optimization.h"
#include "server/area/area_map.h"
#include "server/base/units.h"
#include "server/percpu/index/chunk.h"
#include "server/percpu/index/placement.h"

namespace percpud {

// Small areas that nobody has, kept whole for the next request of their size, the
// latest first (a magazine, as in Bonwick and Adams, 2001):
//
//   2 granules    chunk 1 at 96, chunk 4 at 8
//   3 granules
//   16 granules   chunk 1 at 640
//
// They are still taken in their chunk's map, and held (index.h): what is freed and
// wanted again at once neither joins its neighbours nor is cut from them.
//
// Guarded by the index lock.
class ParkedAreas {
 public:
  // Larger areas are rare, and their rooms worth joining.
  static constexpr std::uint32_t kSizes = 65;
  // The limits of one size, and of all sizes. Each area is given back when room is wanted.
  static constexpr std::uint32_t kMostOfSize = 16;
  static constexpr std::uint32_t kMost = 384;

  // Whether one more of that size may park.
  [[nodiscard]] bool HasRoom(Granules size) const {
    return size.value() < kSizes && counts_[size.value()] < kMostOfSize && count_ < kMost;
  }
  // True if a request of this size has missed four times, none is parked, and a row may
  // park. Rare sizes do not reserve a row.
  bool Wants(Granules size) {
    constexpr std::uint8_t kOften = 4;
    if (size.value() >= kSizes || counts_[size.value()] > 0 || count_ + kMostOfSize > kMost) {
      return false;
    }
    std::uint8_t& sought = sought_[size.value()];
    if (sought == kOften) return true;
    ++sought;
    return false;
  }
  // REQUIRES: HasRoom(placement.area.size).
  void Push(Placement placement) {
    const std::uint32_t size = placement.area.size.value();
    assert(HasRoom(placement.area.size));
    stacks_[size][counts_[size]++] = {placement.chunk, placement.area.offset};
    ++count_;
  }
  // The latest of that size; none if there is none.
  [[nodiscard]] Placement Top(Granules size) const {
    if (size.value() >= kSizes || counts_[size.value()] == 0) return {};
    const Area& area = stacks_[size.value()][counts_[size.value()] - 1U];
    // The compiler need not test again whether it is one.
    ABSL_ASSUME(area.chunk != nullptr);
    return {.chunk = area.chunk, .area = {area.offset, size}};
  }
  // REQUIRES: Top(size) is one.
  void Drop(Granules size) {
    assert(size.value() < kSizes && counts_[size.value()] > 0);
    --counts_[size.value()];
    --count_;
  }
  [[nodiscard]] bool empty() const { return count_ == 0; }
  // Granules of all parked areas. O(kSizes).
  [[nodiscard]] Granules granules() const {
    Granules sum;
    for (std::uint32_t size = 1; size < kSizes; ++size) sum += Granules(size) * counts_[size];
    return sum;
  }

  // Takes out those of the chunk, or all if it is null, and calls visit(placement)
  // with each.
  template <typename Visit>
  void TakeOut(const Chunk* chunk, Visit visit) {
    for (std::uint32_t size = 1; size < kSizes && count_ > 0; ++size) {
      std::uint8_t kept = 0;
      for (std::uint32_t i = 0; i < counts_[size]; ++i) {
        const Area area = stacks_[size][i];
        if (chunk != nullptr && area.chunk != chunk) {
          stacks_[size][kept++] = area;
        } else {
          visit(Placement{.chunk = area.chunk, .area = {area.offset, Granules(size)}});
        }
      }
      count_ -= counts_[size] - kept;
      counts_[size] = kept;
    }
  }

 private:
  struct Area {
    Chunk* chunk = nullptr;
    Granules offset;
  };

  std::array<std::uint8_t, kSizes> counts_{};
  std::array<std::uint8_t, kSizes> sought_{};
  std::uint32_t count_ = 0;
  std::array<std::array<Area, kMostOfSize>, kSizes> stacks_{};
};

}  // namespace percpud

#endif  // PERCPUD_SERVER_PERCPU_INDEX_PARKED_AREAS_H_

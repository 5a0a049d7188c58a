// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_SERVER_PERCPU_INDEX_FIT_INDEX_H_
#define PERCPUD_SERVER_PERCPU_INDEX_FIT_INDEX_H_

#include <array>
#include <cstdint>
#include <limits>
#include <vector>

#include "absl/base/attributes.h"
#include "absl/status/status.h"
#include "server/area/area_map.h"
#include "server/base/bit_tree.h"
#include "server/base/units.h"

namespace percpud {

// Which chunks have a free run of which size class, so that a request finds the
// tightest without looking at a chunk that has none:
//
//   class 2      chunks 1, 4, 17
//   class 3      chunk 2
//   class 96     chunk 5
//
// Within a class the lowest chunk comes first: areas gather in old chunks and young
// ones drain, and which chunk it is depends on nothing but the sequence of
// operations. The kernel classes each chunk by its longest run alone, by powers of
// two, and searches those it finds.
//
// Guarded by the index lock.
class FitIndex {
 public:
  // `chunks`: ids lie below it.
  explicit FitIndex(std::uint64_t chunks);
  // Another one for as many chunks, empty.
  [[nodiscard]] FitIndex SameShape() const { return FitIndex(chunks_); }

  // The chunk got its first run of the class, or lost its last.
  void Set(ChunkId chunk, std::uint32_t size_class, bool has_runs) {
    if (has_runs) {
      if (classes_[size_class].Set(chunk.value())) bits::Set(occupied_.data(), size_class);
    } else {
      if (classes_[size_class].Clear(chunk.value())) bits::Clear(occupied_.data(), size_class);
    }
  }
  // Puts the chunk into all classes it has runs of, or takes it out of them.
  void Add(ChunkId chunk, const AreaMap& areas);
  void Remove(ChunkId chunk, const AreaMap& areas);

  // Calls attempt(chunk, class) for chunks with runs of the first class that may
  // hold `count` granules and then of those above, until it returns a value; in
  // each class for a few only, since what misfits those (misaligned, or too short
  // by a little) tends to misfit all.
  template <typename Attempt>
  ABSL_ATTRIBUTE_ALWAYS_INLINE auto TryFew(Granules count, Attempt attempt) const {
    return Try(count, kFew, attempt);
  }
  // The same for all of them. Exact: nullopt only after each was tried.
  template <typename Attempt>
  auto TryAll(Granules count, Attempt attempt) const {
    return Try(count, std::numeric_limits<std::uint32_t>::max(), attempt);
  }

  // Whether the chunk is in the classes that it has runs of, and in no other; in
  // none if `areas` is null.
  [[nodiscard]] bool Agrees(ChunkId chunk, const AreaMap* areas) const;
  // Checks that exactly the classes with a chunk are marked occupied.
  [[nodiscard]] absl::Status CheckInvariants() const;

 private:
  static constexpr std::uint32_t kClasses = AreaMap::kClasses;
  static constexpr std::uint32_t kFew = 3;

  template <typename Attempt>
  ABSL_ATTRIBUTE_ALWAYS_INLINE auto Try(Granules count, std::uint32_t tries_per_class,
                                        Attempt attempt) const -> decltype(attempt(ChunkId(), 0U)) {
    for (std::uint32_t each = NextOccupied(AreaMap::ClassOf(count)); each < kClasses;
         each = NextOccupied(each + 1)) {
      const BitTree& chunks = classes_[each];
      std::uint32_t tries = 0;
      for (auto at = chunks.FindFirst(); at && tries < tries_per_class; ++tries) {
        if (auto found = attempt(ChunkId(*at), each)) return found;
        at = chunks.FindFrom(*at + 1);
      }
    }
    return {};
  }
  // The lowest class at or after `from` that has a chunk; kClasses if none.
  [[nodiscard]] std::uint32_t NextOccupied(std::uint32_t from) const {
    return bits::FindNextSet(occupied_.data(), from, kClasses);
  }

  std::uint64_t chunks_;
  std::vector<BitTree> classes_;
  // Bit c: class c has a chunk.
  std::array<bits::Word, kClasses / bits::kWordBits> occupied_{};
};

}  // namespace percpud

#endif  // PERCPUD_SERVER_PERCPU_INDEX_FIT_INDEX_H_

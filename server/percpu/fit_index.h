// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_SERVER_PERCPU_FIT_INDEX_H_
#define PERCPUD_SERVER_PERCPU_FIT_INDEX_H_

#include <array>
#include <bit>
#include <cstdint>
#include <limits>
#include <optional>
#include <vector>

#include "absl/status/status.h"
#include "server/base/bit_tree.h"
#include "server/base/units.h"
#include "server/base/zeroed_array.h"

namespace percpud {

// The blocks of all chunks by the size class of the best free run that begins
// in them, so that a request finds the tightest without looking at a chunk:
//
//   class 2      chunk 1 block 3, chunk 1 block 9, chunk 4 block 0, ...
//   class 3      chunk 2 block 7, ...
//   class 96     chunk 5 block 0        an entirely free chunk, say
//
// Runs of up to 64 granules have a class each, longer ones four per doubling.
// Within a class the lowest block of the lowest chunk comes first: areas gather
// in old chunks and young ones drain, and placement depends on nothing but the
// sequence of operations. The kernel classes whole chunks, by powers of two.
//
// Guarded by the index lock.
class FitIndex {
 public:
  // `chunks`: ids lie below it.
  FitIndex(std::uint64_t chunks, std::uint32_t blocks_per_chunk);
  // Another one for as many chunks, empty.
  [[nodiscard]] FitIndex SameShape() const { return {chunks_, blocks_per_chunk_}; }

  // The block's best run is now so long; 0: it is in no class.
  void Set(ChunkId chunk, std::uint32_t block, Granules best) {
    const std::uint64_t at = IndexOf(chunk, block);
    const std::uint32_t size_class = ClassOf(best);
    if (class_of_[at] != size_class) Move(at, size_class);
  }
  // Takes every block of the chunk out.
  void Remove(ChunkId chunk);

  // Calls attempt(chunk, block) for the blocks whose best run may hold `count`
  // granules, tightest class first, until it returns a value; in each class for
  // a few only, since whatever misfits those (misaligned, or too short by a
  // little) tends to misfit all.
  template <typename Attempt>
  auto TryFew(Granules count, Attempt attempt) const {
    return Try(count, kVeryFew, attempt);
  }
  // The same, and if that came to nothing, for all of them. Exact: each such
  // block is tried before nullopt is returned.
  template <typename Attempt>
  auto TryAll(Granules count, Attempt attempt) const {
    if (auto found = Try(count, kFew, attempt)) return found;
    return Try(count, std::numeric_limits<std::uint32_t>::max(), attempt);
  }

  // Class 0 is no run. Exact up to kExact granules.
  [[nodiscard]] static constexpr std::uint32_t ClassOf(Granules run) {
    const std::uint32_t n = run.value();
    if (n <= kExact) return n;
    constexpr std::uint32_t kExactLog2 = std::countr_zero(kExact);
    const auto log2 = static_cast<std::uint32_t>(std::bit_width(n) - 1);
    return kExact + (log2 - kExactLog2) * 4 + ((n >> (log2 - 2)) & 3);
  }
  // That every class has the blocks that say so and no others; walks them all.
  [[nodiscard]] absl::Status CheckInvariants() const;
  // The class the block is in.
  [[nodiscard]] std::uint32_t class_of(ChunkId chunk, std::uint32_t block) const {
    return class_of_[IndexOf(chunk, block)];
  }

 private:
  static constexpr std::uint32_t kExact = 64;
  // Up to runs of 2^32 - 1 granules.
  static constexpr std::uint32_t kClasses = 192;
  static constexpr std::uint32_t kFew = 8;
  static constexpr std::uint32_t kVeryFew = 2;

  template <typename Attempt>
  auto Try(Granules count, std::uint32_t tries_per_class, Attempt attempt) const
      -> decltype(attempt(ChunkId(), 0U)) {
    for (std::uint32_t each = NextOccupied(ClassOf(count)); each < kClasses;
         each = NextOccupied(each + 1)) {
      const BitTree& blocks = classes_[each];
      std::uint32_t tries = 0;
      for (auto at = blocks.FindFirst(); at && tries < tries_per_class; ++tries) {
        if (auto found = attempt(ChunkOf(*at), BlockOf(*at))) return found;
        at = blocks.FindFrom(*at + 1);
      }
    }
    return std::nullopt;
  }

  [[nodiscard]] std::uint64_t IndexOf(ChunkId chunk, std::uint32_t block) const {
    return (std::uint64_t{chunk.value()} << block_bits_) + block;
  }
  [[nodiscard]] ChunkId ChunkOf(std::uint64_t index) const { return ChunkId(index >> block_bits_); }
  [[nodiscard]] std::uint32_t BlockOf(std::uint64_t index) const {
    return static_cast<std::uint32_t>(index & ((std::uint64_t{1} << block_bits_) - 1));
  }
  void Move(std::uint64_t index, std::uint32_t to);
  // The lowest class at or after `from` that has a block; kClasses if none.
  [[nodiscard]] std::uint32_t NextOccupied(std::uint32_t from) const;

  const std::uint64_t chunks_;
  const std::uint32_t blocks_per_chunk_;
  const std::uint32_t block_bits_;
  ZeroedArray<std::uint8_t> class_of_;
  std::vector<BitTree> classes_;
  // Bit i: class i has a block.
  std::array<std::uint64_t, kClasses / 64> occupied_{};
};

}  // namespace percpud

#endif  // PERCPUD_SERVER_PERCPU_FIT_INDEX_H_

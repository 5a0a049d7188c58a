// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_SERVER_AREA_BLOCK_RUNS_H_
#define PERCPUD_SERVER_AREA_BLOCK_RUNS_H_

#include <cstdint>
#include <optional>
#include <span>

#include "server/area/bits.h"

namespace percpud {

// The free runs of one block, told by its ends and its longest inner run:
//
//   taken   0 0 1 1 1 0 0 0 1 1 0 0 0 1 1 1 0
//           left      inner     inner       right     left 2, inner 3 twice, right 1
//
// Exact after every change. A free block has both ends kBits long and no inner
// run. `words` is the block's part of the taken bits, which Take and Release
// change; positions count granules from the block's start. Plain data that may
// lie in storage; not thread safe.
struct BlockRuns {
  using Word = bits::Word;
  static constexpr std::uint32_t kBits = 1024;
  static constexpr std::uint32_t kWords = kBits / bits::kWordBits;

  std::uint16_t left;
  std::uint16_t right;
  // The longest run that touches neither end, ...
  std::uint16_t inner;
  // (all free granules)
  std::uint16_t free;
  // ... and how many are as long.
  std::uint32_t inner_count;
  // The longest run that begins here and ends in whatever block: the area
  // map's to keep.
  std::uint32_t best;

  static BlockRuns Of(const Word* words);

  [[nodiscard]] bool is_empty() const { return free == kBits; }
  [[nodiscard]] std::uint32_t right_begin() const { return kBits - right; }

  // REQUIRES: the range is free (Take) or taken (Release), and not empty.
  void Take(Word* words, std::uint32_t begin, std::uint32_t end);
  void Release(Word* words, std::uint32_t begin, std::uint32_t end);

  // Takes the lowest fits of `count` granules at multiples of `align`, as many
  // as `out` holds, and says where; returns how many. Not from the left end if
  // that run begins in the block before. REQUIRES: 0 < count, align <= 64.
  std::uint32_t TakeMany(Word* words, std::uint32_t count, std::uint32_t align, bool from_left,
                         std::span<std::uint32_t> out);

  // The lowest multiple of `align` with `count` free granules in an inner run.
  [[nodiscard]] std::optional<std::uint32_t> FindInner(const Word* words, std::uint32_t count,
                                                       std::uint32_t align) const;

  friend bool operator==(const BlockRuns&, const BlockRuns&) = default;

 private:
  void SetLeft(std::uint32_t length) { left = static_cast<std::uint16_t>(length); }
  void SetRight(std::uint32_t length) { right = static_cast<std::uint16_t>(length); }
  void AddInner(std::uint32_t length);
  // An inner run lost `lost` granules and is now two, of `before` and `after`.
  void BreakInner(const Word* words, std::uint32_t before, std::uint32_t after, std::uint32_t lost);
  // An inner run of that length (0: none) became part of an end.
  void LoseInner(const Word* words, std::uint32_t length);
  void ScanInner(const Word* words);
};

}  // namespace percpud

#endif  // PERCPUD_SERVER_AREA_BLOCK_RUNS_H_

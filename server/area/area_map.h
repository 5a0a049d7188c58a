// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// The area map: which granules of a unit are taken, and where areas begin.
//
//   granules   0         1024        2048              one block = one base page
//   taken      1110011011|1111111000|0000000000|...    bit set = taken
//   starts     1.1..1....|..1.......|..........|...    bit set = an area begins
//   runs       left 0     left 0      left 1024         free granules at the block's ends,
//              inner 2 x1 inner 0     inner 0           the longest free run that touches
//              right 0    right 3     right 1024        neither, and how many are as long
//   best       2          3 + 1024..  0                 the longest free run that begins
//                                                       in the block, wherever it ends
//
// An area ends where the next one begins or a free granule lies, so one start
// bit bounds it; the kernel's boundary map also marks ends, which costs a
// second write on each side. Every figure is exact after every operation. The
// kernel's hints may fall below the truth (its free path leaves them stale),
// and it then grows while room exists; here `best(b) < n` for every b proves
// that no run of n is free.
//
// Cost: Take and Release touch the words of the area and the runs of its
// blocks. A block's 16 words are read again only if the last of its longest
// inner runs goes and its free granules leave open how long the next is.

#ifndef PERCPUD_SERVER_AREA_AREA_MAP_H_
#define PERCPUD_SERVER_AREA_AREA_MAP_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "absl/status/status.h"
#include "server/area/bits.h"
#include "server/area/block_runs.h"
#include "server/base/units.h"

namespace percpud {

// A range of a unit, in granules.
struct AreaSpan {
  Granules offset;
  Granules size;

  [[nodiscard]] Granules end() const { return offset + size; }
  friend bool operator==(const AreaSpan&, const AreaSpan&) = default;
};

// A view over storage that the caller owns and that must outlive it: all state
// lies in the storage, as offsets and counts, so that the same code serves the
// daemon's chunks and chunks leased to a client through shared memory. Never
// allocates, never blocks, calls nothing. Not thread safe.
class AreaMap {
 public:
  using Word = bits::Word;
  static constexpr Granules kBlock{BlockRuns::kBits};

  // Words of storage a map of `size` granules needs.
  static std::size_t StorageWords(Granules size);

  // An empty handle; only assignment is allowed.
  AreaMap() = default;
  // Views `storage` as formatted by Format. REQUIRES: StorageWords(size) words.
  AreaMap(std::span<Word> storage, Granules size);
  // Makes storage a map with every granule free.
  static AreaMap Format(std::span<Word> storage, Granules size);

  // The lowest multiple of `align` at or after block `first_block` with `count`
  // free granules, or nullopt: then there is none.
  // REQUIRES: count > 0, align is a power of two.
  [[nodiscard]] std::optional<Granules> Find(Granules count, Granules align,
                                             std::uint32_t first_block = 0) const;
  // The lowest in a run that begins in `block`.
  [[nodiscard]] std::optional<Granules> FindIn(std::uint32_t block, Granules count,
                                               Granules align) const;
  // The longest free run that begins in the block, wherever it ends.
  [[nodiscard]] Granules best(std::uint32_t block) const { return Granules(runs_[block].best); }

  // The blocks whose best run an operation may have changed: first to last.
  struct Changed {
    std::uint32_t first;
    std::uint32_t last;
  };
  // Makes a free range one area. REQUIRES: it is free.
  Changed Take(AreaSpan area);
  // Makes as many areas of `count` granules as `out` holds from the lowest fits
  // among the runs that begin in the block, as far as they lie in it; says where
  // and how many. Cheaper than one by one: the block is read once.
  // REQUIRES: 0 < count <= 64, align is a power of two <= 64.
  struct Taken {
    std::uint32_t areas;
    Changed changed;
  };
  Taken TakeMany(std::uint32_t block, Granules count, Granules align, std::span<std::uint32_t> out);
  // Makes an area's granules free again. REQUIRES: AreaAt(area.offset) == area.
  Changed Release(AreaSpan area);
  // Takes the first `count` granules out of use for good, without an area.
  // REQUIRES: a fresh map.
  void HideHead(Granules count);

  // The live area that covers `at`; nullopt if it is free or hidden.
  [[nodiscard]] std::optional<AreaSpan> AreaAt(Granules at) const;
  // Whether an area begins exactly there.
  [[nodiscard]] bool IsStart(Granules at) const {
    return at < size_ && bits::Test(starts_, at.value());
  }
  // The live area that begins there. REQUIRES: IsStart(at).
  [[nodiscard]] AreaSpan AreaFrom(Granules at) const { return {at, AreaEnd(at) - at}; }
  // The first area that begins at or after `at`.
  [[nodiscard]] std::optional<AreaSpan> NextArea(Granules at) const;
  // The first free run that begins at or after `at`, or covers it.
  [[nodiscard]] std::optional<AreaSpan> NextFree(Granules at) const;

  [[nodiscard]] Granules size() const { return size_; }
  [[nodiscard]] std::uint32_t blocks() const { return blocks_; }
  [[nodiscard]] Granules free() const { return Granules(counts_->free); }
  [[nodiscard]] Granules free_in(std::uint32_t block) const { return Granules(runs_[block].free); }
  [[nodiscard]] std::uint32_t live() const { return counts_->live; }
  // Blocks without a taken granule.
  [[nodiscard]] std::uint32_t empty_blocks() const { return counts_->empty_blocks; }
  [[nodiscard]] bool IsEmptyBlock(std::uint32_t block) const { return runs_[block].is_empty(); }
  // O(blocks).
  [[nodiscard]] Granules longest_run() const;

  // Recomputes everything from the taken bits; INTERNAL names the first thing
  // that differs. Bounded, and safe on storage an enemy wrote.
  [[nodiscard]] absl::Status CheckInvariants() const;

 private:
  struct Counts {
    std::uint32_t live;
    std::uint32_t empty_blocks;
    std::uint64_t free;
  };

  [[nodiscard]] Granules AreaEnd(Granules start) const;
  [[nodiscard]] Word* BlockWords(std::uint32_t block) const {
    return taken_ + std::size_t{block} * BlockRuns::kWords;
  }
  // Whether no free run reaches into the block from the one before.
  [[nodiscard]] bool BeginsRun(std::uint32_t block) const {
    return block == 0 || runs_[block - 1].right == 0;
  }
  // Free granules from the block's start on, over as many blocks as they fill.
  [[nodiscard]] std::uint32_t RunFrom(std::uint32_t block) const;
  [[nodiscard]] std::uint32_t BestOf(std::uint32_t block) const;
  Changed MarkTaken(AreaSpan range);
  Changed UpdateBest(Changed blocks, std::uint32_t old_left, std::uint32_t old_right);
  [[nodiscard]] absl::Status CheckRuns() const;
  [[nodiscard]] absl::Status CheckStarts() const;

  Granules size_;
  std::uint32_t blocks_ = 0;
  Counts* counts_ = nullptr;
  BlockRuns* runs_ = nullptr;
  // Bit b: block b has a taken granule.
  Word* used_ = nullptr;
  Word* taken_ = nullptr;
  Word* starts_ = nullptr;
};

}  // namespace percpud

#endif  // PERCPUD_SERVER_AREA_AREA_MAP_H_

// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// The area map: which granules of a unit are taken, and where areas begin.
//
//   granules   0         1024        2048              one block = one base page
//   taken      1111000111|1111111000|0000000000|...    bit set = taken
//   starts     1.1....1..|..1.......|..........|...    bit set = an area begins
//   block runs {0,0,3,3}  {0,3,3,3}  {1024,..}         free: left, right, longest, all
//   tree           {0,3,3,6}     {..}                  the same of two children joined
//                       {0,..,..}                      root: the unit's longest run
//
// An area ends where the next one begins or a free granule lies, so one start
// bit bounds it; the kernel's boundary map also marks ends, which costs a
// second write on each side. Every run in the tree is exact after every
// operation. The kernel's hints may fall below the truth (its free path leaves
// them stale), and it then grows while room exists; here `longest_run() < n`
// proves that no run of n is free.
//
// Cost, with b blocks: Find descends the tree, O(log b), and scans one block's
// 16 words; Take and Release touch the blocks of the area and their ancestors.
// A block is rescanned only if a Take breaks its longest run and the free
// granules outside that run could hold a longer one than it leaves.

#ifndef PERCPUD_SERVER_AREA_AREA_MAP_H_
#define PERCPUD_SERVER_AREA_AREA_MAP_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <utility>

#include "absl/status/status.h"
#include "server/area/bits.h"
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
  static constexpr Granules kBlock{1024};

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

  // Makes a free range one area. REQUIRES: it is free.
  void Take(AreaSpan area);
  // Makes an area's granules free again. REQUIRES: AreaAt(area.offset) == area.
  void Release(AreaSpan area);
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
  [[nodiscard]] Granules free() const { return Granules(tree_[1].free); }
  [[nodiscard]] std::uint32_t live() const { return counts_->live; }
  // Blocks without a taken granule.
  [[nodiscard]] std::uint32_t empty_blocks() const { return counts_->empty_blocks; }
  [[nodiscard]] bool IsEmptyBlock(std::uint32_t block) const;
  [[nodiscard]] Granules longest_run() const { return Granules(tree_[1].longest); }

  // Recomputes everything from the taken bits; INTERNAL names the first thing
  // that differs. Bounded, and safe on storage an enemy wrote.
  [[nodiscard]] absl::Status CheckInvariants() const;

 private:
  // Free granules at the left end, at the right end, in the longest run, and
  // in all.
  struct Runs {
    std::uint32_t left;
    std::uint32_t right;
    std::uint32_t longest;
    std::uint32_t free;
    friend bool operator==(const Runs&, const Runs&) = default;
  };
  struct Counts {
    std::uint32_t live;
    std::uint32_t empty_blocks;
  };

  static constexpr Runs kAllTaken{0, 0, 0, 0};
  static constexpr Runs kAllFree{kBlock.value(), kBlock.value(), kBlock.value(), kBlock.value()};

  static Runs Join(const Runs& left, const Runs& right, std::uint32_t child_size);
  [[nodiscard]] Granules AreaEnd(Granules start) const;
  [[nodiscard]] const Word* BlockWords(std::uint32_t block) const;
  [[nodiscard]] Runs ScanBlock(std::uint32_t block) const;
  // The free run around [begin, end) of a block, as [first, second).
  [[nodiscard]] std::pair<std::uint32_t, std::uint32_t> RunAround(std::uint32_t block,
                                                                  std::uint32_t begin,
                                                                  std::uint32_t end) const;
  [[nodiscard]] std::uint32_t FirstBlockWithRun(std::uint32_t count) const;
  // In-block part of Find; positions are relative to the block.
  [[nodiscard]] std::optional<std::uint32_t> FindInBlock(std::uint32_t block, std::uint32_t count,
                                                         std::uint32_t align) const;
  void MarkTaken(AreaSpan range);
  void UpdateTakenBlock(std::uint32_t block, std::uint32_t begin, std::uint32_t end);
  void UpdateFreedBlock(std::uint32_t block, std::uint32_t begin, std::uint32_t end);
  void SetBlockRuns(std::uint32_t block, const Runs& runs);
  void UpdateTree(std::uint32_t first_block, std::uint32_t last_block);
  [[nodiscard]] absl::Status CheckTree() const;
  [[nodiscard]] absl::Status CheckStarts() const;

  Granules size_;
  std::uint32_t blocks_ = 0;
  // Leaves of the tree: blocks_ rounded up to a power of two. Node i has the
  // children 2i and 2i + 1; the root is node 1, block b is node leaves_ + b.
  std::uint32_t leaves_ = 0;
  Counts* counts_ = nullptr;
  Word* taken_ = nullptr;
  Word* starts_ = nullptr;
  Runs* tree_ = nullptr;
};

}  // namespace percpud

#endif  // PERCPUD_SERVER_AREA_AREA_MAP_H_

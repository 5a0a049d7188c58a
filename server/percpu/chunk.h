// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_SERVER_PERCPU_CHUNK_H_
#define PERCPUD_SERVER_PERCPU_CHUNK_H_

#include <algorithm>
#include <bit>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/time/time.h"
#include "server/area/area_map.h"
#include "server/base/units.h"
#include "server/percpu/backend/backend.h"
#include "server/percpu/snapshot.h"
#include "server/percpu/tag_table.h"

namespace percpud {

// Where chunks get the words of their bitmaps from: null when there are none.
// An argument so that tests can fail the n-th one.
using MetadataSource = std::function<std::unique_ptr<bits::Word[]>(std::size_t words)>;
std::unique_ptr<bits::Word[]> HeapMetadata(std::size_t words);

// The part of the unit a chunk manages, in bytes of the unit.
struct ManagedRange {
  Bytes begin;
  Bytes end;
};

// One chunk: its area map, which of its granules were used before (dirty)
// and which of its blocks are backed (populated). The reserved part of the
// first chunk is a Chunk of its own over the same memory, as in the kernel.
//
// Owns its metadata, not its memory. Guarded by the allocator's index lock.
class Chunk {
 public:
  // Null if `source` has no words. Everything in `range` is free, clean and
  // not populated.
  static std::unique_ptr<Chunk> Make(ChunkKind kind, ManagedRange range,
                                     const MetadataSource& source);

  [[nodiscard]] ChunkKind kind() const { return kind_; }
  [[nodiscard]] ChunkId id() const { return id_; }
  [[nodiscard]] const ChunkMemory& memory() const { return memory_; }
  void Bind(ChunkId id, const ChunkMemory& memory) {
    id_ = id;
    memory_ = memory;
  }

  [[nodiscard]] ManagedRange range() const { return range_; }
  [[nodiscard]] Granules capacity() const { return ToGranules(range_.end - range_.begin); }
  [[nodiscard]] const AreaMap& areas() const { return areas_; }
  [[nodiscard]] bool is_free() const { return areas_.free() == capacity(); }
  [[nodiscard]] PercpuPtr PointerTo(Granules offset) const {
    return PercpuPtr((memory_.base + ToBytes(offset)).value());
  }

  // --- Areas -------------------------------------------------------------------
  // The lowest fit; with `populated_only`, the lowest in backed blocks. Exact:
  // nullopt means there is none.
  [[nodiscard]] std::optional<Granules> Find(Granules count, Granules align,
                                             bool populated_only) const;
  AreaMap::Changed Take(AreaSpan area) {
    return Counting(BlocksOf(area), [&] { return areas_.Take(area); });
  }
  AreaMap::Changed Release(AreaSpan area) {
    return Counting(BlocksOf(area), [&] { return areas_.Release(area); });
  }

  AreaMap::Taken TakeMany(std::uint32_t block, Granules count, Granules align,
                          std::span<std::uint32_t> out) {
    return Counting({block, 1}, [&] { return areas_.TakeMany(block, count, align, out); });
  }

  // --- Parked and held areas: taken in the map, but nobody's -----------------------
  // Whether a live area begins there.
  [[nodiscard]] bool IsLive(Granules at) const {
    return areas_.IsStart(at) && !bits::Test(parked_map_, at.value());
  }
  // The live area that covers `at`; nullopt if there is none.
  [[nodiscard]] std::optional<AreaSpan> LiveAt(Granules at) const;
  // REQUIRES: an area begins there that is not parked, or is.
  void Park(Granules at) {
    bits::Set(parked_map_, at.value());
    ++parked_;
  }
  void Unpark(Granules at) {
    bits::Clear(parked_map_, at.value());
    --parked_;
  }
  [[nodiscard]] std::uint32_t parked() const { return parked_; }

  // --- Dirty granules: granted since they were last cleared -----------------------
  // Marked when an area is granted, so that giving it back costs nothing.
  void MarkDirty(AreaSpan range) {
    const std::uint32_t begin = range.offset.value();
    const std::uint32_t last = range.end().value() - 1;
    if (begin / bits::kWordBits == last / bits::kWordBits) {
      MarkDirtyIn(begin / bits::kWordBits,
                  bits::MaskBetween(begin % bits::kWordBits, last % bits::kWordBits + 1));
    } else {
      MarkDirtyAcross(range);
    }
  }
  // The dirty part of the range, from its first to its last dirty granule;
  // size 0 if it is clean.
  [[nodiscard]] AreaSpan DirtyIn(AreaSpan range) const;
  void MarkClean(AreaSpan range);
  // Free granules that are dirty: live areas are anyway. Exact while nothing
  // is parked or held.
  [[nodiscard]] Granules dirty() const {
    const Granules taken = capacity() - areas_.free();
    return dirty_ - std::min(dirty_, taken);
  }

  // --- Populated blocks -----------------------------------------------------------
  [[nodiscard]] bool is_populated() const { return populated_blocks_ == areas_.blocks(); }
  // The first run of unpopulated blocks that `range` touches; count 0 if none.
  [[nodiscard]] BlockRange UnpopulatedIn(AreaSpan range) const;
  [[nodiscard]] std::vector<std::uint32_t> UnpopulatedBlocks() const;
  void MarkPopulated(BlockRange blocks);
  // What is populated next reads zero, so the blocks are clean.
  // REQUIRES: no area lives in them.
  void MarkUnpopulated(BlockRange blocks);
  // The last run of populated blocks without an area before `end`, of `most`
  // blocks at most; count 0 if there is none.
  [[nodiscard]] BlockRange LastEmptyPopulated(std::uint32_t end, std::uint64_t most) const;
  [[nodiscard]] std::uint32_t populated_blocks() const { return populated_blocks_; }
  [[nodiscard]] std::uint32_t blocks() const { return areas_.blocks(); }
  // Populated blocks without an area.
  [[nodiscard]] std::uint32_t empty_populated_blocks() const {
    return is_populated() ? areas_.empty_blocks() : empty_populated_;
  }

  // --- Kept for the index ----------------------------------------------------------
  // Touch() calls in progress; the chunk is not destroyed meanwhile.
  std::uint32_t pins = 0;
  // Being cleaned, depopulated or destroyed: not searched.
  bool withdrawn = false;
  // Searched only when no other chunk has room, so that it drains further: its
  // empty pages are given back, and are no reserve.
  bool sidelined = false;
  // While leased: where its map lies in the arena. Not searched then, and every
  // granule free as far as `areas` knows.
  std::optional<Bytes> lease_map;
  absl::Time free_since = absl::InfinitePast();
  Granules max_area;
  // Areas with a tag, by offset.
  absl::flat_hash_map<Granules::Rep, TagId> tags;

  [[nodiscard]] absl::Status CheckInvariants() const;

  // Which areas are live, copied to be walked without the lock.
  class MapCopy {
   public:
    explicit MapCopy(const Chunk& chunk);
    // Ascending.
    [[nodiscard]] std::vector<AreaSpan> LiveAreas() const;

   private:
    std::vector<bits::Word> words_;
    AreaMap areas_;
    const bits::Word* parked_map_;
  };

 private:
  void MarkDirtyIn(std::uint32_t word, bits::Word mask) {
    bits::Word& dirty = dirty_map_[word];
    dirty_ += Granules(std::popcount(mask & ~dirty));
    dirty |= mask;
  }
  void MarkDirtyAcross(AreaSpan range);

  static constexpr std::uint32_t kBlock = AreaMap::kBlock.value();

  Chunk(ChunkKind kind, ManagedRange range, std::unique_ptr<bits::Word[]> words);

  static BlockRange BlocksOf(AreaSpan area) {
    const std::uint32_t first = area.offset.value() / kBlock;
    return {first, (area.end().value() + kBlock - 1) / kBlock - first};
  }
  [[nodiscard]] bool IsEmptyPopulated(std::uint32_t block) const {
    return bits::Test(populated_map_, block) && areas_.IsEmptyBlock(block);
  }
  [[nodiscard]] std::uint32_t EmptyPopulatedIn(BlockRange blocks) const;
  // Keeps count of empty blocks over a change to areas in `blocks`. What is
  // populated whole has the area map count them.
  template <typename Change>
  auto Counting(BlockRange blocks, Change change) -> decltype(change()) {
    if (is_populated()) return change();
    empty_populated_ -= EmptyPopulatedIn(blocks);
    const auto changed = change();
    empty_populated_ += EmptyPopulatedIn(blocks);
    return changed;
  }

  [[nodiscard]] std::optional<Granules> FindPopulated(Granules count, Granules align) const;

  const ChunkKind kind_;
  const ManagedRange range_;
  ChunkId id_;
  ChunkMemory memory_;
  const std::unique_ptr<bits::Word[]> words_;
  AreaMap areas_;
  bits::Word* const dirty_map_;
  bits::Word* const parked_map_;
  bits::Word* const populated_map_;
  std::uint32_t parked_ = 0;
  Granules dirty_;
  std::uint32_t populated_blocks_ = 0;
  // Kept while not all blocks are populated.
  std::uint32_t empty_populated_ = 0;
};

}  // namespace percpud

#endif  // PERCPUD_SERVER_PERCPU_CHUNK_H_

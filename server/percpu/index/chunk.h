// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_SERVER_PERCPU_INDEX_CHUNK_H_
#define PERCPUD_SERVER_PERCPU_INDEX_CHUNK_H_

#include <algorithm>
#include <cassert>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "absl/base/attributes.h"
#include "server/area/area_map.h"
#include "server/base/units.h"
#include "server/percpu/backend/backend.h"
#include "server/percpu/index/chunk_kind.h"
#include "server/percpu/index/chunk_state.h"

namespace percpud {

// Where chunks get the words of their bitmaps from: null when there are none.
// An argument so that tests can fail the n-th one.
using MetadataSource = std::function<std::unique_ptr<bits::Word[]>(std::size_t words)>;
std::unique_ptr<bits::Word[]> HeapMetadata(std::size_t words);

// Up to where the free runs of a chunk may be dirty: became free without having been
// cleared. One bound says nearly as much as a bit for every granule would, and costs one
// compare.
class DirtyBound {
 public:
  // What lies in the range may be dirty once it is free.
  void Mark(AreaSpan range) { end_ = std::max(end_, range.end()); }
  // All free runs from there on read zero.
  void Clean(Granules from) { end_ = std::min(end_, from); }
  // Free runs from here on read zero.
  [[nodiscard]] Granules end() const { return end_; }
  // The part of what was just free that may not read zero; size 0 if there is none.
  [[nodiscard]] AreaSpan In(AreaSpan range) const {
    const Granules end = std::min(range.end(), end_);
    return {range.offset, end > range.offset ? end - range.offset : Granules(0)};
  }

 private:
  Granules end_;
};

// The part of the unit a chunk manages, in bytes of the unit.
struct ManagedRange {
  Bytes begin;
  Bytes end;
};

// The blocks that an area touches.
inline BlockRange BlocksOf(AreaSpan area) {
  constexpr std::uint32_t kBlock = AreaMap::kBlock.value();
  const std::uint32_t first = area.offset.value() / kBlock;
  return {first, (area.end().value() + kBlock - 1) / kBlock - first};
}

// One chunk: its area map, up to where its room may be dirty (what lies behind reads
// zero) and which of its blocks are backed (populated). The reserved part of the
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
  [[nodiscard]] Granules capacity() const { return capacity_; }
  [[nodiscard]] const AreaMap& areas() const { return areas_; }
  [[nodiscard]] bool is_free() const { return areas_.free() == capacity_; }
  [[nodiscard]] PercpuPtr PointerTo(Granules offset) const {
    return PercpuPtr((memory_.base + ToBytes(offset)).value());
  }

  // --- Areas -------------------------------------------------------------------
  // Where an area fits; with `populated_only`, the lowest in backed blocks. Exact:
  // nullopt means there is none.
  [[nodiscard]] std::optional<Granules> Find(Granules count, Granules align,
                                             bool populated_only) const;
  // Does what AreaMap's does.
  template <typename Watch>
  ABSL_ATTRIBUTE_ALWAYS_INLINE void Take(const AreaMap::Run& run, Granules count, Watch watch) {
    if (is_populated()) return areas_.Take(run, count, watch);
    Counting({Granules(run.at), count}, [&] { areas_.Take(run, count, watch); });
  }
  // REQUIRES: is_populated().
  template <typename Watch>
  void TakeRow(const AreaMap::Run& run, Granules count, std::uint32_t areas, Watch watch) {
    assert(is_populated());
    areas_.TakeRow(run, count, areas, watch);
  }
  // Before the chunk is searched. REQUIRES: the range is free.
  void Take(AreaSpan area) {
    Take(areas_.RunOf(area), area.size, [](std::uint32_t, bool) {});
  }
  template <typename Watch>
  ABSL_ATTRIBUTE_ALWAYS_INLINE void Release(AreaSpan area, Watch watch) {
    if (is_populated()) return areas_.Release(area, watch);
    Counting(area, [&] { areas_.Release(area, watch); });
  }

  // --- Held areas: taken in the map, but nobody's ----------------------------------
  // Whether a live area begins there.
  [[nodiscard]] bool IsLive(Granules at) const {
    return areas_.IsStart(at) && (held_ == 0 || !bits::Test(held_map_, at.value()));
  }
  // The live area that covers `at`; nullopt if there is none.
  [[nodiscard]] std::optional<AreaSpan> LiveAt(Granules at) const;
  // Holds the area that begins at `at`. REQUIRES: there is one, and it is not held.
  void Hold(Granules at) {
    assert(IsLive(at));
    bits::Set(held_map_, at.value());
    ++held_;
  }
  // Lets go of it. REQUIRES: it is held.
  void Unhold(Granules at) {
    assert(held_ > 0 && bits::Test(held_map_, at.value()));
    bits::Clear(held_map_, at.value());
    --held_;
  }
  [[nodiscard]] std::uint32_t held() const { return held_; }
  [[nodiscard]] std::uint32_t live() const { return areas_.live() - held_; }

  // --- Free runs that may not read zero ------------------------------------------------
  [[nodiscard]] DirtyBound& dirty() { return dirty_; }
  [[nodiscard]] const DirtyBound& dirty() const { return dirty_; }
  // Backed room that may be dirty, and areas that are to be cleared. O(runs) if there is
  // dirty room.
  [[nodiscard]] Granules MeasureDirty() const;

  // --- Populated blocks -----------------------------------------------------------
  [[nodiscard]] bool is_populated() const { return populated_blocks_ == blocks_; }
  // The first run of unpopulated blocks that `range` touches; count 0 if none.
  [[nodiscard]] BlockRange UnpopulatedIn(AreaSpan range) const;
  void MarkPopulated(BlockRange blocks);
  // What is populated next reads zero. REQUIRES: no area lives in them.
  void MarkUnpopulated(BlockRange blocks);
  // The last run of populated blocks without an area before `end`, of `most`
  // blocks at most; count 0 if there is none.
  [[nodiscard]] BlockRange LastEmptyPopulated(std::uint32_t end, std::uint64_t most) const;
  [[nodiscard]] std::uint32_t populated_blocks() const { return populated_blocks_; }
  [[nodiscard]] std::uint32_t blocks() const { return blocks_; }
  // Populated blocks without an area.
  [[nodiscard]] std::uint32_t empty_populated_blocks() const {
    return is_populated() ? areas_.empty_blocks() : empty_populated_;
  }

  // --- What index and allocator keep of it -------------------------------------------
  [[nodiscard]] ChunkState& state() { return state_; }
  [[nodiscard]] const ChunkState& state() const { return state_; }

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
    const bits::Word* held_map_;
  };

 private:
  static constexpr std::uint32_t kBlock = AreaMap::kBlock.value();

  Chunk(ChunkKind kind, ManagedRange range, std::unique_ptr<bits::Word[]> words);

  [[nodiscard]] std::uint32_t EmptyPopulatedIn(BlockRange blocks) const;
  // Keeps count of empty blocks over a change to an area. What is populated whole
  // has the area map count them.
  template <typename Change>
  void Counting(AreaSpan area, Change change) {
    const BlockRange blocks = BlocksOf(area);
    empty_populated_ -= EmptyPopulatedIn(blocks);
    change();
    empty_populated_ += EmptyPopulatedIn(blocks);
  }

  [[nodiscard]] std::optional<Granules> FindPopulated(Granules count, Granules align) const;

  const ChunkKind kind_;
  const ManagedRange range_;
  const Granules capacity_;
  const std::uint32_t blocks_;
  ChunkId id_;
  ChunkMemory memory_;
  const std::unique_ptr<bits::Word[]> words_;
  AreaMap areas_;
  // Behind the part of the area map that is copied.
  bits::Word* const held_map_;
  bits::Word* const populated_map_;
  std::uint32_t held_ = 0;
  DirtyBound dirty_;
  ChunkState state_;
  std::uint32_t populated_blocks_ = 0;
  // Kept while not all blocks are populated.
  std::uint32_t empty_populated_ = 0;
};

}  // namespace percpud

#endif  // PERCPUD_SERVER_PERCPU_INDEX_CHUNK_H_

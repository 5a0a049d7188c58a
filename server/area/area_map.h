// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// The area map: which granules of a unit are taken, and where areas begin.
//
//   granules   0         64        128
//              |a a a|b b|. . . . .|c|. . . .     runs: areas, and what is free between
//   bounds     ^     ^   ^         ^ ^            where each begins; which are taken
//   lists      class 4: {.}   class 5: {.}        the free ones, by length
//
// A unit is a row of runs, and no two free ones are neighbours. Taking splits a
// free run in up to three, giving back joins up to three to one: either changes
// a few bits and the lists of the free runs concerned, whatever their lengths and
// however many others there are. Everything is exact after every operation: where
// no class at or above n has a run, no run of n is free. The kernel's hints may
// fall below the truth (its free path leaves them stale), and it then grows while
// room exists.

#ifndef PERCPUD_SERVER_AREA_AREA_MAP_H_
#define PERCPUD_SERVER_AREA_AREA_MAP_H_

#include <bit>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "absl/base/attributes.h"
#include "absl/status/status.h"
#include "server/area/bound_map.h"
#include "server/area/run_lists.h"
#include "server/base/units.h"

namespace percpud {

// A range of a unit, in granules.
struct AreaSpan {
  Granules offset;
  Granules size;

  [[nodiscard]] Granules end() const { return offset + size; }
  friend bool operator==(const AreaSpan&, const AreaSpan&) = default;
};

namespace area_map_internal {

// For a caller who need not know which classes have runs.
inline void Ignore(std::uint32_t /*size_class*/, bool /*has_runs*/) {}

}  // namespace area_map_internal

// A view over storage that the caller owns and that must outlive it: all state
// lies in the storage, as offsets and counts, so that the same code serves the
// daemon's chunks and chunks leased to a client through shared memory. Never
// allocates, never blocks, calls nothing. Not thread safe.
class AreaMap {
 public:
  using Word = bits::Word;
  // A page of the unit: what may be backed, and is counted when it is empty.
  static constexpr Granules kBlock{1024};
  static constexpr std::uint32_t kClasses = RunLists::kClasses;

  // Words of storage a map of `size` granules needs. The first SnapshotWords of
  // them say where areas lie; the rest is for searching only.
  static std::size_t StorageWords(Granules size);
  static std::size_t SnapshotWords(Granules size);

  // An empty handle; only assignment is allowed.
  AreaMap() = default;
  // Views `storage` as formatted by Format. REQUIRES: StorageWords(size) words; of
  // a copy that is only looked at, SnapshotWords(size).
  AreaMap(std::span<Word> storage, Granules size);
  // Makes storage a map with every granule free.
  static AreaMap Format(std::span<Word> storage, Granules size);

  // --- Searching ---------------------------------------------------------------
  // A free run, and where in it an area fits.
  struct Run {
    std::uint32_t begin;
    std::uint32_t end;
    std::uint32_t at;
  };
  // The class that is the first to have runs of `count` granules.
  [[nodiscard]] static std::uint32_t ClassOf(Granules count) {
    return RunLists::ClassOf(count.value());
  }
  // Finds a run of one class with `count` granules at a multiple of `align`: the latest
  // first, `tries` of them at most.
  // REQUIRES: count > 0, align is a power of two.
  [[nodiscard]] ABSL_ATTRIBUTE_ALWAYS_INLINE std::optional<Run> FindInClass(
      std::uint32_t size_class, Granules count, Granules align, std::uint32_t tries) const {
    assert(count > Granules(0) && std::has_single_bit(align.value()));
    for (RunLists::Slot slot = lists_.First(size_class); slot != RunLists::kNone && tries > 0;
         slot = lists_.After(slot), --tries) {
      const std::uint32_t begin = BeginOf(slot);
      const std::uint32_t at = (begin + align.value() - 1) & ~(align.value() - 1);
      const std::uint32_t end =
          size_class < RunLists::kExact ? begin + size_class : bounds_.Next(begin + 1);
      if (at + count.value() <= end) return Run{.begin = begin, .end = end, .at = at};
    }
    return std::nullopt;
  }
  // Where an area fits, in the tightest class that has such a run; nullopt: nowhere.
  [[nodiscard]] std::optional<Granules> Find(Granules count, Granules align) const;
  // Whether some free run is of that class.
  [[nodiscard]] bool HasClass(std::uint32_t size_class) const {
    return lists_.IsOccupied(size_class);
  }

  // Calls visit(class) for each that has runs, ascending.
  template <typename Visit>
  void ForEachClass(Visit visit) const {
    for (std::uint32_t each = lists_.NextOccupied(0); each < kClasses;
         each = lists_.NextOccupied(each + 1)) {
      visit(each);
    }
  }

  // --- Taking and giving back ----------------------------------------------------
  // Where a class gets its first run or loses its last, watch(class, has_runs) is
  // called.
  //
  // Makes the part of the run that starts at `at` an area. REQUIRES: the run was found
  // since the last change.
  template <typename Watch>
  ABSL_ATTRIBUTE_ALWAYS_INLINE void Take(const Run& run, Granules count, Watch watch) {
    const std::uint32_t end = run.at + count.value();
    assert(run.begin <= run.at && end <= run.end && bounds_.IsFreeBegin(run.begin));
    if (run.begin == run.at && end < run.end) {
      // Cut from the front, as most are: what is left may well be in the same list.
      CutFront(run, end, watch);
    } else {
      Unlist(RunLists::ClassOf(run.end - run.begin), run.begin, watch);
      if (run.begin < run.at) {
        bounds_.AddBegin(run.at);
        List(RunLists::ClassOf(run.at - run.begin), run.begin, watch);
      }
      if (end < run.end) {
        bounds_.AddBegin(end);
        List(RunLists::ClassOf(run.end - end), end, watch);
      }
    }
    bounds_.SetTaken(run.at);
    NoteTaken(run, end, /*areas=*/1);
  }
  // Cuts `areas` areas of `count` granules off its begin. REQUIRES: the run was found
  // since the last change, begins where it fits, and is longer than the row.
  template <typename Watch>
  void TakeRow(const Run& run, Granules count, std::uint32_t areas, Watch watch) {
    const std::uint32_t end = run.at + areas * count.value();
    assert(run.begin == run.at && end < run.end && bounds_.IsFreeBegin(run.begin));
    CutFront(run, end, watch);
    bounds_.SetTaken(run.at);
    for (std::uint32_t at = run.at + count.value(); at < end; at += count.value()) {
      bounds_.AddBegin(at);
      bounds_.SetTaken(at);
    }
    NoteTaken(run, end, areas);
  }
  // The run that a free range lies in. REQUIRES: it is free.
  [[nodiscard]] Run RunOf(AreaSpan area) const {
    const std::uint32_t begin = bounds_.Previous(area.offset.value());
    assert(bounds_.IsFreeBegin(begin));
    return {.begin = begin, .end = bounds_.Next(begin + 1), .at = area.offset.value()};
  }
  // Makes a free range one area. REQUIRES: it is free.
  void Take(AreaSpan area) { Take(RunOf(area), area.size, area_map_internal::Ignore); }
  // Makes an area's granules free again. REQUIRES: AreaFrom(area.offset) == area.
  template <typename Watch>
  ABSL_ATTRIBUTE_ALWAYS_INLINE void Release(AreaSpan area, Watch watch) {
    assert(AreaFrom(area.offset).size == area.size);
    const std::uint32_t at = area.offset.value();
    const std::uint32_t behind = area.end().value();
    std::uint32_t begin = at;
    std::uint32_t end = behind;
    bounds_.SetFree(at);
    if (!bounds_.IsTakenBegin(behind)) {
      end = bounds_.Next(behind + 1);
      Unlist(RunLists::ClassOf(end - behind), behind, watch);
      bounds_.RemoveBegin(behind);
    }
    if (at > 0) begin = bounds_.Previous(at - 1);
    if (begin < at && !bounds_.IsTakenBegin(begin)) {
      bounds_.RemoveBegin(at);
      Relist(RunLists::ClassOf(at - begin), begin, RunLists::ClassOf(end - begin), watch);
    } else {
      begin = at;
      List(RunLists::ClassOf(end - at), at, watch);
    }
    if (end - begin >= kBlock.value()) {
      counts_->empty_blocks +=
          EmptyBlocksIn(begin, end) - EmptyBlocksIn(begin, at) - EmptyBlocksIn(behind, end);
    }
    counts_->free += area.size.value();
    --counts_->live;
  }
  void Release(AreaSpan area) { Release(area, area_map_internal::Ignore); }
  // Takes the first `count` granules out of use for good, without an area.
  // REQUIRES: a fresh map.
  void HideHead(Granules count);

  // --- Looking up ----------------------------------------------------------------
  // The live area that covers `at`; nullopt if it is free or hidden.
  [[nodiscard]] std::optional<AreaSpan> AreaAt(Granules at) const;
  // Whether an area begins exactly there.
  [[nodiscard]] bool IsStart(Granules at) const {
    return at < size_ && bounds_.IsTakenBegin(at.value()) && at.value() >= counts_->hidden;
  }
  // The live area that begins there. REQUIRES: IsStart(at).
  [[nodiscard]] AreaSpan AreaFrom(Granules at) const {
    assert(IsStart(at));
    return {at, Granules(bounds_.Next(at.value() + 1)) - at};
  }
  // The first area that begins at or after `at`.
  [[nodiscard]] std::optional<AreaSpan> NextArea(Granules at) const;
  // The first free run that begins at or after `at`, or what is left of the one
  // that covers it.
  [[nodiscard]] std::optional<AreaSpan> NextFree(Granules at) const;

  [[nodiscard]] Granules size() const { return size_; }
  [[nodiscard]] std::uint32_t blocks() const {
    return (size_.value() + kBlock.value() - 1) / kBlock.value();
  }
  [[nodiscard]] Granules free() const { return Granules(counts_->free); }
  [[nodiscard]] std::uint32_t live() const { return counts_->live; }
  // Blocks without a taken granule. A partial block at the end of the map is not counted.
  [[nodiscard]] std::uint32_t empty_blocks() const { return counts_->empty_blocks; }
  [[nodiscard]] bool IsEmptyBlock(std::uint32_t block) const;
  // O(runs of the class with the longest).
  [[nodiscard]] Granules longest_run() const;

  // Walks all runs and lists; INTERNAL names the first thing that differs.
  // Bounded, and safe on storage an enemy wrote.
  [[nodiscard]] absl::Status CheckInvariants() const;

 private:
  struct Counts {
    std::uint32_t live;
    std::uint32_t empty_blocks;
    std::uint32_t free;
    std::uint32_t hidden;
  };
  // What the runs add up to.
  struct Census {
    Counts counts{};
    std::uint32_t free_runs = 0;
  };

  static std::uint32_t EmptyBlocksIn(std::uint32_t begin, std::uint32_t end) {
    const std::uint32_t first = (begin + kBlock.value() - 1) / kBlock.value();
    const std::uint32_t last = end / kBlock.value();
    return last > first ? last - first : 0;
  }

  template <typename Watch>
  ABSL_ATTRIBUTE_ALWAYS_INLINE void List(std::uint32_t size_class, std::uint32_t begin,
                                         Watch& watch) {
    if (lists_.Insert(size_class, RunLists::SlotOf(begin))) watch(size_class, true);
  }
  template <typename Watch>
  ABSL_ATTRIBUTE_ALWAYS_INLINE void Unlist(std::uint32_t size_class, std::uint32_t begin,
                                           Watch& watch) {
    if (lists_.Remove(size_class, RunLists::SlotOf(begin))) watch(size_class, false);
  }
  // A free run has become one of another class, if it is another.
  template <typename Watch>
  ABSL_ATTRIBUTE_ALWAYS_INLINE void Relist(std::uint32_t before, std::uint32_t begin,
                                           std::uint32_t now, Watch& watch) {
    if (before == now) return;
    Unlist(before, begin, watch);
    List(now, begin, watch);
  }
  // Has a free run begin at `begin`, further on.
  template <typename Watch>
  ABSL_ATTRIBUTE_ALWAYS_INLINE void CutFront(const Run& run, std::uint32_t begin, Watch& watch) {
    bounds_.AddBegin(begin);
    const std::uint32_t before = RunLists::ClassOf(run.end - run.begin);
    const std::uint32_t now = RunLists::ClassOf(run.end - begin);
    if (before == now) {
      lists_.Move(now, RunLists::SlotOf(run.begin), RunLists::SlotOf(begin));
    } else {
      Unlist(before, run.begin, watch);
      List(now, begin, watch);
    }
  }
  // The run was taken between its `at` and `end`.
  ABSL_ATTRIBUTE_ALWAYS_INLINE void NoteTaken(const Run& run, std::uint32_t end,
                                              std::uint32_t areas) {
    if (run.end - run.begin >= kBlock.value()) {
      counts_->empty_blocks -= EmptyBlocksIn(run.begin, run.end) -
                               EmptyBlocksIn(run.begin, run.at) - EmptyBlocksIn(end, run.end);
    }
    counts_->free -= end - run.at;
    counts_->live += areas;
  }
  // Where the free run with that slot begins.
  [[nodiscard]] std::uint32_t BeginOf(RunLists::Slot slot) const {
    return 2 * slot + (bounds_.IsFreeBegin(2 * slot) ? 0 : 1);
  }
  [[nodiscard]] absl::Status CheckBounds() const;
  [[nodiscard]] Census CountRuns() const;
  [[nodiscard]] absl::Status CheckLists(std::uint32_t free_runs) const;

  Granules size_;
  Counts* counts_ = nullptr;
  BoundMap bounds_;
  RunLists lists_;
};

}  // namespace percpud

#endif  // PERCPUD_SERVER_AREA_AREA_MAP_H_

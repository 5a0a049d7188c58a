// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/area/area_map.h"

#include <algorithm>
#include <cassert>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace percpud {
namespace {

constexpr std::uint32_t kAll = std::numeric_limits<std::uint32_t>::max();

template <typename... Parts>
absl::Status Wrong(const Parts&... parts) {
  return absl::InternalError(absl::StrCat("area map: ", parts...));
}

}  // namespace

// Counts, bounds, heads, and links last: these are not looked at, nor copied, by
// those who only want to know where areas lie.
std::size_t AreaMap::SnapshotWords(Granules size) {
  static_assert(sizeof(Counts) % sizeof(Word) == 0);
  return sizeof(Counts) / sizeof(Word) + BoundMap::StorageWords(size.value());
}

std::size_t AreaMap::StorageWords(Granules size) {
  return SnapshotWords(size) + RunLists::HeadWords() + RunLists::LinkWords(size.value());
}

AreaMap::AreaMap(std::span<Word> storage, Granules size)
    : size_(size), counts_(reinterpret_cast<Counts*>(storage.data())) {
  assert(storage.size() >= SnapshotWords(size));
  bounds_ = BoundMap(storage.data() + sizeof(Counts) / sizeof(Word), size.value());
  if (storage.size() < StorageWords(size)) return;
  Word* const heads = storage.data() + SnapshotWords(size);
  lists_ = RunLists(heads, heads + RunLists::HeadWords(), size.value());
}

AreaMap AreaMap::Format(std::span<Word> storage, Granules size) {
  std::fill_n(storage.begin(), SnapshotWords(size) + RunLists::HeadWords(), Word{0});
  AreaMap map(storage, size);
  map.bounds_.AddBegin(0);
  map.bounds_.AddBegin(size.value());
  map.bounds_.SetTaken(size.value());
  map.List(ClassOf(size), 0, area_map_internal::Ignore);
  map.counts_->empty_blocks = EmptyBlocksIn(0, size.value());
  map.counts_->free = size.value();
  return map;
}

void AreaMap::HideHead(Granules count) {
  assert(counts_->live == 0);
  if (count == Granules(0)) return;
  Take({Granules(0), count});
  counts_->live = 0;
  counts_->hidden = count.value();
}

// --- Searching ---------------------------------------------------------------

std::optional<Granules> AreaMap::Find(Granules count, Granules align) const {
  for (std::uint32_t each = lists_.NextOccupied(ClassOf(count)); each < kClasses;
       each = lists_.NextOccupied(each + 1)) {
    if (const auto run = FindInClass(each, count, align, kAll)) return Granules(run->at);
  }
  return std::nullopt;
}

Granules AreaMap::longest_run() const {
  std::uint32_t longest = 0;
  const std::uint32_t highest = lists_.LastOccupied();
  if (highest < RunLists::kExact) return Granules(highest);
  for (auto slot = lists_.First(highest); slot != RunLists::kNone; slot = lists_.After(slot)) {
    const std::uint32_t begin = BeginOf(slot);
    longest = std::max(longest, bounds_.Next(begin + 1) - begin);
  }
  return Granules(longest);
}

// --- Looking up ----------------------------------------------------------------

std::optional<AreaSpan> AreaMap::AreaAt(Granules at) const {
  if (at >= size_) return std::nullopt;
  const Granules begin(bounds_.Previous(at.value()));
  if (!IsStart(begin)) return std::nullopt;
  return AreaFrom(begin);
}

std::optional<AreaSpan> AreaMap::NextArea(Granules at) const {
  for (; at < size_; at += Granules(1)) {
    at = Granules(bounds_.Next(at.value()));
    if (IsStart(at)) return AreaFrom(at);
  }
  return std::nullopt;
}

std::optional<AreaSpan> AreaMap::NextFree(Granules at) const {
  if (at >= size_) return std::nullopt;
  if (bounds_.IsTakenBegin(bounds_.Previous(at.value()))) {
    // Behind the area that covers it, and others that follow it.
    do {
      at = Granules(bounds_.Next(at.value() + 1));
      if (at >= size_) return std::nullopt;
    } while (bounds_.IsTakenBegin(at.value()));
  }
  return AreaSpan{at, Granules(bounds_.Next(at.value() + 1)) - at};
}

bool AreaMap::IsEmptyBlock(std::uint32_t block) const {
  const std::uint32_t begin = block * kBlock.value();
  const std::uint32_t end = begin + kBlock.value();
  return end <= size_.value() && !bounds_.IsTakenBegin(bounds_.Previous(begin)) &&
         bounds_.Next(begin + 1) >= end;
}

// --- Checking ------------------------------------------------------------------

absl::Status AreaMap::CheckInvariants() const {
  if (absl::Status status = CheckBounds(); !status.ok()) return status;
  const Census census = CountRuns();
  const Counts& truth = census.counts;
  if (truth.live != counts_->live || truth.free != counts_->free ||
      truth.empty_blocks != counts_->empty_blocks || truth.hidden != counts_->hidden) {
    return Wrong(truth.live, " areas, ", truth.free, " free granules, ", truth.empty_blocks,
                 " empty blocks; counted ", counts_->live, ", ", counts_->free, ", ",
                 counts_->empty_blocks);
  }
  return CheckLists(census.free_runs);
}

// After this, searches of the bounds end where they should.
absl::Status AreaMap::CheckBounds() const {
  const std::uint32_t cells = BoundMap::Cells(size_.value());
  for (std::uint32_t at = 0; at < cells; ++at) {
    const BoundMap::Cell& cell = bounds_.cell(at);
    if ((cell.taken & ~cell.begins) != 0) return Wrong("cell ", at, " takes what does not begin");
    if (bits::Test(bounds_.summary(), at) != (cell.begins != 0)) {
      return Wrong("the summary of cell ", at, " is stale");
    }
  }
  for (auto at = cells; at % bits::kWordBits != 0; ++at) {
    if (bits::Test(bounds_.summary(), at)) return Wrong("the summary goes on behind the end");
  }
  const BoundMap::Cell& last = bounds_.cell(cells - 1);
  const Word from_end = ~Word{0} << (size_.value() % bits::kWordBits);
  const Word end = Word{1} << (size_.value() % bits::kWordBits);
  if ((last.begins & from_end) != end || (last.taken & from_end) != end) {
    return Wrong("the end marker is missing");
  }
  return bounds_.IsBegin(0) ? absl::OkStatus() : Wrong("the begin marker is missing");
}

AreaMap::Census AreaMap::CountRuns() const {
  Census census;
  for (std::uint32_t at = 0; at < size_.value();) {
    const std::uint32_t end = bounds_.Next(at + 1);
    if (!bounds_.IsTakenBegin(at)) {
      ++census.free_runs;
      census.counts.free += end - at;
      census.counts.empty_blocks += EmptyBlocksIn(at, end);
    } else if (at == 0 && counts_->hidden == end) {
      census.counts.hidden = end;
    } else {
      ++census.counts.live;
    }
    at = end;
  }
  return census;
}

// Checks that all `free_runs` are listed, each in its class and once, and that no two
// are neighbours.
absl::Status AreaMap::CheckLists(std::uint32_t free_runs) const {
  std::uint32_t listed = 0;
  for (std::uint32_t each = 0; each < kClasses; ++each) {
    RunLists::Slot before = RunLists::kNone;
    RunLists::Slot slot = lists_.First(each);
    if (lists_.IsOccupied(each) != (slot != RunLists::kNone)) return Wrong("class ", each);
    for (; slot != RunLists::kNone; before = slot, slot = lists_.After(slot)) {
      if (slot > RunLists::SlotOf(size_.value()) || ++listed > free_runs) {
        return Wrong("the list of class ", each, " leads astray");
      }
      const std::uint32_t begin = BeginOf(slot);
      const bool is_run = begin < size_.value() && bounds_.IsFreeBegin(begin);
      if (!is_run || lists_.Before(slot) != before) return Wrong("slot ", slot, " has no run");
      const std::uint32_t end = bounds_.Next(begin + 1);
      if (RunLists::ClassOf(end - begin) != each) return Wrong("class of the run at ", begin);
      if (!bounds_.IsTakenBegin(end)) return Wrong("two free runs meet at ", end);
    }
  }
  return listed == free_runs ? absl::OkStatus()
                             : Wrong(free_runs, " free runs, but ", listed, " listed");
}

}  // namespace percpud

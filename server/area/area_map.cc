// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/area/area_map.h"

#include <algorithm>
#include <bit>
#include <cassert>
#include <cstdint>
#include <optional>
#include <span>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace percpud {
namespace {

constexpr std::uint32_t kBlockBits = AreaMap::kBlock.value();

constexpr std::uint32_t RoundUpToWord(std::uint32_t bit_count) {
  return static_cast<std::uint32_t>(bits::WordsFor(bit_count)) * bits::kWordBits;
}
std::uint32_t BlocksOf(Granules size) { return (size.value() + kBlockBits - 1) / kBlockBits; }

// Calls visit(block, begin, end) with the part of [begin, end) in each block,
// relative to the block.
template <typename Visit>
void ForEachBlock(AreaSpan range, Visit visit) {
  const std::uint32_t begin = range.offset.value();
  const std::uint32_t end = range.end().value();
  for (std::uint32_t block = begin / kBlockBits; block <= (end - 1) / kBlockBits; ++block) {
    const std::uint32_t base = block * kBlockBits;
    visit(block, std::max(begin, base) - base, std::min(end - base, kBlockBits));
  }
}

// Where `count` granules at a multiple of `align` fit in the run [begin, end).
std::optional<Granules> FitIn(std::uint32_t begin, std::uint32_t end, std::uint32_t count,
                              std::uint32_t align) {
  const std::uint32_t at = (begin + align - 1) & ~(align - 1);
  if (at + count > end) return std::nullopt;
  return Granules(at);
}

}  // namespace

std::size_t AreaMap::StorageWords(Granules size) {
  static_assert(sizeof(Counts) % sizeof(Word) == 0 && sizeof(BlockRuns) % sizeof(Word) == 0);
  const std::uint32_t blocks = BlocksOf(size);
  return (sizeof(Counts) + blocks * sizeof(BlockRuns)) / sizeof(Word) + bits::WordsFor(blocks) +
         2 * std::size_t{blocks} * BlockRuns::kWords;
}

AreaMap::AreaMap(std::span<Word> storage, Granules size) : size_(size), blocks_(BlocksOf(size)) {
  assert(storage.size() >= StorageWords(size));
  counts_ = reinterpret_cast<Counts*>(storage.data());
  runs_ = reinterpret_cast<BlockRuns*>(counts_ + 1);
  used_ = reinterpret_cast<Word*>(runs_ + blocks_);
  taken_ = used_ + bits::WordsFor(blocks_);
  starts_ = taken_ + std::size_t{blocks_} * BlockRuns::kWords;
}

AreaMap AreaMap::Format(std::span<Word> storage, Granules size) {
  std::fill(storage.begin(), storage.end(), Word{0});
  AreaMap map(storage, size);
  // What lies beyond the map is taken for good, so that no search sees it.
  bits::SetRange(map.taken_, size.value(), map.blocks_ * kBlockBits);
  map.counts_->free = size.value();
  for (std::uint32_t block = 0; block < map.blocks_; ++block) {
    map.runs_[block] = BlockRuns::Of(map.BlockWords(block));
    map.counts_->empty_blocks += std::uint32_t{map.IsEmptyBlock(block)};
    if (!map.IsEmptyBlock(block)) bits::Set(map.used_, block);
  }
  for (std::uint32_t block = 0; block < map.blocks_; ++block) {
    map.runs_[block].best = map.BestOf(block);
  }
  return map;
}

// --- Searching ---------------------------------------------------------------

Granules AreaMap::longest_run() const {
  Granules longest;
  for (std::uint32_t block = 0; block < blocks_; ++block) longest = std::max(longest, best(block));
  return longest;
}

std::optional<Granules> AreaMap::Find(Granules count, Granules align,
                                      std::uint32_t first_block) const {
  if (first_block < blocks_ && !BeginsRun(first_block)) {
    const std::uint32_t base = first_block * kBlockBits;
    const auto at = FitIn(base, base + RunFrom(first_block), count.value(), align.value());
    if (at) return at;
  }
  for (std::uint32_t block = first_block; block < blocks_; ++block) {
    if (best(block) < count) continue;
    if (const std::optional<Granules> at = FindIn(block, count, align)) return at;
  }
  return std::nullopt;
}

std::optional<Granules> AreaMap::FindIn(std::uint32_t block, Granules count, Granules align) const {
  const BlockRuns& runs = runs_[block];
  const std::uint32_t n = count.value();
  const std::uint32_t base = block * kBlockBits;
  const bool is_empty = IsEmptyBlock(block);
  if (runs.best < n) return std::nullopt;
  if (BeginsRun(block) && (runs.left >= n || is_empty)) {
    const std::uint32_t end = base + (is_empty ? runs.best : runs.left);
    if (const auto at = FitIn(base, end, n, align.value())) return at;
  }
  if (runs.inner >= n) {
    if (const auto at = runs.FindInner(BlockWords(block), n, align.value()))
      return Granules(base + *at);
  }
  if (is_empty || runs.right == 0) return std::nullopt;
  const std::uint32_t next = base + kBlockBits;
  return FitIn(next - runs.right, next + RunFrom(block + 1), n, align.value());
}

// --- The best run of a block ---------------------------------------------------

std::uint32_t AreaMap::RunFrom(std::uint32_t block) const {
  if (block == blocks_) return 0;
  const std::uint32_t end = bits::FindNextSet(used_, block, blocks_);
  return (end - block) * kBlockBits + (end < blocks_ ? runs_[end].left : 0);
}

std::uint32_t AreaMap::BestOf(std::uint32_t block) const {
  const BlockRuns& runs = runs_[block];
  if (IsEmptyBlock(block)) return BeginsRun(block) ? RunFrom(block) : 0;
  std::uint32_t best = runs.inner;
  if (BeginsRun(block)) best = std::max<std::uint32_t>(best, runs.left);
  if (runs.right > 0) best = std::max(best, runs.right + RunFrom(block + 1));
  return best;
}

// After a change to blocks first..last, which had those ends before.
AreaMap::Changed AreaMap::UpdateBest(Changed blocks, std::uint32_t old_left,
                                     std::uint32_t old_right) {
  for (std::uint32_t block = blocks.first; block <= blocks.last; ++block) {
    runs_[block].best = BestOf(block);
  }
  if (blocks.first > 0 && runs_[blocks.first].left != old_left && !BeginsRun(blocks.first)) {
    // The run that reaches in begins in the last used block, or right behind it.
    const std::uint32_t used_end = bits::FindLastSetEnd(used_, 0, blocks.first);
    blocks.first = used_end > 0 && runs_[used_end - 1].right > 0 ? used_end - 1 : used_end;
    runs_[blocks.first].best = BestOf(blocks.first);
  }
  if (blocks.last + 1 < blocks_ && (runs_[blocks.last].right == 0) != (old_right == 0)) {
    ++blocks.last;
    runs_[blocks.last].best = BestOf(blocks.last);
  }
  return blocks;
}

// --- Taking and giving back --------------------------------------------------

AreaMap::Changed AreaMap::Take(AreaSpan area) {
  const Changed changed = MarkTaken(area);
  bits::Set(starts_, area.offset.value());
  ++counts_->live;
  return changed;
}

void AreaMap::HideHead(Granules count) {
  assert(counts_->live == 0);
  if (count > Granules(0)) MarkTaken({Granules(0), count});
}

AreaMap::Changed AreaMap::MarkTaken(AreaSpan range) {
  assert(range.end() <= size_);
  const Changed blocks{.first = range.offset.value() / kBlockBits,
                       .last = (range.end().value() - 1) / kBlockBits};
  const std::uint32_t old_left = runs_[blocks.first].left;
  const std::uint32_t old_right = runs_[blocks.last].right;
  ForEachBlock(range, [this](std::uint32_t block, std::uint32_t begin, std::uint32_t end) {
    counts_->empty_blocks -= std::uint32_t{IsEmptyBlock(block)};
    bits::Set(used_, block);
    runs_[block].Take(BlockWords(block), begin, end);
  });
  counts_->free -= range.size.value();
  return UpdateBest(blocks, old_left, old_right);
}

AreaMap::Taken AreaMap::TakeMany(std::uint32_t block, Granules count, Granules align,
                                 std::span<std::uint32_t> out) {
  BlockRuns& runs = runs_[block];
  if (runs.best < count.value()) return {.areas = 0, .changed = {block, block}};
  const BlockRuns before = runs;
  const std::uint32_t areas =
      runs.TakeMany(BlockWords(block), count.value(), align.value(), BeginsRun(block), out);
  if (areas == 0) return {.areas = 0, .changed = {block, block}};
  counts_->empty_blocks -= std::uint32_t{before.is_empty()};
  counts_->free -= std::uint64_t{areas} * count.value();
  counts_->live += areas;
  bits::Set(used_, block);
  for (std::uint32_t& at : out.first(areas)) {
    at += block * kBlockBits;
    bits::Set(starts_, at);
  }
  return {.areas = areas, .changed = UpdateBest({block, block}, before.left, before.right)};
}

AreaMap::Changed AreaMap::Release(AreaSpan area) {
  assert(IsStart(area.offset) && AreaEnd(area.offset) == area.end());
  const Changed blocks{.first = area.offset.value() / kBlockBits,
                       .last = (area.end().value() - 1) / kBlockBits};
  const std::uint32_t old_left = runs_[blocks.first].left;
  const std::uint32_t old_right = runs_[blocks.last].right;
  bits::Clear(starts_, area.offset.value());
  ForEachBlock(area, [this](std::uint32_t block, std::uint32_t begin, std::uint32_t end) {
    runs_[block].Release(BlockWords(block), begin, end);
    if (!IsEmptyBlock(block)) return;
    bits::Clear(used_, block);
    ++counts_->empty_blocks;
  });
  --counts_->live;
  counts_->free += area.size.value();
  return UpdateBest(blocks, old_left, old_right);
}

// --- Looking up ----------------------------------------------------------------

Granules AreaMap::AreaEnd(Granules start) const {
  return Granules(bits::FindNextIf(start.value() + 1, size_.value(), [this](std::uint32_t word) {
    return starts_[word] | ~taken_[word];
  }));
}

std::optional<AreaSpan> AreaMap::AreaAt(Granules at) const {
  if (at >= size_ || !bits::Test(taken_, at.value())) return std::nullopt;
  const std::uint32_t start_end = bits::FindLastSetEnd(starts_, 0, at.value() + 1);
  if (start_end == 0) return std::nullopt;
  const AreaSpan area = AreaFrom(Granules(start_end - 1));
  // Hidden granules follow no start of their own.
  if (at >= area.end()) return std::nullopt;
  return area;
}

std::optional<AreaSpan> AreaMap::NextArea(Granules at) const {
  const std::uint32_t start = bits::FindNextSet(starts_, at.value(), size_.value());
  if (start >= size_.value()) return std::nullopt;
  return AreaFrom(Granules(start));
}

std::optional<AreaSpan> AreaMap::NextFree(Granules at) const {
  const std::uint32_t begin = bits::FindNextClear(taken_, at.value(), size_.value());
  if (begin >= size_.value()) return std::nullopt;
  const std::uint32_t end = bits::FindNextSet(taken_, begin, size_.value());
  return AreaSpan{Granules(begin), Granules(end - begin)};
}

// --- Checking ------------------------------------------------------------------

absl::Status AreaMap::CheckInvariants() const {
  if (absl::Status status = CheckRuns(); !status.ok()) return status;
  return CheckStarts();
}

absl::Status AreaMap::CheckRuns() const {
  std::uint32_t empty = 0;
  std::uint64_t free = 0;
  for (std::uint32_t block = 0; block < blocks_; ++block) {
    BlockRuns truth = BlockRuns::Of(BlockWords(block));
    truth.best = runs_[block].best;
    empty += std::uint32_t{truth.free == kBlockBits};
    free += truth.free;
    if (truth != runs_[block] || bits::Test(used_, block) != (truth.free < kBlockBits)) {
      return absl::InternalError(absl::StrCat("area map: runs of block ", block, " are stale"));
    }
  }
  if (bits::FindNextSet(used_, blocks_, RoundUpToWord(blocks_)) < RoundUpToWord(blocks_)) {
    return absl::InternalError("area map: a block beyond the end is used");
  }
  for (std::uint32_t block = 0; block < blocks_; ++block) {
    if (runs_[block].best != BestOf(block)) {
      return absl::InternalError(absl::StrCat("area map: best of block ", block, " is stale"));
    }
  }
  if (empty != counts_->empty_blocks || free != counts_->free) {
    return absl::InternalError(absl::StrCat("area map: ", free, " granules and ", empty,
                                            " blocks are free, but ", counts_->free, " and ",
                                            counts_->empty_blocks, " counted"));
  }
  return absl::OkStatus();
}

absl::Status AreaMap::CheckStarts() const {
  std::uint32_t live = 0;
  for (std::uint32_t word = 0; word < blocks_ * BlockRuns::kWords; ++word) {
    if ((starts_[word] & ~taken_[word]) != 0) {
      return absl::InternalError(
          absl::StrCat("area map: an area begins on a free granule in word ", word));
    }
    live += static_cast<std::uint32_t>(std::popcount(starts_[word]));
  }
  if (live != counts_->live) {
    return absl::InternalError(
        absl::StrCat("area map: ", live, " areas begin, but ", counts_->live, " counted"));
  }
  return absl::OkStatus();
}

}  // namespace percpud

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
constexpr std::uint32_t kBlockWordCount = kBlockBits / bits::kWordBits;

// The left (0) or right (1) child of a tree's node.
constexpr std::size_t Child(std::uint32_t node, std::uint32_t side) {
  return 2 * std::size_t{node} + side;
}

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

}  // namespace

std::size_t AreaMap::StorageWords(Granules size) {
  const std::uint32_t blocks = (size.value() + kBlockBits - 1) / kBlockBits;
  const std::size_t map_words = std::size_t{blocks} * kBlockWordCount;
  const std::size_t tree_bytes = 2 * std::size_t{std::bit_ceil(blocks)} * sizeof(Runs);
  return sizeof(Counts) / sizeof(Word) + 2 * map_words +
         (tree_bytes + sizeof(Word) - 1) / sizeof(Word);
}

AreaMap::AreaMap(std::span<Word> storage, Granules size)
    : size_(size),
      blocks_((size.value() + kBlockBits - 1) / kBlockBits),
      leaves_(std::bit_ceil(blocks_)) {
  assert(storage.size() >= StorageWords(size));
  const std::size_t map_words = std::size_t{blocks_} * kBlockWordCount;
  counts_ = reinterpret_cast<Counts*>(storage.data());
  taken_ = storage.data() + sizeof(Counts) / sizeof(Word);
  starts_ = taken_ + map_words;
  tree_ = reinterpret_cast<Runs*>(starts_ + map_words);
}

AreaMap AreaMap::Format(std::span<Word> storage, Granules size) {
  std::fill(storage.begin(), storage.end(), Word{0});
  AreaMap map(storage, size);
  // What lies beyond the map is taken for good, so that no search sees it.
  bits::SetRange(map.taken_, size.value(), map.blocks_ * kBlockBits);
  for (std::uint32_t block = 0; block < map.blocks_; ++block) {
    map.SetBlockRuns(block, map.ScanBlock(block));
  }
  map.UpdateTree(0, map.blocks_ - 1);
  return map;
}

AreaMap::Runs AreaMap::Join(const Runs& left, const Runs& right, std::uint32_t child_size) {
  return {.left = left.left == child_size ? child_size + right.left : left.left,
          .right = right.right == child_size ? child_size + left.right : right.right,
          .longest = std::max({left.longest, right.longest, left.right + right.left}),
          .free = left.free + right.free};
}

const AreaMap::Word* AreaMap::BlockWords(std::uint32_t block) const {
  return taken_ + std::size_t{block} * kBlockWordCount;
}

bool AreaMap::IsEmptyBlock(std::uint32_t block) const { return tree_[leaves_ + block] == kAllFree; }

// --- Searching ---------------------------------------------------------------

std::uint32_t AreaMap::FirstBlockWithRun(std::uint32_t count) const {
  std::uint32_t node = 1;
  std::uint32_t node_blocks = leaves_;
  std::uint32_t first = 0;
  while (node < leaves_) {
    const Runs& left = tree_[Child(node, 0)];
    const Runs& right = tree_[Child(node, 1)];
    node_blocks /= 2;
    if (left.longest >= count) {
      node = 2 * node;
    } else if (left.right + right.left >= count) {
      // The run straddles the middle: it begins in the left child's tail.
      return first + node_blocks - (left.right + kBlockBits - 1) / kBlockBits;
    } else {
      node = 2 * node + 1;
      first += node_blocks;
    }
  }
  return first;
}

std::optional<Granules> AreaMap::Find(Granules count, Granules align,
                                      std::uint32_t first_block) const {
  const std::uint32_t n = count.value();
  if (tree_[1].longest < n) return std::nullopt;
  // Only alignment can make the blocks after the first one matter; they are
  // then tried in order, with the free run that reaches into each.
  std::uint32_t run = 0;
  for (std::uint32_t block = std::max(first_block, FirstBlockWithRun(n)); block < blocks_;
       ++block) {
    const Runs& runs = tree_[leaves_ + block];
    const std::uint32_t base = block * kBlockBits;
    if (run + runs.left >= n) {
      const std::uint32_t start = RoundUp(Granules(base - run), align).value();
      if (start + n <= base + runs.left) return Granules(start);
    }
    if (runs.longest >= n) {
      if (const auto at = FindInBlock(block, n, align.value())) return Granules(base + *at);
    }
    run = runs == kAllFree ? run + kBlockBits : runs.right;
  }
  return std::nullopt;
}

std::optional<std::uint32_t> AreaMap::FindInBlock(std::uint32_t block, std::uint32_t count,
                                                  std::uint32_t align) const {
  const Runs& runs = tree_[leaves_ + block];
  if (align == 1 && runs.right >= count && runs.free - runs.right < count) {
    return kBlockBits - runs.right;
  }
  const Word* words = BlockWords(block);
  const Word aligned = bits::AlignedBits(align);
  std::uint32_t run = 0;  // free granules just before the word
  for (std::uint32_t word = 0; word < kBlockWordCount; ++word) {
    const Word free = ~words[word];
    if (free == 0) {
      run = 0;
      continue;
    }
    const std::uint32_t base = word * bits::kWordBits;
    const auto head = static_cast<std::uint32_t>(std::countr_one(free));
    if (run + head >= count) {
      const std::uint32_t start = (base - run + align - 1) & ~(align - 1);
      if (start + count <= base + head) return start;
    }
    if (count <= bits::kWordBits && (base & (align - 1)) == 0) {
      const Word starts = bits::RunStarts(free, count) & aligned;
      if (starts != 0) return base + static_cast<std::uint32_t>(std::countr_zero(starts));
    }
    run = ~free == 0 ? run + bits::kWordBits : static_cast<std::uint32_t>(std::countl_one(free));
  }
  return std::nullopt;
}

AreaMap::Runs AreaMap::ScanBlock(std::uint32_t block) const {
  const Word* words = BlockWords(block);
  Runs runs{.left = kBlockBits, .right = 0, .longest = 0, .free = kBlockBits};
  std::uint32_t run = 0;
  for (std::uint32_t word = 0; word < kBlockWordCount; ++word) {
    const Word taken = words[word];
    if (taken == 0) {
      run += bits::kWordBits;
      continue;
    }
    runs.free -= static_cast<std::uint32_t>(std::popcount(taken));
    run += static_cast<std::uint32_t>(std::countr_zero(taken));
    if (runs.left == kBlockBits) runs.left = run;
    runs.longest = std::max(runs.longest, run);
    // Inside one word a run is shorter than the word; look only for better.
    while (runs.longest < bits::kWordBits - 1 && bits::RunStarts(~taken, runs.longest + 1) != 0) {
      ++runs.longest;
    }
    run = static_cast<std::uint32_t>(std::countl_zero(taken));
  }
  runs.right = run;
  runs.longest = std::max(runs.longest, run);
  return runs;
}

// --- Taking and giving back --------------------------------------------------

void AreaMap::Take(AreaSpan area) {
  MarkTaken(area);
  bits::Set(starts_, area.offset.value());
  ++counts_->live;
}

void AreaMap::HideHead(Granules count) {
  assert(counts_->live == 0);
  if (count > Granules(0)) MarkTaken({Granules(0), count});
}

void AreaMap::MarkTaken(AreaSpan range) {
  assert(range.end() <= size_);
  ForEachBlock(range, [this](std::uint32_t block, std::uint32_t begin, std::uint32_t end) {
    UpdateTakenBlock(block, begin, end);
  });
  UpdateTree(range.offset.value() / kBlockBits, (range.end().value() - 1) / kBlockBits);
}

std::pair<std::uint32_t, std::uint32_t> AreaMap::RunAround(std::uint32_t block, std::uint32_t begin,
                                                           std::uint32_t end) const {
  const Runs& runs = tree_[leaves_ + block];
  if (end <= runs.left) return {0, runs.left};
  if (begin >= kBlockBits - runs.right) return {kBlockBits - runs.right, kBlockBits};
  const Word* words = BlockWords(block);
  return {bits::FindLastSetEnd(words, 0, begin), bits::FindNextSet(words, end, kBlockBits)};
}

void AreaMap::UpdateTakenBlock(std::uint32_t block, std::uint32_t begin, std::uint32_t end) {
  const auto [run_begin, run_end] = RunAround(block, begin, end);
  const std::uint32_t base = block * kBlockBits;
  assert(bits::CountRange(taken_, base + begin, base + end) == 0);
  bits::SetRange(taken_, base + begin, base + end);

  Runs runs = tree_[leaves_ + block];
  const std::uint32_t rest = std::max(begin - run_begin, run_end - end);
  const std::uint32_t elsewhere = runs.free - (run_end - run_begin);
  if (runs.longest == run_end - run_begin && elsewhere > rest) {
    runs = ScanBlock(block);
  } else {
    if (runs.longest == run_end - run_begin) runs.longest = rest;
    if (run_begin == 0) runs.left = begin;
    if (run_end == kBlockBits) runs.right = kBlockBits - end;
    runs.free -= end - begin;
  }
  SetBlockRuns(block, runs);
}

void AreaMap::Release(AreaSpan area) {
  assert(IsStart(area.offset) && AreaEnd(area.offset) == area.end());
  bits::Clear(starts_, area.offset.value());
  ForEachBlock(area, [this](std::uint32_t block, std::uint32_t begin, std::uint32_t end) {
    UpdateFreedBlock(block, begin, end);
  });
  --counts_->live;
  UpdateTree(area.offset.value() / kBlockBits, (area.end().value() - 1) / kBlockBits);
}

void AreaMap::UpdateFreedBlock(std::uint32_t block, std::uint32_t begin, std::uint32_t end) {
  const std::uint32_t base = block * kBlockBits;
  bits::ClearRange(taken_, base + begin, base + end);
  const Word* words = BlockWords(block);
  const std::uint32_t run_begin = bits::FindLastSetEnd(words, 0, begin);
  const std::uint32_t run_end = bits::FindNextSet(words, end, kBlockBits);

  Runs runs = tree_[leaves_ + block];
  runs.longest = std::max(runs.longest, run_end - run_begin);
  runs.free += end - begin;
  if (run_begin == 0) runs.left = run_end;
  if (run_end == kBlockBits) runs.right = kBlockBits - run_begin;
  SetBlockRuns(block, runs);
}

void AreaMap::SetBlockRuns(std::uint32_t block, const Runs& runs) {
  Runs& leaf = tree_[leaves_ + block];
  counts_->empty_blocks += std::uint32_t{runs == kAllFree} - std::uint32_t{leaf == kAllFree};
  leaf = runs;
}

void AreaMap::UpdateTree(std::uint32_t first_block, std::uint32_t last_block) {
  std::uint32_t child_size = kBlockBits;
  std::uint32_t first = leaves_ + first_block;
  std::uint32_t last = leaves_ + last_block;
  while (first > 1) {
    first /= 2;
    last /= 2;
    bool changed = false;
    for (std::uint32_t node = first; node <= last; ++node) {
      const Runs joined = Join(tree_[Child(node, 0)], tree_[Child(node, 1)], child_size);
      changed |= joined != tree_[node];
      tree_[node] = joined;
    }
    if (!changed) return;
    child_size *= 2;
  }
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
  if (absl::Status status = CheckTree(); !status.ok()) return status;
  return CheckStarts();
}

absl::Status AreaMap::CheckTree() const {
  std::uint32_t empty = 0;
  for (std::uint32_t block = 0; block < leaves_; ++block) {
    const Runs truth = block < blocks_ ? ScanBlock(block) : kAllTaken;
    empty += std::uint32_t{truth == kAllFree};
    if (truth != tree_[leaves_ + block]) {
      return absl::InternalError(absl::StrCat("area map: runs of block ", block, " are stale"));
    }
  }
  if (empty != counts_->empty_blocks) {
    return absl::InternalError(absl::StrCat("area map: ", empty, " blocks are empty, but ",
                                            counts_->empty_blocks, " counted"));
  }
  for (std::uint32_t node = leaves_ - 1; node >= 1; --node) {
    const auto height = static_cast<std::uint32_t>(std::bit_width(leaves_) - std::bit_width(node));
    const Runs joined =
        Join(tree_[Child(node, 0)], tree_[Child(node, 1)], kBlockBits << (height - 1));
    if (tree_[node] != joined) {
      return absl::InternalError(absl::StrCat("area map: tree node ", node, " is stale"));
    }
  }
  return absl::OkStatus();
}

absl::Status AreaMap::CheckStarts() const {
  std::uint32_t live = 0;
  for (std::uint32_t word = 0; word < blocks_ * kBlockWordCount; ++word) {
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

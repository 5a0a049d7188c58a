// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/percpu/chunk.h"

#include <algorithm>
#include <bit>
#include <memory>
#include <new>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"

namespace percpud {
namespace {

Granules MapSize(ManagedRange range) { return ToGranules(range.end); }
std::uint32_t BlockCount(ManagedRange range) {
  constexpr std::uint32_t kBlock = AreaMap::kBlock.value();
  return (MapSize(range).value() + kBlock - 1) / kBlock;
}

std::size_t MetadataWords(ManagedRange range) {
  return AreaMap::StorageWords(MapSize(range)) + 2 * bits::WordsFor(MapSize(range).value()) +
         bits::WordsFor(BlockCount(range));
}

}  // namespace

std::unique_ptr<bits::Word[]> HeapMetadata(std::size_t words) {
  return std::unique_ptr<bits::Word[]>(new (std::nothrow) bits::Word[words]);
}

std::unique_ptr<Chunk> Chunk::Make(ChunkKind kind, ManagedRange range,
                                   const MetadataSource& source) {
  std::unique_ptr<bits::Word[]> words = source(MetadataWords(range));
  if (words == nullptr) return nullptr;
  return std::unique_ptr<Chunk>(new Chunk(kind, range, std::move(words)));
}

Chunk::Chunk(ChunkKind kind, ManagedRange range, std::unique_ptr<bits::Word[]> words)
    : kind_(kind),
      range_(range),
      words_(std::move(words)),
      dirty_map_(words_.get() + AreaMap::StorageWords(MapSize(range))),
      parked_map_(dirty_map_ + bits::WordsFor(MapSize(range).value())),
      populated_map_(parked_map_ + bits::WordsFor(MapSize(range).value())) {
  std::fill(dirty_map_, words_.get() + MetadataWords(range), bits::Word{0});
  areas_ = AreaMap::Format(std::span(words_.get(), AreaMap::StorageWords(MapSize(range))),
                           MapSize(range));
  areas_.HideHead(ToGranules(range.begin));
}

std::optional<Granules> Chunk::Find(Granules count, Granules align, bool populated_only) const {
  if (populated_only && populated_blocks_ < blocks()) return FindPopulated(count, align);
  return areas_.Find(count, align);
}

std::optional<Granules> Chunk::FindPopulated(Granules count, Granules align) const {
  std::uint32_t block = 0;
  while (block < blocks()) {
    const std::optional<Granules> at = areas_.Find(count, align, block);
    if (!at) return std::nullopt;
    const BlockRange missing = UnpopulatedIn({*at, count});
    if (missing.count == 0) return at;
    block = missing.first + missing.count;
  }
  return std::nullopt;
}

std::optional<AreaSpan> Chunk::LiveAt(Granules at) const {
  const std::optional<AreaSpan> area = areas_.AreaAt(at);
  if (!area || bits::Test(parked_map_, area->offset.value())) return std::nullopt;
  return area;
}

void Chunk::MarkDirtyAcross(AreaSpan range) {
  bits::ForEachWord(range.offset.value(), range.end().value(),
                    [this](std::uint32_t word, bits::Word mask) {
                      MarkDirtyIn(word, mask);
                      return true;
                    });
}

AreaSpan Chunk::DirtyIn(AreaSpan range) const {
  const std::uint32_t end = range.end().value();
  const std::uint32_t first = bits::FindNextSet(dirty_map_, range.offset.value(), end);
  if (first == end) return {range.offset, Granules(0)};
  return {Granules(first), Granules(bits::FindLastSetEnd(dirty_map_, first, end) - first)};
}

void Chunk::MarkClean(AreaSpan range) {
  const std::uint32_t begin = range.offset.value();
  const std::uint32_t end = range.end().value();
  dirty_ -= Granules(bits::CountRange(dirty_map_, begin, end));
  bits::ClearRange(dirty_map_, begin, end);
}

BlockRange Chunk::UnpopulatedIn(AreaSpan range) const {
  const BlockRange within = BlocksOf(range);
  const std::uint32_t end = within.first + within.count;
  const std::uint32_t first = bits::FindNextClear(populated_map_, within.first, end);
  return {.first = first, .count = bits::FindNextSet(populated_map_, first, end) - first};
}

std::vector<std::uint32_t> Chunk::UnpopulatedBlocks() const {
  std::vector<std::uint32_t> out;
  for (std::uint32_t block = bits::FindNextClear(populated_map_, 0, blocks()); block < blocks();
       block = bits::FindNextClear(populated_map_, block + 1, blocks())) {
    out.push_back(block);
  }
  return out;
}

void Chunk::MarkPopulated(BlockRange blocks) {
  const std::uint32_t end = blocks.first + blocks.count;
  populated_blocks_ += blocks.count - bits::CountRange(populated_map_, blocks.first, end);
  bits::SetRange(populated_map_, blocks.first, end);
  empty_populated_ = EmptyPopulatedIn({0, areas_.blocks()});
}

void Chunk::MarkUnpopulated(BlockRange blocks) {
  const std::uint32_t end = blocks.first + blocks.count;
  populated_blocks_ -= bits::CountRange(populated_map_, blocks.first, end);
  bits::ClearRange(populated_map_, blocks.first, end);
  empty_populated_ = EmptyPopulatedIn({0, areas_.blocks()});
  const Granules first(blocks.first * kBlock);
  MarkClean({first, std::min(Granules(end * kBlock), areas_.size()) - first});
}

BlockRange Chunk::LastEmptyPopulated(std::uint32_t end, std::uint64_t most) const {
  while (end > 0 && !IsEmptyPopulated(end - 1)) --end;
  std::uint32_t first = end;
  while (first > 0 && end - first < most && IsEmptyPopulated(first - 1)) --first;
  return {first, end - first};
}

std::uint32_t Chunk::EmptyPopulatedIn(BlockRange blocks) const {
  std::uint32_t empty = 0;
  for (std::uint32_t block = blocks.first; block < blocks.first + blocks.count; ++block) {
    empty += std::uint32_t{IsEmptyPopulated(block)};
  }
  return empty;
}

Chunk::MapCopy::MapCopy(const Chunk& chunk)
    : words_(chunk.words_.get(), chunk.words_.get() + MetadataWords(chunk.range_)),
      areas_(std::span(words_.data(), AreaMap::StorageWords(chunk.areas_.size())),
             chunk.areas_.size()),
      parked_map_(words_.data() + (chunk.parked_map_ - chunk.words_.get())) {}

std::vector<AreaSpan> Chunk::MapCopy::LiveAreas() const {
  std::vector<AreaSpan> areas;
  areas.reserve(areas_.live());
  for (auto area = areas_.NextArea(Granules(0)); area; area = areas_.NextArea(area->end())) {
    if (!bits::Test(parked_map_, area->offset.value())) areas.push_back(*area);
  }
  return areas;
}

absl::Status Chunk::CheckInvariants() const {
  if (absl::Status status = areas_.CheckInvariants(); !status.ok()) return status;
  if (bits::CountRange(dirty_map_, 0, MapSize(range_).value()) != dirty_.value()) {
    return absl::InternalError(absl::StrCat("chunk ", id_.value(), ": dirty count is wrong"));
  }
  if (bits::CountRange(parked_map_, 0, MapSize(range_).value()) != parked_) {
    return absl::InternalError(absl::StrCat("chunk ", id_.value(), ": parked count is wrong"));
  }
  if (!is_populated() && EmptyPopulatedIn({0, blocks()}) != empty_populated_) {
    return absl::InternalError(absl::StrCat("chunk ", id_.value(), ": empty pages are miscounted"));
  }
  for (auto area = areas_.NextArea(Granules(0)); area; area = areas_.NextArea(area->end())) {
    if (!IsLive(area->offset)) continue;
    if (bits::CountRange(dirty_map_, area->offset.value(), area->end().value()) !=
        area->size.value()) {
      return absl::InternalError(absl::StrCat("chunk ", id_.value(), ": a live area is clean"));
    }
    if (UnpopulatedIn(*area).count > 0) {
      return absl::InternalError(absl::StrCat("chunk ", id_.value(), ": a live area is unbacked"));
    }
    if (area->end() >= areas_.size()) break;
  }
  for (const auto& [offset, tag] : tags) {
    if (!areas_.IsStart(Granules(offset)) || tag == kNoTag) {
      return absl::InternalError(absl::StrCat("chunk ", id_.value(), ": a tag has no area"));
    }
  }
  return absl::OkStatus();
}

}  // namespace percpud

// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/percpu/index/chunk.h"

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

std::size_t HeldWords(ManagedRange range) { return bits::WordsFor(MapSize(range).value()); }

std::size_t MetadataWords(ManagedRange range) {
  return AreaMap::StorageWords(MapSize(range)) + HeldWords(range) +
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
      capacity_(ToGranules(range.end - range.begin)),
      blocks_(BlockCount(range)),
      words_(std::move(words)),
      held_map_(words_.get()),
      populated_map_(held_map_ + HeldWords(range)) {
  bits::Word* const storage = populated_map_ + bits::WordsFor(BlockCount(range));
  std::fill(words_.get(), storage, bits::Word{0});
  areas_ =
      AreaMap::Format(std::span(storage, AreaMap::StorageWords(MapSize(range))), MapSize(range));
  areas_.HideHead(ToGranules(range.begin));
}

std::optional<Granules> Chunk::Find(Granules count, Granules align, bool populated_only) const {
  if (populated_only && populated_blocks_ < blocks()) return FindPopulated(count, align);
  return areas_.Find(count, align);
}

std::optional<Granules> Chunk::FindPopulated(Granules count, Granules align) const {
  for (auto run = areas_.NextFree(Granules(0)); run; run = areas_.NextFree(run->end())) {
    for (Granules at = RoundUp(run->offset, align); at + count <= run->end();) {
      const BlockRange missing = UnpopulatedIn({at, count});
      if (missing.count == 0) return at;
      at = RoundUp(Granules((missing.first + missing.count) * kBlock), align);
    }
  }
  return std::nullopt;
}

std::optional<AreaSpan> Chunk::LiveAt(Granules at) const {
  const std::optional<AreaSpan> area = areas_.AreaAt(at);
  if (!area || !IsLive(area->offset)) return std::nullopt;
  return area;
}

Granules Chunk::MeasureDirty() const {
  Granules sum = state_.pending_size();
  for (auto run = areas_.NextFree(Granules(0)); run && run->offset < dirty_.end();
       run = areas_.NextFree(run->end())) {
    const AreaSpan dirty = dirty_.In(*run);
    for (Granules at = dirty.offset; at < dirty.end();) {
      const std::uint32_t block = at.value() / kBlock;
      const Granules end = std::min(dirty.end(), Granules((block + 1) * kBlock));
      if (bits::Test(populated_map_, block)) sum += end - at;
      at = end;
    }
  }
  return sum;
}

BlockRange Chunk::UnpopulatedIn(AreaSpan range) const {
  assert(range.end() <= areas_.size());
  const BlockRange within = BlocksOf(range);
  const std::uint32_t end = within.first + within.count;
  const std::uint32_t first = bits::FindNextClear(populated_map_, within.first, end);
  return {.first = first, .count = bits::FindNextSet(populated_map_, first, end) - first};
}

void Chunk::MarkPopulated(BlockRange blocks) {
  const std::uint32_t end = blocks.first + blocks.count;
  assert(end <= blocks_);
  populated_blocks_ += blocks.count - bits::CountRange(populated_map_, blocks.first, end);
  bits::SetRange(populated_map_, blocks.first, end);
  if (!is_populated()) empty_populated_ = EmptyPopulatedIn({0, areas_.blocks()});
}

void Chunk::MarkUnpopulated(BlockRange blocks) {
  const std::uint32_t end = blocks.first + blocks.count;
  assert(end <= blocks_);
  populated_blocks_ -= bits::CountRange(populated_map_, blocks.first, end);
  bits::ClearRange(populated_map_, blocks.first, end);
  empty_populated_ = EmptyPopulatedIn({0, areas_.blocks()});
  // One bound cannot say more: what was dirty before these blocks still is.
  if (dirty_.end() <= Granules(end * kBlock)) dirty_.Clean(Granules(blocks.first * kBlock));
}

BlockRange Chunk::LastEmptyPopulated(std::uint32_t end, std::uint64_t most) const {
  while (end > 0 && EmptyPopulatedIn({end - 1, 1}) == 0) --end;
  std::uint32_t first = end;
  while (first > 0 && end - first < most && EmptyPopulatedIn({first - 1, 1}) == 1) --first;
  return {first, end - first};
}

std::uint32_t Chunk::EmptyPopulatedIn(BlockRange blocks) const {
  std::uint32_t empty = 0;
  for (std::uint32_t block = blocks.first; block < blocks.first + blocks.count; ++block) {
    empty += std::uint32_t{bits::Test(populated_map_, block) && areas_.IsEmptyBlock(block)};
  }
  return empty;
}

Chunk::MapCopy::MapCopy(const Chunk& chunk)
    : words_(chunk.words_.get(), chunk.populated_map_ + bits::WordsFor(chunk.blocks()) +
                                     AreaMap::SnapshotWords(chunk.areas_.size())),
      areas_(std::span(words_).subspan(HeldWords(chunk.range_) + bits::WordsFor(chunk.blocks())),
             chunk.areas_.size()),
      held_map_(words_.data()) {}

std::vector<AreaSpan> Chunk::MapCopy::LiveAreas() const {
  std::vector<AreaSpan> areas;
  areas.reserve(areas_.live());
  for (auto area = areas_.NextArea(Granules(0)); area; area = areas_.NextArea(area->end())) {
    if (!bits::Test(held_map_, area->offset.value())) areas.push_back(*area);
  }
  return areas;
}

absl::Status Chunk::CheckInvariants() const {
  const auto wrong = [this](absl::string_view what) {
    return absl::InternalError(absl::StrCat("chunk ", id_.value(), ": ", what));
  };
  if (absl::Status status = areas_.CheckInvariants(); !status.ok()) return status;
  if (bits::CountRange(held_map_, 0, MapSize(range_).value()) != held_) {
    return wrong("held areas are miscounted");
  }
  if (!is_populated() && EmptyPopulatedIn({0, blocks()}) != empty_populated_) {
    return wrong("empty pages are miscounted");
  }
  for (auto area = areas_.NextArea(Granules(0)); area; area = areas_.NextArea(area->end())) {
    if (!IsLive(area->offset)) continue;
    if (UnpopulatedIn(*area).count > 0) return wrong("a live area is unbacked");
  }
  for (const auto& [offset, tag] : state_.tags()) {
    if (!areas_.IsStart(Granules(offset)) || tag == kNoTag) return wrong("a tag has no area");
  }
  return absl::OkStatus();
}

}  // namespace percpud

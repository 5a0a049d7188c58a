// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/percpu/index.h"

#include <algorithm>
#include <array>
#include <bit>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/base/errors.h"

namespace percpud {
namespace {

std::optional<Placement> At(Chunk* chunk, std::optional<Granules> offset, Granules count) {
  if (!offset) return std::nullopt;
  return Placement{.chunk = chunk, .area = {*offset, count}};
}

// Measured on four seeds of `churn` and on `powerlaw`: at a 16th of a block,
// parking costs no fullness (at an 8th, 1 %; without a bound, 2 % and 6 %) and
// saves half the time.
constexpr Granules kSparse{AreaMap::kBlock.value() / 16};

// Whether what is freed there is better left to join its neighbours: in a block
// with much room, long runs come of it, and in time a free chunk.
bool IsSparse(const Chunk& chunk, Granules at) {
  const std::uint32_t block = at.value() / AreaMap::kBlock.value();
  return chunk.areas().free_in(block) > kSparse;
}

}  // namespace

Index::Index(const AllocInfo& info, Bytes page_size, Pages arena_pages, Park park)
    : info_(info),
      chunk_size_(info.chunk_size()),
      page_size_(page_size),
      page_shift_(static_cast<unsigned>(std::countr_zero(page_size.value()))),
      page_map_(arena_pages),
      park_(park),
      slots_(info.unit_size),
      fits_(MostChunks(info, ToBytes(arena_pages, page_size)),
            static_cast<std::uint32_t>(ToPages(info.unit_size, kBasePageSize).value())),
      free_chunks_(MostChunks(info, ToBytes(arena_pages, page_size))),
      to_depopulate_(MostChunks(info, ToBytes(arena_pages, page_size))) {
  chunks_.resize(2);
  stats_.min_alloc_size = info.unit_size;
}

std::uint64_t Index::MostChunks(const AllocInfo& info, Bytes arena_size) {
  // A chunk may end with its last unit that has a CPU.
  return 2 + arena_size / (info.unit_size * info.cpus());
}

// --- Chunks ------------------------------------------------------------------

Chunk& Index::Insert(std::unique_ptr<Chunk> chunk, const ChunkMemory& memory) {
  ChunkId id = chunk->kind() == ChunkKind::kReserved ? kReservedId : kFirstId;
  if (chunk->kind() == ChunkKind::kDynamic) {
    if (unused_ids_.empty()) {
      id = ChunkId(chunks_.size());
      chunks_.emplace_back();
    } else {
      // Lowest first, so that a restart or a replay numbers chunks alike.
      std::pop_heap(unused_ids_.begin(), unused_ids_.end(), std::greater<>());
      id = unused_ids_.back();
      unused_ids_.pop_back();
    }
  }
  chunk->Bind(id, memory);
  Chunk& inserted = *chunk;
  chunks_[id.value()] = std::move(chunk);
  if (inserted.kind() == ChunkKind::kReserved) return inserted;

  page_map_.Set(memory.first_page, memory.pages, id);
  Enter(inserted);
  partly_populated_ += std::uint32_t{!inserted.is_populated()};
  populated_blocks_ += inserted.populated_blocks();
  stats_.empty_pop_pages += inserted.empty_populated_blocks();
  ++stats_.chunks_created;
  stats_.nr_max_chunks = std::max(stats_.nr_max_chunks, ++stats_.nr_chunks);
  return inserted;
}

std::unique_ptr<Chunk> Index::Remove(Chunk& chunk) {
  const ChunkId id = chunk.id();
  page_map_.Clear(chunk.memory().first_page, chunk.memory().pages);
  if (chunk.withdrawn) {
    --withdrawn_;
  } else {
    Leave(chunk);
  }
  stats_.empty_pop_pages -= chunk.empty_populated_blocks();
  partly_populated_ -= std::uint32_t{!chunk.is_populated()};
  populated_blocks_ -= chunk.populated_blocks();
  ++stats_.chunks_destroyed;
  --stats_.nr_chunks;
  AddUnused(id);
  return std::move(chunks_[id.value()]);
}

void Index::AddUnused(ChunkId id) {
  unused_ids_.push_back(id);
  std::push_heap(unused_ids_.begin(), unused_ids_.end(), std::greater<>());
}

Chunk* Index::Find(ChunkId id) const {
  return id.value() < chunks_.size() ? chunks_[id.value()].get() : nullptr;
}

Chunk* Index::FindFrom(ChunkId id) const {
  for (std::size_t i = id.value(); i < chunks_.size(); ++i) {
    if (chunks_[i] != nullptr) return chunks_[i].get();
  }
  return nullptr;
}

void Index::Withdraw(Chunk& chunk) {
  Leave(chunk);
  chunk.withdrawn = true;
  ++withdrawn_;
}

// Its empty pages are no reserve while a client has them.
void Index::Lease(Chunk& chunk, Bytes map) {
  chunk.withdrawn = false;
  --withdrawn_;
  ++leased_;
  stats_.empty_pop_pages -= ReserveOf(chunk);
  chunk.lease_map = map;
}

Bytes Index::Unlease(Chunk& chunk) {
  chunk.withdrawn = true;
  ++withdrawn_;
  --leased_;
  const Bytes map = *std::exchange(chunk.lease_map, std::nullopt);
  stats_.empty_pop_pages += ReserveOf(chunk);
  return map;
}

void Index::Restore(Chunk& chunk) {
  if (chunk.sidelined && chunk.is_free()) Reintegrate(chunk);
  chunk.withdrawn = false;
  --withdrawn_;
  Enter(chunk);
}

void Index::Enter(Chunk& chunk) {
  for (std::uint32_t block = 0; block < chunk.blocks(); ++block) {
    FitsOf(chunk).Set(chunk.id(), block, chunk.areas().best(block));
  }
  if (chunk.kind() == ChunkKind::kDynamic && chunk.is_free()) free_chunks_.Set(chunk.id().value());
}

void Index::Leave(Chunk& chunk) {
  FitsOf(chunk).Remove(chunk.id());
  free_chunks_.Clear(chunk.id().value());
}

std::uint32_t Index::SlotOf(const Chunk& chunk) const {
  if (chunk.kind() == ChunkKind::kReserved) return 0;
  if (chunk.kind() == ChunkKind::kDynamic && chunk.is_free()) return slots_.free_slot();
  return Slots::SlotOf(ToBytes(chunk.areas().longest_run()));
}

// --- Areas -------------------------------------------------------------------

template <typename Change>
void Index::Update(Chunk& chunk, Change change) {
  const bool was_free = chunk.is_free();
  const std::uint64_t empty = ReserveOf(chunk);
  const AreaMap::Changed blocks = change();
  if (chunk.kind() == ChunkKind::kReserved) return;
  stats_.empty_pop_pages += ReserveOf(chunk) - empty;
  // Who withdrew it puts it back, with what is freed there meanwhile.
  if (chunk.withdrawn) return;
  FitIndex& fits = FitsOf(chunk);
  for (std::uint32_t block = blocks.first; block <= blocks.last; ++block) {
    fits.Set(chunk.id(), block, chunk.areas().best(block));
  }
  if (chunk.kind() != ChunkKind::kDynamic || chunk.is_free() == was_free) return;
  if (was_free) {
    free_chunks_.Clear(chunk.id().value());
  } else {
    if (chunk.sidelined) Reintegrate(chunk);
    free_chunks_.Set(chunk.id().value());
  }
}

std::optional<Placement> Index::Place(Granules count, Granules align, Region region,
                                      bool populated_only) {
  const bool backed = !populated_only || partly_populated_ == 0;
  if (QuickLists::Serves(count, align) && region == Region::kDynamic && backed) {
    std::optional<Placement> parked = TakeParked(count, align);
    if (!parked && park_ == Park::kAhead) {
      ParkMore(count, align);
      parked = TakeParked(count, align);
    }
    if (parked) return parked;
  }
  std::optional<Placement> placement = FindFit(count, align, region, populated_only);
  if (!placement && parked_.total() > 0) {
    Unpark();
    placement = FindFit(count, align, region, populated_only);
  }
  if (placement) {
    if (placement->chunk->sidelined) Reintegrate(*placement->chunk);
    Take(*placement);
    Hold(*placement);
  }
  return placement;
}

void Index::GiveUp(const Placement& placement) {
  held_ -= placement.area.size;
  --held_areas_;
  const Chunk& chunk = *placement.chunk;
  const Granules size = placement.area.size;
  const QuickLists::Entry entry{chunk.id(), placement.area.offset};
  if (size > QuickLists::kLargest || chunk.kind() == ChunkKind::kReserved || chunk.sidelined ||
      IsSparse(chunk, entry.offset)) {
    ReleaseParked(size, entry);
  } else {
    if (parked_.is_full(size)) {
      parked_.Drain(size, QuickLists::Depth(size) / 2,
                    [&](QuickLists::Entry oldest) { ReleaseParked(size, oldest); });
    }
    parked_.Push(size, entry);
  }
  // What is parked keeps no chunk from being free.
  if (chunk.areas().live() == chunk.parked()) Unpark();
}

std::optional<Placement> Index::TakeParked(Granules count, Granules align) {
  const std::optional<QuickLists::Entry> entry = parked_.Pop(count, align);
  if (!entry) return std::nullopt;
  held_ += count;
  ++held_areas_;
  return Placement{.chunk = chunks_[entry->chunk.value()].get(), .area = {entry->offset, count}};
}

// Parks some areas of the tightest block, of which the lowest is the next to go.
void Index::ParkMore(Granules count, Granules align) {
  const std::uint32_t batch = parked_.NextBatch(count);
  parked_.Drain(count, QuickLists::Depth(count) - batch,
                [&](QuickLists::Entry entry) { ReleaseParked(count, entry); });
  std::array<std::uint32_t, QuickLists::kDeepest / 2> at{};
  fits_.TryFew(count, [&](ChunkId id, std::uint32_t block) -> std::optional<ChunkId> {
    Chunk& chunk = *chunks_[id.value()];
    std::uint32_t taken = 0;
    Update(chunk, [&] {
      const AreaMap::Taken many = chunk.TakeMany(block, count, align, std::span(at).first(batch));
      taken = many.areas;
      return many.changed;
    });
    if (taken == 0) return std::nullopt;
    for (std::uint32_t i = taken; i-- > 0;) {
      chunk.Park(Granules(at[i]));
      parked_.Push(count, {id, Granules(at[i])});
    }
    return id;
  });
}

void Index::ReleaseParked(Granules size, QuickLists::Entry entry) {
  Chunk* chunk = chunks_[entry.chunk.value()].get();
  chunk->Unpark(entry.offset);
  Release({.chunk = chunk, .area = {entry.offset, size}});
}

void Index::Unpark() {
  for (Granules size(1); size <= QuickLists::kLargest && parked_.total() > 0; size += Granules(1)) {
    parked_.Drain(size, 0, [&](QuickLists::Entry entry) { ReleaseParked(size, entry); });
    parked_.Rest(size);
  }
}

std::optional<Placement> Index::FindFit(Granules count, Granules align, Region region,
                                        bool populated_only) const {
  if (region == Region::kReserved) {
    Chunk* reserved = Find(kReservedId);
    if (reserved == nullptr) return std::nullopt;
    return At(reserved, reserved->Find(count, align, populated_only), count);
  }
  if (populated_only && partly_populated_ > 0) return FindPopulated(count, align);
  const auto find_in = [&](ChunkId id, std::uint32_t block) {
    Chunk* chunk = chunks_[id.value()].get();
    return At(chunk, chunk->areas().FindIn(block, count, align), count);
  };
  if (auto placement = fits_.TryAll(count, find_in)) return placement;
  return sidelined_ == 0 ? std::nullopt : sidelined_fits_->TryAll(count, find_in);
}

// The lowest fit in backed blocks of the chunk with the lowest id.
std::optional<Placement> Index::FindPopulated(Granules count, Granules align) const {
  for (Chunk* chunk = FindFrom(kFirstId); chunk != nullptr;
       chunk = FindFrom(ChunkId(chunk->id().value() + 1))) {
    if (chunk->withdrawn || chunk->lease_map) continue;
    if (auto placement = At(chunk, chunk->Find(count, align, true), count)) return placement;
  }
  return std::nullopt;
}

void Index::Take(const Placement& placement) {
  Chunk& chunk = *placement.chunk;
  Update(chunk, [&] { return chunk.Take(placement.area); });
}

void Index::Release(const Placement& placement) {
  Chunk& chunk = *placement.chunk;
  Update(chunk, [&] { return chunk.Release(placement.area); });
}

void Index::CommitGrant(const Placement& placement, TagId tag) {
  Unhold(placement);
  Chunk& chunk = *placement.chunk;
  const Bytes size = ToBytes(placement.area.size);
  chunk.MarkDirty(placement.area);
  if (tag != kNoTag) chunk.tags.emplace(placement.area.offset.value(), tag);
  chunk.max_area = std::max(chunk.max_area, placement.area.size);
  ++stats_.nr_alloc;
  stats_.nr_max_alloc = std::max(stats_.nr_max_alloc, ++stats_.nr_cur_alloc);
  stats_.min_alloc_size = std::min(stats_.min_alloc_size, size);
  stats_.max_alloc_size = std::max(stats_.max_alloc_size, size);
  stats_.live_bytes += size;
}

void Index::CommitFree(const Placement& placement) {
  Chunk& chunk = *placement.chunk;
  if (!chunk.tags.empty()) {
    if (const auto tag = chunk.tags.find(placement.area.offset.value()); tag != chunk.tags.end()) {
      tags_.Release(tag->second, 1);
      chunk.tags.erase(tag);
    }
  }
  ++stats_.nr_dealloc;
  --stats_.nr_cur_alloc;
  stats_.live_bytes -= ToBytes(placement.area.size);
  GiveUp(placement);
}

// --- Pointers ----------------------------------------------------------------

std::optional<Index::Location> Index::Locate(PercpuPtr pointer) const {
  const std::optional<ChunkId> id = page_map_.Find(PageId(pointer.value() >> page_shift_));
  if (!id) return std::nullopt;
  Chunk* chunk = chunks_[id->value()].get();
  const Bytes from_base = Bytes(pointer.value()) - chunk->memory().base;
  // Pages are larger than the last unit where the page is huge.
  if (from_base >= chunk_size_) return std::nullopt;
  Location location{.chunk = chunk, .unit = UnitId(0), .offset = from_base};
  if (from_base >= info_.unit_size) {
    location.unit = info_.UnitAt(from_base);
    location.offset = from_base - info_.unit_offset[location.unit.value()];
  }
  if (Chunk* reserved = chunks_[kReservedId.value()].get();
      reserved != nullptr && chunk->kind() == ChunkKind::kFirst &&
      location.offset >= reserved->range().begin && location.offset < reserved->range().end) {
    location.chunk = reserved;
  }
  return location;
}

std::optional<Placement> Index::FindLive(PercpuPtr pointer) const {
  const std::optional<Location> location = Locate(pointer);
  if (!location || location->unit != UnitId(0)) return std::nullopt;
  Chunk& chunk = *location->chunk;
  const Granules at(location->offset.value() / kGranuleSize.value());
  if (location->offset % kGranuleSize != Bytes(0) || !chunk.IsLive(at)) return std::nullopt;
  return Placement{&chunk, chunk.areas().AreaFrom(at)};
}

absl::StatusOr<Placement> Index::FindArea(PercpuPtr pointer) const {
  if (const std::optional<Placement> live = FindLive(pointer)) return *live;
  const std::optional<Location> location = Locate(pointer);
  if (!location) {
    const Bytes arena_size = ToBytes(page_map_.size(), page_size_);
    if (pointer.value() >= arena_size.value()) {
      return errors::PointerOutsideArena(pointer, arena_size);
    }
    return errors::PointerInNoChunk(pointer);
  }
  if (location->unit != UnitId(0)) return errors::PointerNotInUnitZero(pointer, location->unit);
  Chunk& chunk = *location->chunk;
  const Granules at(location->offset.value() / kGranuleSize.value());
  if (const std::optional<AreaSpan> area = chunk.LiveAt(at)) {
    return errors::PointerInsideArea(pointer, chunk.PointerTo(area->offset), ToBytes(area->size));
  }
  return errors::AreaNotLive(pointer, chunk.id());
}

}  // namespace percpud

// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/percpu/index.h"

#include <algorithm>
#include <functional>
#include <memory>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/base/errors.h"

namespace percpud {

Index::Index(const AllocInfo& info, Bytes page_size, Pages arena_pages)
    : info_(info), page_size_(page_size), page_map_(arena_pages), slots_(info.unit_size) {
  chunks_.resize(2);
  stats_.min_alloc_size = info.unit_size;
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
  inserted.slot = SlotFor(inserted);
  slots_.Insert(inserted.slot, id);
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
    slots_.Remove(chunk.slot, id);
  }
  stats_.empty_pop_pages -= chunk.empty_populated_blocks();
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
  slots_.Remove(chunk.slot, chunk.id());
  chunk.withdrawn = true;
  ++withdrawn_;
}

// Its empty pages are no reserve while a client has them.
void Index::Lease(Chunk& chunk, Bytes map) {
  chunk.withdrawn = false;
  --withdrawn_;
  ++leased_;
  chunk.lease_map = map;
  stats_.empty_pop_pages -= chunk.empty_populated_blocks();
}

Bytes Index::Unlease(Chunk& chunk) {
  chunk.withdrawn = true;
  ++withdrawn_;
  --leased_;
  stats_.empty_pop_pages += chunk.empty_populated_blocks();
  return *std::exchange(chunk.lease_map, std::nullopt);
}

void Index::Restore(Chunk& chunk) {
  chunk.withdrawn = false;
  --withdrawn_;
  chunk.slot = SlotFor(chunk);
  slots_.Insert(chunk.slot, chunk.id());
}

std::uint32_t Index::SlotFor(const Chunk& chunk) const {
  if (chunk.kind() == ChunkKind::kDynamic && chunk.is_free()) return slots_.free_slot();
  return Slots::SlotOf(ToBytes(chunk.areas().longest_run()));
}

void Index::Reslot(Chunk& chunk) {
  const std::uint32_t slot = SlotFor(chunk);
  if (slot == chunk.slot) return;
  slots_.Remove(chunk.slot, chunk.id());
  slots_.Insert(slot, chunk.id());
  chunk.slot = slot;
}

// --- Areas -------------------------------------------------------------------

std::optional<Placement> Index::FindFit(Granules count, Granules align, Region region,
                                        bool populated_only) const {
  const auto fit_in = [&](Chunk* chunk) -> std::optional<Placement> {
    const std::optional<Granules> at = chunk->Find(count, align, populated_only);
    if (!at) return std::nullopt;
    return Placement{.chunk = chunk, .area = {*at, count}};
  };
  if (region == Region::kReserved) {
    Chunk* reserved = Find(kReservedId);
    return reserved == nullptr ? std::nullopt : fit_in(reserved);
  }
  // A request of a whole unit fits free chunks only, whose class is the last.
  const std::uint32_t tightest = std::min(Slots::SlotOf(ToBytes(count)), slots_.free_slot());
  for (std::uint32_t slot = slots_.NextOccupied(tightest); slot < slots_.count();
       slot = slots_.NextOccupied(slot + 1)) {
    const BitTree& chunks = slots_.At(slot);
    for (auto id = chunks.FindFirst(); id; id = chunks.FindFrom(*id + 1)) {
      if (std::optional<Placement> placement = fit_in(chunks_[*id].get())) return placement;
    }
  }
  return std::nullopt;
}

template <typename Change>
void Index::Update(Chunk& chunk, Change change) {
  if (chunk.kind() == ChunkKind::kReserved) {
    change();
    return;
  }
  const std::uint64_t empty = chunk.empty_populated_blocks();
  change();
  stats_.empty_pop_pages += chunk.empty_populated_blocks() - empty;
  Reslot(chunk);
}

void Index::Take(const Placement& placement) {
  Update(*placement.chunk, [&] { placement.chunk->Take(placement.area); });
}

void Index::Release(const Placement& placement) {
  Update(*placement.chunk, [&] { placement.chunk->Release(placement.area); });
}

void Index::CommitGrant(const Placement& placement, TagId tag) {
  Chunk& chunk = *placement.chunk;
  const Bytes size = ToBytes(placement.area.size);
  if (chunk.dirty() > Granules(0)) chunk.MarkClean(placement.area);
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
  chunk.MarkDirty(placement.area);
  if (!chunk.tags.empty()) {
    if (const auto tag = chunk.tags.find(placement.area.offset.value()); tag != chunk.tags.end()) {
      tags_.Release(tag->second, 1);
      chunk.tags.erase(tag);
    }
  }
  ++stats_.nr_dealloc;
  --stats_.nr_cur_alloc;
  stats_.live_bytes -= ToBytes(placement.area.size);
}

void Index::NotePopulated(Chunk& chunk, BlockRange blocks) {
  Update(chunk, [&] { chunk.MarkPopulated(blocks); });
}

// --- Pointers ----------------------------------------------------------------

std::optional<Index::Location> Index::Locate(PercpuPtr pointer) const {
  const std::optional<ChunkId> id = page_map_.Find(PageId(pointer.value() / page_size_.value()));
  if (!id) return std::nullopt;
  Chunk* chunk = chunks_[id->value()].get();
  const Bytes from_base = Bytes(pointer.value()) - chunk->memory().base;
  // Pages are larger than the last unit where the page is huge.
  if (from_base >= info_.chunk_size()) return std::nullopt;
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

absl::StatusOr<Placement> Index::FindArea(PercpuPtr pointer) const {
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
  const bool on_granule = location->offset % kGranuleSize == Bytes(0);
  if (on_granule && chunk.areas().IsStart(at)) return Placement{&chunk, chunk.areas().AreaFrom(at)};
  if (const std::optional<AreaSpan> area = chunk.areas().AreaAt(at)) {
    return errors::PointerInsideArea(pointer, chunk.PointerTo(area->offset), ToBytes(area->size));
  }
  return errors::AreaNotLive(pointer, chunk.id());
}

// --- Checking ----------------------------------------------------------------

absl::Status Index::CheckInvariants() const {
  std::uint64_t live = 0;
  std::uint64_t empty = 0;
  std::uint64_t dynamic = 0;
  Granules live_granules;
  for (const std::unique_ptr<Chunk>& chunk : chunks_) {
    if (chunk == nullptr) continue;
    if (absl::Status status = chunk->CheckInvariants(); !status.ok()) return status;
    live += chunk->areas().live();
    live_granules += chunk->capacity() - chunk->areas().free();
    if (chunk->kind() == ChunkKind::kReserved) continue;
    ++dynamic;
    if (chunk->lease_map) continue;
    empty += chunk->empty_populated_blocks();
    if (chunk->withdrawn) continue;
    if (chunk->slot != SlotFor(*chunk) || !slots_.At(chunk->slot).Test(chunk->id().value())) {
      return absl::InternalError(
          absl::StrCat("index: chunk ", chunk->id().value(), " is in the wrong slot"));
    }
  }
  std::uint64_t slotted = withdrawn_ + leased_;
  for (std::uint32_t slot = 0; slot < slots_.count(); ++slot) slotted += slots_.At(slot).count();
  if (slotted != dynamic || dynamic != stats_.nr_chunks) {
    return absl::InternalError(absl::StrCat("index: ", dynamic, " chunks, ", slotted, " in slots, ",
                                            stats_.nr_chunks, " counted"));
  }
  if (live != stats_.nr_cur_alloc || stats_.nr_alloc - stats_.nr_dealloc != live ||
      ToBytes(live_granules) != stats_.live_bytes || empty != stats_.empty_pop_pages) {
    return absl::InternalError(absl::StrCat("index: counters differ from the chunks: ", live,
                                            " areas, ", empty, " empty pages"));
  }
  return absl::OkStatus();
}

}  // namespace percpud

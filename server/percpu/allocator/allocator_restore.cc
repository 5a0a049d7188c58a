// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// The allocator as it was: chunks, areas and leases put back where they lay.
// Each chunk is filled before the index sees it, so that restoring an area
// costs no search.

#include <algorithm>
#include <memory>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "server/base/errors.h"
#include "server/percpu/allocator/allocator.h"
#include "server/percpu/index/index_hot.h"

namespace percpud {
namespace {

using Areas = std::span<const RestoredState::Area>;

// Those of [begin, end), which are at the front: cut off and returned.
Areas CutFront(Areas& areas, std::uint64_t end) {
  const auto last = std::partition_point(
      areas.begin(), areas.end(), [end](const auto& area) { return area.pointer.value() < end; });
  const auto count = static_cast<std::size_t>(last - areas.begin());
  const Areas front = areas.first(count);
  areas = areas.subspan(count);
  return front;
}

std::string NameOf(const RestoredState::Area& area) {
  return absl::StrCat("area ", Format(area.pointer), " of ", Format(ToBytes(area.size)));
}

bool IsLeased(const RestoredState& state, ChunkId id) {
  return std::any_of(state.leases.begin(), state.leases.end(),
                     [id](const RestoredState::Lease& lease) { return lease.chunk == id; });
}

}  // namespace

void Allocator::TellOf(const Chunk& chunk, bool destroyed) const {
  if (!options_.on_chunk) return;
  options_.on_chunk({.id = chunk.id(),
                     .base = chunk.memory().base,
                     .order = chunk.memory().block_order,
                     .destroyed = destroyed});
}

absl::StatusOr<std::unique_ptr<Allocator>> Allocator::Restore(std::unique_ptr<const AllocInfo> info,
                                                              StaticLayout statics,
                                                              std::unique_ptr<Backend> backend,
                                                              PageSource& pages, Options options,
                                                              const RestoredState& state) {
  if (absl::Status status = backend->VerifyAllocInfo(); !status.ok()) return status;
  std::unique_ptr<Allocator> allocator(new Allocator(
      std::move(info), std::move(statics), std::move(backend), pages, std::move(options)));
  if (absl::Status status = allocator->RestoreChunks(state); !status.ok()) return status;
  return allocator;
}

absl::Status Allocator::RestoreChunks(const RestoredState& state) {
  RankedLock grow(&grow_mu_);
  std::vector<RestoredState::Chunk> by_base = state.chunks;
  std::sort(by_base.begin(), by_base.end(),
            [](const auto& a, const auto& b) { return a.base < b.base; });
  // Each chunk's areas, found in one pass over both.
  struct Filled {
    RestoredState::Chunk chunk;
    Areas areas;
    bool leased;
  };
  std::vector<Filled> filled;
  Areas rest(state.areas);
  for (const RestoredState::Chunk& chunk : by_base) {
    const Areas before = CutFront(rest, chunk.base.value());
    if (!before.empty()) return errors::NotRestorable(NameOf(before.front()), "is in no chunk");
    const Areas areas = CutFront(rest, (chunk.base + info_->unit_size).value());
    const bool leased = IsLeased(state, chunk.id);
    const bool wanted = !areas.empty() || chunk.id == Index::kFirstId || leased;
    // Half made, or emptied just then: rolled back.
    if (wanted) {
      filled.push_back({chunk, areas, leased});
    } else if (options_.on_chunk) {
      options_.on_chunk({.id = chunk.id, .base = chunk.base, .order = {}, .destroyed = true});
    }
  }
  if (!rest.empty()) return errors::NotRestorable(NameOf(rest.front()), "is in no chunk");
  std::sort(filled.begin(), filled.end(),
            [](const Filled& a, const Filled& b) { return a.chunk.id < b.chunk.id; });
  if (filled.empty() || filled.front().chunk.id != Index::kFirstId) {
    return errors::NotRestorable("the first chunk", "is missing");
  }
  ChunkId next = Index::kFirstId;
  std::vector<ChunkId> unused;
  const std::uint64_t most = Index::MostChunks(*info_, pages_.size());
  for (const Filled& one : filled) {
    if (one.chunk.id < next || one.chunk.id.value() >= most) {
      return errors::NotRestorable(absl::StrCat("chunk ", one.chunk.id.value()), "cannot be");
    }
    for (; next < one.chunk.id; next = ChunkId(next.value() + 1)) unused.push_back(next);
    if (absl::Status status = RestoreChunk(one.chunk, one.areas, one.leased); !status.ok())
      return status;
    next = ChunkId(next.value() + 1);
  }
  for (const RestoredState::Lease& lease : state.leases) {
    if (absl::Status status = RestoreLease(lease); !status.ok()) return status;
  }
  {
    RankedLock index(&index_mu_);
    for (const ChunkId id : unused) index_.AddUnused(id);
  }
  return backend_->ReleaseRest();
}

absl::Status Allocator::RestoreChunk(const RestoredState::Chunk& chunk, Areas areas,
                                     bool is_leased) {
  const Bytes static_end = info_->static_size;
  const Bytes reserved_end = static_end + info_->reserved_size;
  const bool is_first = chunk.id == Index::kFirstId;
  const absl::StatusOr<ChunkMemory> memory = backend_->AdoptChunk(chunk.base);
  if (!memory.ok()) {
    return errors::NotRestorable(absl::StrCat("chunk ", chunk.id.value()),
                                 memory.status().message());
  }
  const auto make = [&](ChunkKind kind, ManagedRange range) {
    std::unique_ptr<Chunk> made = Chunk::Make(kind, range, options_.metadata);
    if (made != nullptr) {
      made->Bind(chunk.id, *memory);
      made->MarkPopulated({0, made->blocks()});
    }
    return made;
  };
  std::unique_ptr<Chunk> reserved;
  if (is_first && info_->reserved_size > Bytes(0)) {
    reserved = make(ChunkKind::kReserved, {static_end, reserved_end});
    if (reserved == nullptr) return errors::MetadataExhausted("the reserved chunk's area map");
  }
  std::unique_ptr<Chunk> whole = make(is_first ? ChunkKind::kFirst : ChunkKind::kDynamic,
                                      {is_first ? reserved_end : Bytes(0), info_->unit_size});
  if (whole == nullptr) return errors::MetadataExhausted("a chunk's area map");
  whole->free_since = options_.clock->Now();
  {
    RankedLock index(&index_mu_);
    if (reserved != nullptr) {
      const Areas of_reserved = CutFront(areas, (chunk.base + reserved_end).value());
      if (absl::Status status = RestoreAreas(*reserved, of_reserved); !status.ok()) return status;
    }
    if (absl::Status status = RestoreAreas(*whole, areas); !status.ok()) return status;
  }
  if (gives_pages_back_) {
    const std::uint32_t kept = is_first ? FirstBacked().count : is_leased ? whole->blocks() : 0;
    if (absl::Status status = RestoreBacking(*whole, kept); !status.ok()) return status;
  }
  RankedLock index(&index_mu_);
  index_.SkipTo(chunk.id);
  index_.Insert(std::move(whole), *memory);
  if (reserved != nullptr) index_.Insert(std::move(reserved), *memory);
  return absl::OkStatus();
}

// Which empty blocks were backed nobody remembers: those behind the first `kept`
// are given back.
absl::Status Allocator::RestoreBacking(Chunk& chunk, std::uint32_t kept) {
  const auto is_empty = [&](std::uint32_t block) {
    return block >= kept && chunk.areas().IsEmptyBlock(block);
  };
  for (BlockRange run; run.first < chunk.blocks(); run = {run.first + run.count, 0}) {
    const bool empty = is_empty(run.first);
    while (run.first + run.count < chunk.blocks() && is_empty(run.first + run.count) == empty) {
      ++run.count;
    }
    absl::Status status = empty ? backend_->DepopulateChunk(chunk.memory(), run)
                                : backend_->PopulateChunk(chunk.memory(), run);
    if (!status.ok()) return status;
    if (empty) chunk.MarkUnpopulated(run);
  }
  return absl::OkStatus();
}

absl::Status Allocator::RestoreAreas(Chunk& chunk, Areas areas) {
  Granules free_from = ToGranules(chunk.range().begin);
  const Granules end = ToGranules(chunk.range().end);
  for (const RestoredState::Area& area : areas) {
    const Bytes offset = Bytes(area.pointer.value()) - chunk.memory().base;
    const Granules at = ToGranules(offset);
    if (ToBytes(at) != offset || area.size == Granules(0) || at < free_from || at >= end ||
        area.size > end - at) {
      return errors::NotRestorable(NameOf(area), "overlaps another or leaves its chunk");
    }
    const std::optional<TagId> tag = index_.tags().Acquire(area.tag, 1);
    if (!tag) return errors::TooManyTags(kMaxTags);
    const Placement placement{.chunk = &chunk, .area = {at, area.size}};
    chunk.Take(placement.area);
    index_.CommitGrant(placement, *tag);
    free_from = placement.area.end();
  }
  chunk.MarkDirty({Granules(0), end});
  return absl::OkStatus();
}

absl::Status Allocator::RestoreLease(const RestoredState::Lease& lease) {
  const std::string name = absl::StrCat("the lease of chunk ", lease.chunk.value());
  absl::Status adopted = backend_->AdoptPages(lease.map_base, lease_map_size());
  if (!adopted.ok()) return errors::NotRestorable(name, adopted.message());
  RankedLock index(&index_mu_);
  Chunk* const chunk = index_.Find(lease.chunk);
  if (chunk == nullptr || chunk->kind() != ChunkKind::kDynamic || !chunk->is_free() ||
      chunk->lease_map) {
    return errors::NotRestorable(name, "has no chunk to itself");
  }
  index_.Withdraw(*chunk);
  index_.Lease(*chunk, lease.map_base);
  return absl::OkStatus();
}

}  // namespace percpud

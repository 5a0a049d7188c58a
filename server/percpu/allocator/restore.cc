// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/percpu/allocator/restore.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "server/base/errors.h"
#include "server/base/status_macros.h"
#include "server/percpu/index/index_hot.h"

namespace percpud {
namespace {

using Areas = std::span<const RestoredState::Area>;

// Cuts the areas below `end` off the front, and returns them.
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

std::string NameOf(ChunkId chunk) { return absl::StrCat("chunk ", chunk.value()); }

}  // namespace

absl::Status Restorer::Restore(const RestoredState& state) {
  RankedLock grow(&core_.grow_mu);
  ASSIGN_OR_RETURN(const std::vector<Filled> filled, Fill(state));
  if (filled.empty() || filled.front().chunk.id != Index::kFirstId) {
    return errors::NotRestorable("the first chunk", "is missing");
  }
  ChunkId next = Index::kFirstId;
  std::vector<ChunkId> unused;
  const std::uint64_t end = ChunkTable::MaxChunks(core_.info(), core_.pages().size());
  for (const Filled& one : filled) {
    if (one.chunk.id < next || one.chunk.id.value() >= end) {
      return errors::NotRestorable(NameOf(one.chunk.id), "cannot be");
    }
    for (; next < one.chunk.id; next = ChunkId(next.value() + 1)) unused.push_back(next);
    RETURN_IF_ERROR(RestoreChunk(one));
    next = ChunkId(next.value() + 1);
  }
  for (const RestoredState::Lease& lease : state.leases) RETURN_IF_ERROR(RestoreLease(lease));
  {
    RankedLock lock(&core_.index_mu);
    for (const ChunkId id : unused) core_.index().chunks().AddUnused(id);
  }
  return core_.backend().ReleaseRest();
}

absl::StatusOr<std::vector<Restorer::Filled>> Restorer::Fill(const RestoredState& state) const {
  std::vector<RestoredState::Chunk> by_base = state.chunks;
  std::sort(by_base.begin(), by_base.end(),
            [](const auto& a, const auto& b) { return a.base < b.base; });
  absl::flat_hash_set<ChunkId> leased;
  for (const RestoredState::Lease& lease : state.leases) leased.insert(lease.chunk);
  // Each chunk's areas, found in one pass over both.
  std::vector<Filled> filled;
  Areas rest(state.areas);
  for (const RestoredState::Chunk& chunk : by_base) {
    const Areas before = CutFront(rest, chunk.base.value());
    if (!before.empty()) return errors::NotRestorable(NameOf(before.front()), "is in no chunk");
    const Areas areas = CutFront(rest, (chunk.base + core_.info().unit_size).value());
    const bool is_leased = leased.contains(chunk.id);
    if (!areas.empty() || chunk.id == Index::kFirstId || is_leased) {
      filled.push_back({chunk, areas, is_leased});
    } else if (core_.options().on_chunk) {
      // It was half made, or had just been emptied: rolled back.
      core_.options().on_chunk(
          {.id = chunk.id, .base = chunk.base, .order = {}, .destroyed = true});
    }
  }
  if (!rest.empty()) return errors::NotRestorable(NameOf(rest.front()), "is in no chunk");
  std::sort(filled.begin(), filled.end(),
            [](const Filled& a, const Filled& b) { return a.chunk.id < b.chunk.id; });
  return filled;
}

absl::StatusOr<Restorer::Made> Restorer::Make(ChunkId id, const ChunkMemory& memory) const {
  const AllocInfo& info = core_.info();
  const Bytes reserved_end = info.static_size + info.reserved_size;
  const bool is_first = id == Index::kFirstId;
  const auto make = [&](ChunkKind kind, ManagedRange range) {
    std::unique_ptr<Chunk> made = Chunk::Make(kind, range, core_.options().metadata);
    if (made != nullptr) {
      made->Bind(id, memory);
      made->MarkPopulated({0, made->blocks()});
    }
    return made;
  };
  Made out;
  if (is_first && info.reserved_size > Bytes(0)) {
    out.reserved = make(ChunkKind::kReserved, {info.static_size, reserved_end});
    if (out.reserved == nullptr) return errors::MetadataExhausted("the reserved chunk's area map");
  }
  out.whole = make(is_first ? ChunkKind::kFirst : ChunkKind::kDynamic,
                   {is_first ? reserved_end : Bytes(0), info.unit_size});
  if (out.whole == nullptr) return errors::MetadataExhausted("a chunk's area map");
  out.whole->state().set_free_since(core_.options().clock->Now());
  return out;
}

absl::Status Restorer::RestoreChunk(const Filled& filled) {
  const RestoredState::Chunk& chunk = filled.chunk;
  const absl::StatusOr<ChunkMemory> memory = core_.backend().AdoptChunk(chunk.base);
  if (!memory.ok()) return errors::NotRestorable(NameOf(chunk.id), memory.status().message());
  ASSIGN_OR_RETURN(Made made, Make(chunk.id, *memory));
  {
    RankedLock lock(&core_.index_mu);
    Areas areas = filled.areas;
    if (made.reserved != nullptr) {
      const Bytes reserved_end = core_.info().static_size + core_.info().reserved_size;
      const Areas of_reserved = CutFront(areas, (chunk.base + reserved_end).value());
      RETURN_IF_ERROR(RestoreAreas(*made.reserved, of_reserved));
    }
    RETURN_IF_ERROR(RestoreAreas(*made.whole, areas));
  }
  if (core_.gives_pages_back()) {
    const bool is_first = chunk.id == Index::kFirstId;
    const std::uint32_t kept = is_first           ? grower_.FirstBacked().count
                               : filled.is_leased ? made.whole->blocks()
                                                  : 0;
    RETURN_IF_ERROR(RestoreBacking(*made.whole, kept));
  }
  RankedLock lock(&core_.index_mu);
  core_.index().chunks().SkipTo(chunk.id);
  core_.index().Insert(std::move(made.whole), *memory);
  if (made.reserved != nullptr) core_.index().Insert(std::move(made.reserved), *memory);
  return absl::OkStatus();
}

absl::Status Restorer::RestoreBacking(Chunk& chunk, std::uint32_t kept) {
  const auto is_empty = [&](std::uint32_t block) {
    return block >= kept && chunk.areas().IsEmptyBlock(block);
  };
  for (BlockRange run; run.first < chunk.blocks(); run = {run.first + run.count, 0}) {
    const bool empty = is_empty(run.first);
    while (run.first + run.count < chunk.blocks() && is_empty(run.first + run.count) == empty) {
      ++run.count;
    }
    absl::Status status = empty ? core_.backend().DepopulateChunk(chunk.memory(), run)
                                : core_.backend().PopulateChunk(chunk.memory(), run);
    if (!status.ok()) return status;
    if (empty) chunk.MarkUnpopulated(run);
  }
  return absl::OkStatus();
}

absl::Status Restorer::RestoreAreas(Chunk& chunk, Areas areas) {
  Granules free_from = ToGranules(chunk.range().begin);
  const Granules end = ToGranules(chunk.range().end);
  for (const RestoredState::Area& area : areas) {
    const Bytes offset = Bytes(area.pointer.value()) - chunk.memory().base;
    const Granules at = ToGranules(offset);
    if (ToBytes(at) != offset || area.size == Granules(0) || at < free_from || at >= end ||
        area.size > end - at) {
      return errors::NotRestorable(NameOf(area), "overlaps another or leaves its chunk");
    }
    const std::optional<TagId> tag = core_.index().tags().Acquire(area.tag, 1);
    if (!tag) return errors::TooManyTags(kMaxTags);
    const Placement placement{.chunk = &chunk, .area = {at, area.size}};
    chunk.Take(placement.area);
    core_.index().CommitGrant(placement, *tag);
    free_from = placement.area.end();
  }
  chunk.dirty().Mark({Granules(0), end});
  return absl::OkStatus();
}

absl::Status Restorer::RestoreLease(const RestoredState::Lease& lease) {
  const std::string name = absl::StrCat("the lease of chunk ", lease.chunk.value());
  absl::Status adopted = core_.backend().AdoptPages(lease.map_base, core_.lease_map_size());
  if (!adopted.ok()) return errors::NotRestorable(name, adopted.message());
  RankedLock lock(&core_.index_mu);
  Chunk* const chunk = core_.index().chunks().Find(lease.chunk);
  if (chunk == nullptr || chunk->kind() != ChunkKind::kDynamic || !chunk->is_free() ||
      chunk->state().lease_map()) {
    return errors::NotRestorable(name, "has no chunk to itself");
  }
  core_.index().runs().Withdraw(*chunk);
  core_.index().runs().Lease(*chunk, lease.map_base);
  return absl::OkStatus();
}

}  // namespace percpud

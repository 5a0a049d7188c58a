// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/percpu/allocator/grow.h"

#include <memory>
#include <utility>

#include "server/base/errors.h"
#include "server/base/status_macros.h"

namespace percpud {

absl::Status Grower::CreateFirstChunk() {
  core_.grow_mu.AssertHeld();
  const AllocInfo& info = core_.info();
  const Bytes static_end = info.static_size;
  const Bytes reserved_end = static_end + info.reserved_size;
  const MetadataSource& metadata = core_.options().metadata;
  std::unique_ptr<Chunk> reserved;
  if (reserved_end > static_end) {
    reserved = Chunk::Make(ChunkKind::kReserved, {static_end, reserved_end}, metadata);
    if (reserved == nullptr) return errors::MetadataExhausted("the reserved chunk's area map");
  }
  std::unique_ptr<Chunk> first =
      Chunk::Make(ChunkKind::kFirst, {reserved_end, info.unit_size}, metadata);
  if (first == nullptr) return errors::MetadataExhausted("the first chunk's area map");
  ASSIGN_OR_RETURN(const ChunkMemory memory, core_.backend().CreateChunk());
  if (core_.gives_pages_back()) {
    absl::Status status = core_.backend().PopulateChunk(memory, FirstBacked());
    if (!status.ok()) {
      core_.backend().DestroyChunk(memory);
      return status;
    }
  }
  first->MarkPopulated(FirstBacked());
  RankedLock lock(&core_.index_mu);
  core_.NotifyChunk(core_.index().Insert(std::move(first), memory), /*destroyed=*/false);
  if (reserved != nullptr) {
    reserved->MarkPopulated({0, reserved->blocks()});
    core_.index().Insert(std::move(reserved), memory);
  }
  return absl::OkStatus();
}

BlockRange Grower::FirstBacked() const {
  const Bytes fixed = core_.info().static_size + core_.info().reserved_size;
  const Bytes backed = core_.backend().page_first_chunk() ? fixed : core_.info().unit_size;
  return {0, static_cast<std::uint32_t>(ToPages(backed, kBasePageSize).value())};
}

absl::StatusOr<ChunkId> Grower::CreateChunk() {
  core_.grow_mu.AssertHeld();
  std::unique_ptr<Chunk> chunk = Chunk::Make(
      ChunkKind::kDynamic, {Bytes(0), core_.info().unit_size}, core_.options().metadata);
  if (chunk == nullptr) return errors::MetadataExhausted("a chunk's area map");
  ASSIGN_OR_RETURN(const ChunkMemory memory, core_.backend().CreateChunk());
  if (!core_.gives_pages_back()) chunk->MarkPopulated({0, chunk->blocks()});
  chunk->state().set_free_since(core_.options().clock->Now());
  RankedLock lock(&core_.index_mu);
  const Chunk& made = core_.index().Insert(std::move(chunk), memory);
  core_.NotifyChunk(made, /*destroyed=*/false);
  return made.id();
}

void Grower::DestroyIfFree(ChunkId id) {
  core_.grow_mu.AssertHeld();
  std::unique_ptr<Chunk> removed;
  {
    RankedLock lock(&core_.index_mu);
    Chunk* chunk = core_.index().chunks().Find(id);
    if (chunk == nullptr || !chunk->is_free() || chunk->state().pins() > 0 ||
        chunk->state().lease_map())
      return;
    core_.NotifyChunk(*chunk, /*destroyed=*/true);
    removed = core_.index().Remove(*chunk);
    core_.signal().UnblockReserve();
  }
  core_.backend().DestroyChunk(removed->memory());
}

absl::StatusOr<Chunk*> Grower::WithdrawFreeChunk(std::vector<ChunkId>& created) {
  core_.grow_mu.AssertHeld();
  const auto withdraw = [this]() -> Chunk* {
    RankedLock lock(&core_.index_mu);
    Index& index = core_.index();
    const auto id = index.runs().free_chunks().FindFirst();
    if (!id) return nullptr;
    Chunk* chunk = index.chunks().Find(ChunkId(*id));
    index.runs().Withdraw(*chunk);
    return chunk;
  };
  if (Chunk* chunk = withdraw()) return chunk;
  while (true) {
    ASSIGN_OR_RETURN(const ChunkId made, CreateChunk());
    created.push_back(made);
    // A request may have been quicker to place something in it.
    if (Chunk* chunk = withdraw()) return chunk;
  }
}

absl::Status Grower::Populate(Placement placement) {
  core_.grow_mu.AssertHeld();
  while (true) {
    BlockRange missing;
    {
      RankedLock lock(&core_.index_mu);
      missing = placement.chunk->UnpopulatedIn(placement.area);
    }
    if (missing.count == 0) return absl::OkStatus();
    absl::Status status = core_.backend().PopulateChunk(placement.chunk->memory(), missing);
    RankedLock lock(&core_.index_mu);
    if (!status.ok()) {
      ++core_.index().counters().failed_allocs;
      return status;
    }
    core_.index().reserve().NotePopulated(*placement.chunk, missing);
  }
}

absl::Status Grower::PopulateWhole(Chunk& chunk) {
  return Populate({.chunk = &chunk, .area = {Granules(0), chunk.areas().size()}});
}

}  // namespace percpud

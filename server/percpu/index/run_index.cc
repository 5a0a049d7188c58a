// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/percpu/index/run_index.h"

#include <cassert>
#include <limits>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/base/status_macros.h"
#include "server/percpu/index/index_hot.h"

namespace percpud {

RunIndex::RunIndex(const ChunkTable& chunks, PageReserve& reserve, std::uint64_t size)
    : chunks_(chunks), reserve_(reserve), fits_(size), free_chunks_(size) {}

// --- Searching -----------------------------------------------------------------

std::optional<RunIndex::Fit> RunIndex::Find(Granules count, Granules align, Region region,
                                            bool populated_only) const {
  if (const auto fit = FindNear(count, align, region, populated_only)) return fit;
  return FindFar(count, align, region, populated_only);
}

std::optional<RunIndex::Fit> RunIndex::FindFar(Granules count, Granules align, Region region,
                                               bool populated_only) const {
  if (region == Region::kReserved) {
    return FitIn(chunks_.Find(ChunkTable::kReservedId), count, align, populated_only);
  }
  if (populated_only && reserve_.partly_populated() > 0) return FindPopulated(count, align);
  const auto find = [this, count, align](ChunkId id, std::uint32_t size_class) {
    return FindInClass(id, size_class, count, align, std::numeric_limits<std::uint32_t>::max());
  };
  if (auto fit = fits_.TryAll(count, find)) return fit;
  return sidelined_ == 0 ? std::nullopt : sidelined_fits_->TryAll(count, find);
}

std::optional<RunIndex::Fit> RunIndex::FitIn(Chunk* chunk, Granules count, Granules align,
                                             bool populated_only) {
  if (chunk == nullptr) return std::nullopt;
  const std::optional<Granules> at = chunk->Find(count, align, populated_only);
  if (!at) return std::nullopt;
  return Fit{chunk, chunk->areas().RunOf({*at, count})};
}

std::optional<RunIndex::Fit> RunIndex::FindPopulated(Granules count, Granules align) const {
  for (Chunk* chunk = chunks_.FindFrom(ChunkTable::kFirstId); chunk != nullptr;
       chunk = chunks_.FindFrom(ChunkId(chunk->id().value() + 1))) {
    if (chunk->state().is_withdrawn() || chunk->state().lease_map()) continue;
    if (auto fit = FitIn(chunk, count, align, true)) return fit;
  }
  return std::nullopt;
}

// --- Which chunks are searched -----------------------------------------------------

void RunIndex::AddToSearch(Chunk& chunk) {
  assert(chunk.state().search() == nullptr && chunk.kind() != ChunkKind::kReserved);
  FitIndex* const search = chunk.state().is_sidelined() ? sidelined_fits_.get() : &fits_;
  chunk.state().set_search(search);
  search->Add(chunk.id(), chunk.areas());
  if (chunk.kind() == ChunkKind::kDynamic && chunk.is_free()) free_chunks_.Set(chunk.id().value());
}

void RunIndex::DropFromSearch(Chunk& chunk) {
  assert(chunk.state().search() != nullptr);
  chunk.state().search()->Remove(chunk.id(), chunk.areas());
  chunk.state().set_search(nullptr);
  free_chunks_.Clear(chunk.id().value());
}

void RunIndex::Withdraw(Chunk& chunk) {
  DropFromSearch(chunk);
  chunk.state().set_withdrawn(true);
  ++withdrawn_;
}

void RunIndex::Readmit(Chunk& chunk) {
  if (chunk.state().is_sidelined() && chunk.is_free()) Reintegrate(chunk);
  ForgetWithdrawn(chunk);
  AddToSearch(chunk);
}

void RunIndex::ForgetWithdrawn(Chunk& chunk) {
  chunk.state().set_withdrawn(false);
  --withdrawn_;
}

void RunIndex::Lease(Chunk& chunk, Bytes map) {
  assert(chunk.is_free());
  ForgetWithdrawn(chunk);
  ++leased_;
  // Its empty pages are no reserve while a client has them.
  reserve_.Recount(chunk, [&] { chunk.state().set_lease_map(map); });
}

Bytes RunIndex::Unlease(Chunk& chunk) {
  assert(chunk.state().lease_map());
  const Bytes map = *chunk.state().lease_map();
  chunk.state().set_withdrawn(true);
  ++withdrawn_;
  --leased_;
  reserve_.Recount(chunk, [&] { chunk.state().set_lease_map(std::nullopt); });
  return map;
}

void RunIndex::NoteFreedom(Chunk& chunk) {
  if (!chunk.is_free()) {
    free_chunks_.Clear(chunk.id().value());
  } else {
    if (chunk.state().is_sidelined()) Reintegrate(chunk);
    free_chunks_.Set(chunk.id().value());
  }
}

// --- Chunks that give pages back ----------------------------------------------------

void RunIndex::Sideline(Chunk& chunk) {
  if (sidelined_fits_ == nullptr) {
    sidelined_fits_ = std::make_unique<FitIndex>(fits_.SameShape());
  }
  DropFromSearch(chunk);
  reserve_.Recount(chunk, [&] { chunk.state().set_sidelined(true); });
  ++sidelined_;
  AddToSearch(chunk);
}

// The kernel's rule (mm/percpu.c, pcpu_should_reclaim_chunk): once a quarter of a
// chunk is empty it is worth the trouble, and what empties later goes at once.
bool RunIndex::QueueIfEmptying(Chunk& chunk, std::uint32_t reserve) {
  if (chunk.kind() != ChunkKind::kDynamic || chunk.is_free() || chunk.state().is_withdrawn()) {
    return false;
  }
  const std::uint32_t empty = chunk.empty_populated_blocks();
  if (chunk.state().is_sidelined()) {
    if (empty == 0 || reserve_.IsQueued(chunk.id())) return false;
  } else {
    if (empty * 4 < chunk.blocks() || reserve_.empty_blocks() <= reserve + empty) return false;
    Sideline(chunk);
  }
  reserve_.Queue(chunk.id());
  return true;
}

Chunk* RunIndex::WithdrawQueued() {
  const std::optional<ChunkId> id = reserve_.TakeQueued();
  if (!id) return nullptr;
  Chunk* const chunk = chunks_.At(*id);
  Withdraw(*chunk);
  return chunk;
}

void RunIndex::Reintegrate(Chunk& chunk) {
  const bool searched = !chunk.state().is_withdrawn();
  if (searched) DropFromSearch(chunk);
  reserve_.Recount(chunk, [&] { chunk.state().set_sidelined(false); });
  --sidelined_;
  if (searched) AddToSearch(chunk);
  reserve_.Unqueue(chunk.id());
}

// --- Checking ----------------------------------------------------------------------

absl::Status RunIndex::CheckChunk(const Chunk& chunk) const {
  const auto wrong = [&chunk](absl::string_view what) {
    return absl::InternalError(absl::StrCat("index: chunk ", chunk.id().value(), " is ", what));
  };
  const ChunkState& state = chunk.state();
  const bool searched =
      chunk.kind() != ChunkKind::kReserved && !state.is_withdrawn() && !state.lease_map();
  const bool counts_free = searched && chunk.kind() == ChunkKind::kDynamic && chunk.is_free();
  if (free_chunks_.Test(chunk.id().value()) != counts_free) return wrong("wrongly counted free");
  const AreaMap* const areas = searched ? &chunk.areas() : nullptr;
  const bool aside = state.is_sidelined();
  if (!fits_.Agrees(chunk.id(), aside ? nullptr : areas) ||
      (sidelined_fits_ != nullptr &&
       !sidelined_fits_->Agrees(chunk.id(), aside ? areas : nullptr))) {
    return wrong("in the wrong classes");
  }
  if (reserve_.IsQueued(chunk.id()) && !aside) return wrong("wrongly to depopulate");
  return absl::OkStatus();
}

absl::Status RunIndex::CheckClasses() const {
  RETURN_IF_ERROR(fits_.CheckInvariants());
  return sidelined_fits_ == nullptr ? absl::OkStatus() : sidelined_fits_->CheckInvariants();
}

}  // namespace percpud

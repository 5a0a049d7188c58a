// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// What always holds of an index, walked.

#include <cstdint>
#include <memory>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "server/percpu/index.h"

namespace percpud {

absl::Status Index::CheckChunk(const Chunk& chunk) const {
  if (absl::Status status = chunk.CheckInvariants(); !status.ok()) return status;
  const bool searched =
      chunk.kind() != ChunkKind::kReserved && !chunk.withdrawn && !chunk.lease_map;
  const bool counts_free = searched && chunk.kind() == ChunkKind::kDynamic && chunk.is_free();
  if (free_chunks_.Test(chunk.id().value()) != counts_free) {
    return absl::InternalError(
        absl::StrCat("index: chunk ", chunk.id().value(), " is wrongly counted free"));
  }
  for (std::uint32_t block = 0; block < chunk.blocks(); ++block) {
    const Granules best = searched ? chunk.areas().best(block) : Granules(0);
    const Granules aside = chunk.sidelined ? best : Granules(0);
    const bool astray = sidelined_fits_ != nullptr &&
                        sidelined_fits_->class_of(chunk.id(), block) != FitIndex::ClassOf(aside);
    if (fits_.class_of(chunk.id(), block) != FitIndex::ClassOf(best - aside) || astray) {
      return absl::InternalError(absl::StrCat("index: block ", block, " of chunk ",
                                              chunk.id().value(), " is in the wrong class"));
    }
  }
  return absl::OkStatus();
}

absl::Status Index::CheckParked() const {
  std::uint64_t parked = 0;
  for (const std::unique_ptr<Chunk>& chunk : chunks_) {
    if (chunk != nullptr) parked += chunk->parked();
  }
  bool wrong = parked != parked_.total() + held_areas_;
  parked_.ForEach([&](Granules size, QuickLists::Entry entry) {
    const Chunk* chunk = Find(entry.chunk);
    wrong |= chunk == nullptr || !chunk->areas().IsStart(entry.offset) ||
             chunk->IsLive(entry.offset) || chunk->areas().AreaFrom(entry.offset).size != size;
  });
  return wrong ? absl::InternalError("index: parked areas differ from the chunks")
               : absl::OkStatus();
}

absl::Status Index::CheckInvariants() const {
  std::uint64_t live = 0;
  std::uint64_t empty = 0;
  std::uint64_t dynamic = 0;
  std::uint64_t partly = 0;
  std::uint64_t populated = 0;
  std::uint64_t sidelined = 0;
  Granules live_granules = Granules(0) - parked_.granules() - held_;
  for (const std::unique_ptr<Chunk>& chunk : chunks_) {
    if (chunk == nullptr) continue;
    if (absl::Status status = CheckChunk(*chunk); !status.ok()) return status;
    live += chunk->areas().live() - chunk->parked();
    live_granules += chunk->capacity() - chunk->areas().free();
    if (chunk->kind() == ChunkKind::kReserved) continue;
    ++dynamic;
    partly += std::uint64_t{!chunk->is_populated()};
    populated += chunk->populated_blocks();
    sidelined += std::uint64_t{chunk->sidelined};
    empty += ReserveOf(*chunk);
    if (IsToDepopulate(*chunk) && !chunk->sidelined) {
      return absl::InternalError(
          absl::StrCat("index: chunk ", chunk->id().value(), " is wrongly to depopulate"));
    }
  }
  if (populated != populated_blocks_ || sidelined != sidelined_) {
    return absl::InternalError(absl::StrCat("index: ", populated, " blocks populated, ", sidelined,
                                            " chunks sidelined; counted ", populated_blocks_, ", ",
                                            sidelined_));
  }
  if (dynamic != stats_.nr_chunks || partly != partly_populated_) {
    return absl::InternalError(absl::StrCat("index: ", dynamic, " chunks, ", partly,
                                            " of them in part; counted ", stats_.nr_chunks, ", ",
                                            partly_populated_));
  }
  if (live != stats_.nr_cur_alloc || stats_.nr_alloc - stats_.nr_dealloc != live ||
      ToBytes(live_granules) != stats_.live_bytes || empty != stats_.empty_pop_pages) {
    return absl::InternalError(absl::StrCat("index: counters differ from the chunks: ", live,
                                            " areas, ", empty, " empty pages"));
  }
  if (absl::Status status = CheckParked(); !status.ok()) return status;
  if (absl::Status status = fits_.CheckInvariants(); !status.ok()) return status;
  return sidelined_fits_ == nullptr ? absl::OkStatus() : sidelined_fits_->CheckInvariants();
}

}  // namespace percpud

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
  const AreaMap* const areas = searched ? &chunk.areas() : nullptr;
  const bool aside = chunk.sidelined;
  if (!fits_.Agrees(chunk.id(), aside ? nullptr : areas) ||
      (sidelined_fits_ != nullptr &&
       !sidelined_fits_->Agrees(chunk.id(), aside ? areas : nullptr))) {
    return absl::InternalError(
        absl::StrCat("index: chunk ", chunk.id().value(), " is in the wrong classes"));
  }
  return absl::OkStatus();
}

absl::Status Index::CheckInvariants() const {
  std::uint64_t live = 0;
  std::uint64_t empty = 0;
  std::uint64_t dynamic = 0;
  std::uint64_t partly = 0;
  std::uint64_t populated = 0;
  std::uint64_t sidelined = 0;
  std::uint64_t live_granules = 0;
  for (const std::unique_ptr<Chunk>& chunk : chunks_) {
    if (chunk == nullptr) continue;
    if (absl::Status status = CheckChunk(*chunk); !status.ok()) return status;
    live += chunk->live();
    live_granules += (chunk->capacity() - chunk->areas().free()).value();
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
  live += held_live_;
  if (stats_.nr_alloc - stats_.nr_dealloc != live ||
      kGranuleSize * (live_granules - held_ - parked_.granules().value() - uncleared_) !=
          stats_.live_bytes ||
      empty != stats_.empty_pop_pages) {
    return absl::InternalError(absl::StrCat("index: counters differ from the chunks: ", live,
                                            " areas, ", empty, " empty pages"));
  }
  if (absl::Status status = fits_.CheckInvariants(); !status.ok()) return status;
  return sidelined_fits_ == nullptr ? absl::OkStatus() : sidelined_fits_->CheckInvariants();
}

}  // namespace percpud

// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// What always holds of an index, walked.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "server/percpu/index/index.h"

namespace percpud {
namespace {

// What the index counts, and the chunks add up to.
struct Sums {
  std::uint64_t chunks = 0;
  std::uint64_t partly_populated = 0;
  std::uint64_t sidelined = 0;
  std::uint64_t populated_blocks = 0;
  std::uint64_t empty_blocks = 0;
  std::uint64_t live = 0;
  Bytes taken;

  // `reserve`: of its empty blocks, those that count.
  void Add(const Chunk& chunk, std::uint64_t reserve) {
    live += chunk.live();
    taken += ToBytes(chunk.capacity() - chunk.areas().free());
    if (chunk.kind() == ChunkKind::kReserved) return;
    ++chunks;
    partly_populated += std::uint64_t{!chunk.is_populated()};
    sidelined += std::uint64_t{chunk.sidelined};
    populated_blocks += chunk.populated_blocks();
    empty_blocks += reserve;
  }
  [[nodiscard]] std::string ToString() const {
    return absl::StrCat(chunks, " chunks, ", partly_populated, " backed in part, ", sidelined,
                        " sidelined; ", populated_blocks, " blocks, ", empty_blocks, " empty; ",
                        live, " areas, ", taken.value(), " bytes taken");
  }
  friend bool operator==(const Sums&, const Sums&) = default;
};

}  // namespace

absl::Status Index::CheckChunk(const Chunk& chunk) const {
  if (absl::Status status = chunk.CheckInvariants(); !status.ok()) return status;
  const auto wrong = [&chunk](absl::string_view what) {
    return absl::InternalError(absl::StrCat("index: chunk ", chunk.id().value(), " is ", what));
  };
  const bool searched =
      chunk.kind() != ChunkKind::kReserved && !chunk.withdrawn && !chunk.lease_map;
  const bool counts_free = searched && chunk.kind() == ChunkKind::kDynamic && chunk.is_free();
  if (free_chunks_.Test(chunk.id().value()) != counts_free) return wrong("wrongly counted free");
  const AreaMap* const areas = searched ? &chunk.areas() : nullptr;
  const bool aside = chunk.sidelined;
  if (!fits_.Agrees(chunk.id(), aside ? nullptr : areas) ||
      (sidelined_fits_ != nullptr &&
       !sidelined_fits_->Agrees(chunk.id(), aside ? areas : nullptr))) {
    return wrong("in the wrong classes");
  }
  if (IsToDepopulate(chunk) && !aside) return wrong("wrongly to depopulate");
  const Bytes base = chunk.memory().base;
  const Bytes last = base + SizeOf(chunk.memory()) - Bytes(1);
  for (const Bytes at : {base, last}) {
    const std::optional<ChunkId> found = chunk_map_.Find(at);
    // The reserved chunk lies in the first one.
    const ChunkId id = chunk.kind() == ChunkKind::kReserved ? kFirstId : chunk.id();
    if (found != id) return wrong("not found by its addresses");
  }
  return absl::OkStatus();
}

absl::Status Index::CheckInvariants(absl::FunctionRef<bool()> give_way) const {
  for (const std::unique_ptr<Chunk>& chunk : chunks_) {
    if (chunk == nullptr) continue;
    give_way();
    if (absl::Status status = CheckChunk(*chunk); !status.ok()) return status;
  }
  const auto add_up = [this](auto before_each) {
    Sums sums;
    for (const std::unique_ptr<Chunk>& chunk : chunks_) {
      if (chunk == nullptr) continue;
      before_each();
      sums.Add(*chunk, ReserveOf(*chunk));
    }
    return sums;
  };
  // With others let in, what was is added to what is. That is not in vain: it brings the
  // counts into the cache, and adding them up again takes a fifth of the time.
  bool disturbed = false;
  Sums found = add_up([&] { disturbed |= give_way(); });
  if (disturbed) found = add_up([] {});
  const Sums counted{.chunks = counters_.nr_chunks,
                     .partly_populated = partly_populated_,
                     .sidelined = sidelined_,
                     .populated_blocks = populated_blocks_,
                     .empty_blocks = counters_.empty_pop_pages,
                     .live = counters_.nr_alloc - counters_.nr_dealloc - held_live_,
                     .taken = counters_.live_bytes +
                              kGranuleSize * (held_ + parked_.granules().value() + pending_)};
  if (found != counted) {
    return absl::InternalError(absl::StrCat("index: the chunks have ", found.ToString(),
                                            "; counted are ", counted.ToString()));
  }
  if (absl::Status status = fits_.CheckInvariants(); !status.ok()) return status;
  return sidelined_fits_ == nullptr ? absl::OkStatus() : sidelined_fits_->CheckInvariants();
}

}  // namespace percpud

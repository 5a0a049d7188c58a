// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// What always holds for an index, walked.

#include <cstdint>
#include <string>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "server/base/status_macros.h"
#include "server/percpu/index/index.h"

namespace percpud {
namespace {

// What the index counts, and what the chunks add up to.
struct Sums {
  std::uint64_t chunks = 0;
  std::uint64_t partly_populated = 0;
  std::uint64_t sidelined = 0;
  std::uint64_t populated_blocks = 0;
  std::uint64_t empty_blocks = 0;
  std::uint64_t live = 0;
  Bytes taken;

  void Add(const Chunk& chunk) {
    live += chunk.live();
    taken += ToBytes(chunk.capacity() - chunk.areas().free());
    if (chunk.kind() == ChunkKind::kReserved) return;
    ++chunks;
    partly_populated += std::uint64_t{!chunk.is_populated()};
    sidelined += std::uint64_t{chunk.state().is_sidelined()};
    populated_blocks += chunk.populated_blocks();
    empty_blocks += PageReserve::ReserveOf(chunk);
  }
  [[nodiscard]] std::string ToString() const {
    return absl::StrCat(chunks, " chunks, ", partly_populated, " backed in part, ", sidelined,
                        " sidelined; ", populated_blocks, " blocks, ", empty_blocks, " empty; ",
                        live, " areas, ", taken.value(), " bytes taken");
  }
  friend bool operator==(const Sums&, const Sums&) = default;
};

}  // namespace

absl::Status Index::CheckInvariants(absl::FunctionRef<bool()> give_way) const {
  for (const Chunk* chunk = chunks_.FindFrom(kReservedId); chunk != nullptr;
       chunk = chunks_.FindFrom(ChunkId(chunk->id().value() + 1))) {
    give_way();
    RETURN_IF_ERROR(chunk->CheckInvariants());
    RETURN_IF_ERROR(runs_.CheckChunk(*chunk));
    RETURN_IF_ERROR(chunks_.CheckAddresses(*chunk));
  }
  RETURN_IF_ERROR(CheckCounts(give_way));
  return runs_.CheckClasses();
}

absl::Status Index::CheckCounts(absl::FunctionRef<bool()> give_way) const {
  const auto add_up = [this](auto before_each) {
    Sums sums;
    for (const Chunk* chunk = chunks_.FindFrom(kReservedId); chunk != nullptr;
         chunk = chunks_.FindFrom(ChunkId(chunk->id().value() + 1))) {
      before_each();
      sums.Add(*chunk);
    }
    return sums;
  };
  // With others let in, what was is added to what is. That is not in vain: it brings the
  // counts into the cache, and adding them up again takes a fifth of the time.
  bool disturbed = false;
  Sums found = add_up([&] { disturbed |= give_way(); });
  if (disturbed) found = add_up([] {});
  const Sums counted{
      .chunks = counters_.nr_chunks,
      .partly_populated = reserve_.partly_populated(),
      .sidelined = runs_.sidelined(),
      .populated_blocks = reserve_.populated_blocks(),
      .empty_blocks = reserve_.empty_blocks(),
      .live = counters_.nr_alloc - counters_.nr_dealloc - held_.live(),
      .taken = counters_.live_bytes + kGranuleSize * (held_.granules() + reclaimer_.held())};
  if (found == counted) return absl::OkStatus();
  return absl::InternalError(absl::StrCat("index: the chunks have ", found.ToString(),
                                          "; counted are ", counted.ToString()));
}

}  // namespace percpud

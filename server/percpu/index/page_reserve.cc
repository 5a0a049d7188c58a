// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/percpu/index/page_reserve.h"

namespace percpud {

void PageReserve::Add(const Chunk& chunk) {
  empty_blocks_ += ReserveOf(chunk);
  populated_blocks_ += chunk.populated_blocks();
  partly_populated_ += std::uint32_t{!chunk.is_populated()};
}

void PageReserve::Remove(const Chunk& chunk) {
  assert(empty_blocks_ >= ReserveOf(chunk));
  assert(populated_blocks_ >= chunk.populated_blocks());
  empty_blocks_ -= ReserveOf(chunk);
  populated_blocks_ -= chunk.populated_blocks();
  partly_populated_ -= std::uint32_t{!chunk.is_populated()};
}

std::optional<ChunkId> PageReserve::TakeQueued() {
  const std::optional<std::uint64_t> id = to_depopulate_.FindFirst();
  if (!id) return std::nullopt;
  to_depopulate_.Clear(*id);
  return ChunkId(*id);
}

}  // namespace percpud

// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_TESTS_SUPPORT_INDEX_RIG_H_
#define PERCPUD_TESTS_SUPPORT_INDEX_RIG_H_

#include <cstdint>
#include <memory>

#include "server/percpu/index/chunk.h"
#include "server/percpu/index/chunk_table.h"
#include "server/percpu/layout/alloc_info.h"

namespace percpud::testing {

// A layout with one CPU and units of 64 KiB, so that chunk i lies at i units.
inline AllocInfo OneCpuInfo() {
  return *BuildAllocInfo({.static_size = Bytes(4096), .dyn_size = Bytes(60 << 10)},
                         *Topology::Uniform(1));
}

// An arena of 16 such units, in which each chunk has a frame.
inline ChunkTable::ArenaShape OneCpuArena(const AllocInfo& info) {
  return {.size = info.unit_size * 16, .page_size = kBasePageSize, .frame_size = info.unit_size};
}

// The memory of the chunk at that place.
inline ChunkMemory MemoryAt(const AllocInfo& info, std::uint64_t place) {
  const std::uint64_t pages = info.unit_size / kBasePageSize;
  return {.base = info.unit_size * place,
          .first_page = PageId(place * pages),
          .pages = Pages(pages),
          .block_order = OrderFor(Pages(pages))};
}

// A free dynamic chunk of such a layout, with its first `populated` blocks backed.
inline std::unique_ptr<Chunk> FreeChunk(const AllocInfo& info, std::uint32_t populated = 16) {
  auto chunk = Chunk::Make(ChunkKind::kDynamic, {Bytes(0), info.unit_size}, HeapMetadata);
  chunk->MarkPopulated({0, populated});
  return chunk;
}

}  // namespace percpud::testing

#endif  // PERCPUD_TESTS_SUPPORT_INDEX_RIG_H_

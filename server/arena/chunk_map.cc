// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/arena/chunk_map.h"

#include <algorithm>
#include <cassert>

namespace percpud {

void ChunkMap::Set(Bytes base, Bytes size, ChunkId chunk) {
  assert(chunk != ChunkId(ChunkId::Rep(-1)));
  Fill(base, size, chunk.value() + 1);
}

void ChunkMap::Clear(Bytes base, Bytes size) { Fill(base, size, kNone); }

void ChunkMap::Fill(Bytes base, Bytes size, ChunkId::Rep owner) {
  const std::uint64_t first = base.value() >> shift_;
  const std::uint64_t last = (base + size - Bytes(1)).value() >> shift_;
  assert(last < owner_.size());
  std::fill(owner_.begin() + first, owner_.begin() + last + 1, owner);
}

}  // namespace percpud

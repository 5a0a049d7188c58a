// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/percpu/index/index.h"

#include <algorithm>
#include <cassert>
#include <utility>

#include "server/percpu/index/index_hot.h"

namespace percpud {

Index::Index(const AllocInfo& info, const ArenaShape& arena, ReusePolicy reuse)
    : chunks_(info, arena),
      reserve_(ChunkTable::MaxChunks(info, arena.size)),
      runs_(chunks_, reserve_, ChunkTable::MaxChunks(info, arena.size)),
      reclaimer_(chunks_, runs_, reuse, ToGranules(info.unit_size),
                 ChunkTable::MaxChunks(info, arena.size)) {
  counters_.min_alloc_size = info.unit_size;
}

Chunk& Index::Insert(std::unique_ptr<Chunk> chunk, const ChunkMemory& memory) {
  Chunk& inserted = chunks_.Insert(std::move(chunk), memory);
  if (inserted.kind() == ChunkKind::kReserved) return inserted;
  if (inserted.dirty().end() > Granules(0)) reclaimer_.NoteDirty(inserted);
  runs_.AddToSearch(inserted);
  reserve_.Add(inserted);
  ++counters_.chunks_created;
  counters_.nr_max_chunks = std::max(counters_.nr_max_chunks, ++counters_.nr_chunks);
  return inserted;
}

std::unique_ptr<Chunk> Index::Remove(Chunk& chunk) {
  assert(chunk.kind() == ChunkKind::kDynamic && chunk.is_free());
  assert(chunk.state().pins() == 0 && !chunk.state().lease_map());
  if (chunk.state().is_withdrawn()) {
    runs_.ForgetWithdrawn(chunk);
  } else {
    runs_.DropFromSearch(chunk);
  }
  reclaimer_.NoteClean(chunk);
  reserve_.Remove(chunk);
  ++counters_.chunks_destroyed;
  --counters_.nr_chunks;
  return chunks_.Remove(chunk);
}

std::optional<RunIndex::Fit> Index::MakeFit(Granules count, Granules align, Region region,
                                            bool populated_only) {
  if (const auto fit = runs_.FindFar(count, align, region, populated_only)) return fit;
  if (!reclaimer_.has_parked()) return std::nullopt;
  reclaimer_.Unpark(nullptr);
  return runs_.Find(count, align, region, populated_only);
}

Placement Index::PlaceInRun(Granules count, Granules align, Region region, bool populated_only) {
  assert(count > Granules(0) && IsPowerOfTwo(Bytes(align.value())));
  std::optional<RunIndex::Fit> fit = runs_.FindNear(count, align, region, populated_only);
  if (!fit) [[unlikely]] {
    fit = MakeFit(count, align, region, populated_only);
    if (!fit) return {};
  }
  reclaimer_.TakeFrom(*fit, count, align);
  return {.chunk = fit->chunk, .area = {Granules(fit->run.at), count}};
}

void Index::DropTag(Chunk& chunk, Granules at) {
  const TagId tag = chunk.state().TagAt(at);
  if (tag == kNoTag) return;
  tags_.Release(tag, 1);
  chunk.state().DropTag(at);
}

}  // namespace percpud

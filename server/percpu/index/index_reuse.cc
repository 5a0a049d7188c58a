// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// What becomes of freed areas before they are room again.
//
//          freed                                       wanted again
//   live --------> pending ---- cleared ----> parked ------------> live
//                      |                           |
//                      +------> room <-------------+
//
// Areas are cleared by chunk, many at a time and unit by unit: each page of a unit is
// gone to once for all of them, where clearing on demand goes to every unit for each.
// While they wait they are held, so whatever is room reads zero; all but what lies below
// a chunk's dirty_end.

#include <algorithm>
#include <utility>
#include <vector>

#include "server/percpu/index/index_hot.h"

namespace percpud {
namespace {

// So many of one chunk are worth clearing, or such a part of it. While they wait, areas
// that would fit lie elsewhere: with 64 a load like `churn` takes two chunks more in 28.
constexpr std::size_t kDue = 16;
constexpr std::uint32_t kDuePart = 64;
// Nobody comes to clear: what is freed beyond is dirty room, and cleared when it is granted.
constexpr std::size_t kMaxPending = 16 * kDue;

}  // namespace

// --- Parking -------------------------------------------------------------------

// Requests of a size come in rows: the search is done once for all of one. Not in a
// short run, of which a row would leave nothing; and what parks is clean.
bool Index::TakeRow(const Fit& fit, Granules count, Granules align) {
  constexpr std::uint32_t kRow = 8;
  constexpr std::uint32_t kLongRun = 2 * AreaMap::kBlock.value();
  static_assert(kLongRun > kRow * ParkedAreas::kSizes);
  const AreaMap::Room& room = fit.room;
  if (room.end - room.begin <= kLongRun || room.at != room.begin || count % align != Granules(0) ||
      reuse_ == ReusePolicy::kFreeRun ||
      (reuse_ == ReusePolicy::kCleared && room.begin < fit.chunk->dirty_end().value()) ||
      !parked_.Wants(count)) {
    return false;
  }
  Chunk& chunk = *fit.chunk;
  Update(chunk, [&](auto watch) { chunk.TakeRow(room, count, kRow, watch); });
  for (std::uint32_t i = kRow - 1; i > 0; --i) {
    const Placement placement{&chunk, {Granules(room.at) + count * i, count}};
    chunk.Hold(placement.area.offset);
    parked_.Push(placement);
  }
  return true;
}

void Index::Unpark(const Chunk* chunk) {
  parked_.TakeOut(chunk, [this](Placement placement) {
    placement.chunk->Unhold(placement.area.offset);
    Release(placement);
  });
}

// --- Giving back ---------------------------------------------------------------

void Index::GiveBack(Placement placement) {
  if (reuse_ == ReusePolicy::kCleared && KeepPending(placement)) return;
  Chunk& chunk = *placement.chunk;
  ReleaseDirty(placement);
  if (chunk.held() == 0 || chunk.live() > 0) return;
  // Nobody has anything of it: it goes, or is cleared whole.
  Unpark(&chunk);
  for (const AreaSpan& area : TakePendingOf(chunk)) {
    pending_ -= area.size.value();
    chunk.Unhold(area.offset);
    ReleaseDirty({&chunk, area});
  }
}

void Index::ReleaseDirty(Placement placement) {
  Chunk& chunk = *placement.chunk;
  chunk.MarkDirty(placement.area);
  if (reuse_ == ReusePolicy::kCleared && chunk.kind() != ChunkKind::kReserved) {
    dirty_.Set(chunk.id().value());
  }
  Release(placement);
}

// Not amid dirty room, which is cleared anyway.
bool Index::KeepPending(Placement placement) {
  Chunk& chunk = *placement.chunk;
  if (chunk.live() <= 1 || placement.area.offset < chunk.dirty_end() ||
      chunk.pending.size() >= kMaxPending || chunk.kind() == ChunkKind::kReserved) {
    return false;
  }
  chunk.Hold(placement.area.offset);
  if (chunk.pending.empty()) chunk.pending.reserve(kDue);
  chunk.pending.push_back(placement.area);
  chunk.pending_size += placement.area.size;
  pending_ += placement.area.size.value();
  to_clear_.Set(chunk.id().value());
  if (chunk.pending.size() >= kDue || chunk.pending_size * kDuePart >= chunk.capacity()) {
    due_.Set(chunk.id().value());
  }
  return true;
}

// --- Clearing ------------------------------------------------------------------

std::vector<AreaSpan> Index::TakePendingOf(Chunk& chunk) {
  to_clear_.Clear(chunk.id().value());
  due_.Clear(chunk.id().value());
  chunk.pending_size = Granules(0);
  return std::exchange(chunk.pending, {});
}

Index::Clearing Index::TakePending(bool any) {
  auto id = due_.FindFirst();
  if (!any && demand() <= 0) return {};
  if (!id && any) id = to_clear_.FindFirst();
  if (!id) return {};
  Chunk& chunk = *Find(ChunkId(*id));
  return {.chunk = &chunk, .areas = TakePendingOf(chunk)};
}

// From the end down, so that one bound goes on saying what is dirty.
Index::Clearing Index::TakeDirty() {
  if (demand() <= 0) return {};
  for (auto id = dirty_.FindFirst(); id; id = dirty_.FindFrom(*id + 1)) {
    Chunk& chunk = *Find(ChunkId(*id));
    if (chunk.fits == nullptr || chunk.is_free()) continue;
    const Granules page = RoundDown(chunk.dirty_end() - Granules(1), AreaMap::kBlock);
    std::vector<AreaSpan> areas;
    for (auto run = chunk.areas().NextFree(page); run && run->offset < chunk.dirty_end();
         run = chunk.areas().NextFree(run->end())) {
      const AreaSpan dirty = chunk.DirtyIn(*run);
      Update(chunk,
             [&](auto watch) { chunk.Take(chunk.areas().RoomOf(dirty), dirty.size, watch); });
      chunk.Hold(dirty.offset);
      pending_ += dirty.size.value();
      areas.push_back(dirty);
    }
    chunk.MarkClean(page);
    if (page == Granules(0)) dirty_.Clear(*id);
    return {.chunk = &chunk, .areas = std::move(areas)};
  }
  return {};
}

// As far ahead of demand as a chunk at most.
void Index::NoteSupplied(Granules cleared) {
  const std::int64_t left = demand() - cleared.value();
  supplied_ = granted_ - std::max(left, -std::int64_t{ToGranules(info_.unit_size).value()});
}

void Index::PutCleared(const Clearing& clearing) {
  Chunk& chunk = *clearing.chunk;
  for (const AreaSpan& area : clearing.areas) {
    const Placement placement{&chunk, area};
    pending_ -= area.size.value();
    NoteSupplied(area.size);
    chunk.Unhold(area.offset);
    if (!Park(placement)) Release(placement);
  }
  if (chunk.live() == 0) Unpark(&chunk);
}

void Index::NoteClean(Chunk& chunk) {
  chunk.MarkClean(Granules(0));
  dirty_.Clear(chunk.id().value());
}

}  // namespace percpud

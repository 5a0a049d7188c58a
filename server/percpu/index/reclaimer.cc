// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/percpu/index/reclaimer.h"

#include <algorithm>
#include <cassert>
#include <utility>

#include "server/percpu/index/index_hot.h"

namespace percpud {
namespace {

// This many pending areas of one chunk are worth clearing, or this part of it. While they
// wait, areas that would fit lie elsewhere: with 64 a load like `churn` takes two chunks
// more in 28.
constexpr std::size_t kDue = 16;
constexpr std::uint32_t kDuePart = 64;
// Nobody comes to clear: what is freed beyond is dirty, and cleared when it is granted.
constexpr std::size_t kMaxPending = 16 * kDue;

}  // namespace

Reclaimer::Reclaimer(const ChunkTable& chunks, RunIndex& runs, ReusePolicy policy, Granules most,
                     std::uint64_t size)
    : chunks_(chunks),
      runs_(runs),
      policy_(policy),
      most_(most.value()),
      to_clear_(size),
      due_(size),
      dirty_(size) {}

// --- Parking -------------------------------------------------------------------

// Requests of a size come in rows: the search is done once for all of one. Not in a
// short run, of which a row would leave nothing; and what parks is clean.
bool Reclaimer::TakeRow(const RunIndex::Fit& fit, Granules count, Granules align) {
  constexpr std::uint32_t kRow = 8;
  constexpr std::uint32_t kLongRun = 2 * AreaMap::kBlock.value();
  static_assert(kLongRun > kRow * ParkedAreas::kSizes);
  const AreaMap::Run& run = fit.run;
  if (run.end - run.begin <= kLongRun || run.at != run.begin || count % align != Granules(0) ||
      policy_ == ReusePolicy::kFreeRun ||
      (policy_ == ReusePolicy::kCleared && run.begin < fit.chunk->dirty().end().value()) ||
      !parked_.Wants(count)) {
    return false;
  }
  Chunk& chunk = *fit.chunk;
  runs_.Update(chunk, [&](auto watch) { chunk.TakeRow(run, count, kRow, watch); });
  for (std::uint32_t i = kRow - 1; i > 0; --i) {
    const Placement placement{&chunk, {Granules(run.at) + count * i, count}};
    chunk.Hold(placement.area.offset);
    parked_.Push(placement);
  }
  return true;
}

void Reclaimer::Unpark(const Chunk* chunk) {
  parked_.TakeOut(chunk, [this](Placement placement) {
    placement.chunk->Unhold(placement.area.offset);
    runs_.Release(placement);
  });
}

// --- Giving back ---------------------------------------------------------------

void Reclaimer::GiveBack(Placement placement) {
  if (policy_ == ReusePolicy::kCleared && KeepPending(placement)) return;
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

void Reclaimer::ReleaseDirty(Placement placement) {
  Chunk& chunk = *placement.chunk;
  chunk.dirty().Mark(placement.area);
  NoteDirty(chunk);
  runs_.Release(placement);
}

void Reclaimer::NoteDirty(const Chunk& chunk) {
  if (policy_ == ReusePolicy::kCleared && chunk.kind() != ChunkKind::kReserved) {
    dirty_.Set(chunk.id().value());
  }
}

// Not amid dirty runs, which are cleared anyway.
bool Reclaimer::KeepPending(Placement placement) {
  Chunk& chunk = *placement.chunk;
  ChunkState& state = chunk.state();
  if (chunk.live() <= 1 || placement.area.offset < chunk.dirty().end() ||
      state.pending().size() >= kMaxPending || chunk.kind() == ChunkKind::kReserved) {
    return false;
  }
  chunk.Hold(placement.area.offset);
  state.AddPending(placement.area, kDue);
  pending_ += placement.area.size.value();
  to_clear_.Set(chunk.id().value());
  if (state.pending().size() >= kDue || state.pending_size() * kDuePart >= chunk.capacity()) {
    due_.Set(chunk.id().value());
  }
  return true;
}

// --- Clearing ------------------------------------------------------------------

std::vector<AreaSpan> Reclaimer::TakePendingOf(Chunk& chunk) {
  to_clear_.Clear(chunk.id().value());
  due_.Clear(chunk.id().value());
  return chunk.state().TakePending();
}

Reclaimer::Clearing Reclaimer::TakePending(bool any) {
  auto id = due_.FindFirst();
  if (!any && demand() <= 0) return {};
  if (!id && any) id = to_clear_.FindFirst();
  if (!id) return {};
  Chunk& chunk = *chunks_.At(ChunkId(*id));
  return {.chunk = &chunk, .areas = TakePendingOf(chunk)};
}

// From the end down, so that one bound goes on saying what is dirty.
Reclaimer::Clearing Reclaimer::TakeDirty() {
  if (demand() <= 0) return {};
  for (auto id = dirty_.FindFirst(); id; id = dirty_.FindFrom(*id + 1)) {
    Chunk& chunk = *chunks_.At(ChunkId(*id));
    if (chunk.state().search() == nullptr || chunk.is_free()) continue;
    const Granules page = RoundDown(chunk.dirty().end() - Granules(1), AreaMap::kBlock);
    std::vector<AreaSpan> areas;
    for (auto run = chunk.areas().NextFree(page); run && run->offset < chunk.dirty().end();
         run = chunk.areas().NextFree(run->end())) {
      const AreaSpan dirty = chunk.dirty().In(*run);
      runs_.Update(chunk,
                   [&](auto watch) { chunk.Take(chunk.areas().RunOf(dirty), dirty.size, watch); });
      chunk.Hold(dirty.offset);
      pending_ += dirty.size.value();
      areas.push_back(dirty);
    }
    chunk.dirty().Clean(page);
    if (page == Granules(0)) dirty_.Clear(*id);
    return {.chunk = &chunk, .areas = std::move(areas)};
  }
  return {};
}

// What is cleared runs ahead of demand by a chunk at most.
void Reclaimer::NoteSupplied(Granules cleared) {
  const std::int64_t left = demand() - cleared.value();
  supplied_ = granted_ - std::max(left, -most_);
}

void Reclaimer::PutCleared(const Clearing& clearing) {
  Chunk& chunk = *clearing.chunk;
  for (const AreaSpan& area : clearing.areas) {
    assert(pending_ >= area.size.value());
    const Placement placement{&chunk, area};
    pending_ -= area.size.value();
    NoteSupplied(area.size);
    chunk.Unhold(area.offset);
    if (!Park(placement)) runs_.Release(placement);
  }
  if (chunk.live() == 0) Unpark(&chunk);
}

void Reclaimer::NoteClean(Chunk& chunk) {
  chunk.dirty().Clean(Granules(0));
  dirty_.Clear(chunk.id().value());
}

}  // namespace percpud

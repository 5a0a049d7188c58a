// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "percpu/internal/lease/heap_core.h"

#include <cassert>
#include <thread>
#include <utility>

#include "percpu/internal/fork.h"
#include "server/base/errors.h"
#include "server/base/status_macros.h"

namespace percpu::lease {

using percpud::RankedLock;

HeapCore::HeapCore(ChunkSource& source, HeapOptions holding)
    : generation_(ForkGeneration()), source_(source), holding_(std::move(holding)) {}

// --- Chunks ------------------------------------------------------------------

Chunk* HeapCore::NewChunk() {
  if (unused_.empty()) return chunks_.emplace_back(std::make_unique<Chunk>()).get();
  Chunk* chunk = unused_.back();
  unused_.pop_back();
  return chunk;
}

absl::StatusOr<Chunk*> HeapCore::Acquire() {
  RETURN_IF_ERROR(revoked());
  ASSIGN_OR_RETURN(const LeasedChunk lease, source_.Acquire());
  if (absl::Status status = Chunk::Check(lease); !status.ok()) {
    source_.Return(lease);
    return status;
  }
  RankedLock lock(&mu_);
  Chunk* chunk = NewChunk();
  chunk->Open(lease);
  table_.Set(chunk->base(), lease.usable_bytes, chunk);
  ++acquired_;
  return chunk;
}

Chunk* HeapCore::OpenKept(const LeasedChunk& lease) {
  RankedLock lock(&mu_);
  Chunk* chunk = NewChunk();
  chunk->OpenKept(lease);
  table_.Set(chunk->base(), lease.usable_bytes, chunk);
  return chunk;
}

bool HeapCore::IsWatched(const Chunk* chunk) const {
  for (const auto& heap : thread_heaps_) {
    if (heap->guard.load(std::memory_order_seq_cst) == chunk) return true;
  }
  return false;
}

void HeapCore::Return(Chunk* chunk) {
  assert(chunk->owner.load() == nullptr || IsClosed());
  assert(!chunk->is_kept());
  const LeasedChunk lease = chunk->lease();
  {
    RankedLock lock(&mu_);
    table_.Set(chunk->base(), lease.usable_bytes, nullptr);
  }
  for (;; std::this_thread::yield()) {
    RankedLock lock(&mu_);
    // Only a free that will be refused can look at an empty chunk, and only briefly.
    if (IsWatched(chunk)) continue;
    chunk->Close();
    unused_.push_back(chunk);
    ++returned_;
    break;
  }
  source_.Return(lease);
}

absl::StatusOr<HeapCore::Got> HeapCore::Get() {
  Chunk* idle = nullptr;
  {
    RankedLock lock(&mu_);
    if (!orphans_.empty()) {
      Chunk* orphan = orphans_.back();
      orphans_.pop_back();
      return Got{.chunk = orphan, .is_fresh = false};
    }
    if (!idle_.empty()) {
      idle = idle_.back();
      idle_.pop_back();
    }
  }
  if (idle == nullptr) {
    ASSIGN_OR_RETURN(idle, Acquire());
  }
  AskForTopUp();
  return Got{.chunk = idle, .is_fresh = true};
}

void HeapCore::AskForTopUp() {
  if (!holding_.background) return;
  {
    RankedLock lock(&mu_);
    if (is_topping_up_ || idle_.size() >= holding_.reserve) return;
    is_topping_up_ = true;
  }
  holding_.background([this] {
    // If it fails, the thread that needs the chunk asks again and gets the reason.
    TopUp().IgnoreError();
    RankedLock lock(&mu_);
    is_topping_up_ = false;
  });
}

absl::Status HeapCore::TopUp() {
  for (;;) {
    {
      RankedLock lock(&mu_);
      if (is_closed_ || idle_.size() >= holding_.reserve) return absl::OkStatus();
    }
    ASSIGN_OR_RETURN(Chunk* const chunk, Acquire());
    RankedLock lock(&mu_);
    idle_.push_back(chunk);
  }
}

void HeapCore::Park(Chunk* chunk) {
  assert(chunk->IsEmpty() && chunk->owner.load(std::memory_order_relaxed) == nullptr);
  std::vector<Chunk*> excess;
  {
    RankedLock lock(&mu_);
    idle_.push_back(chunk);
    if (idle_.size() <= holding_.most_idle) return;
    while (idle_.size() > holding_.reserve) {
      excess.push_back(idle_.back());
      idle_.pop_back();
    }
  }
  for (Chunk* idle : excess) Return(idle);
}

absl::Status HeapCore::Unknown(Pointer pointer) {
  const percpud::PercpuPtr ptr(Value(pointer));
  RankedLock lock(&mu_);
  for (const auto& chunk : chunks_) {
    const auto unit = chunk->UnitAt(pointer);
    if (unit) return percpud::errors::PointerNotInUnitZero(ptr, percpud::UnitId(*unit));
  }
  return percpud::errors::PointerInNoChunk(ptr);
}

// --- Threads -----------------------------------------------------------------

ThreadHeap* HeapCore::Join() {
  RankedLock lock(&mu_);
  if (unused_heaps_.empty()) {
    return thread_heaps_.emplace_back(std::make_unique<ThreadHeap>(*this)).get();
  }
  ThreadHeap* heap = unused_heaps_.back();
  unused_heaps_.pop_back();
  return heap;
}

void HeapCore::Leave(ThreadHeap* thread_heap) {
  assert(thread_heap != nullptr);
  {
    RankedLock lock(&mu_);
    if (is_closed_ || !revoked_.ok()) return;
    ++leaving_;
  }
  std::vector<Chunk*> empty;
  for (Chunk* chunk : thread_heap->GiveUpAll()) {
    if (chunk->IsEmpty() && !chunk->is_kept()) {
      empty.push_back(chunk);
      continue;
    }
    RankedLock lock(&mu_);
    orphans_.push_back(chunk);
  }
  for (Chunk* chunk : empty) Park(chunk);
  RankedLock lock(&mu_);
  unused_heaps_.push_back(thread_heap);
  assert(leaving_ > 0);
  --leaving_;
}

void HeapCore::Close() {
  std::vector<Chunk*> open;
  {
    RankedLock lock(&mu_);
    is_closed_ = true;
    const auto all_left = [this]() ABSL_NO_THREAD_SAFETY_ANALYSIS { return leaving_ == 0; };
    mu_.Await(absl::Condition(&all_left));
    if (!revoked_.ok()) return;
    for (const auto& chunk : chunks_) {
      if (chunk->granules() != 0) open.push_back(chunk.get());
    }
  }
  for (Chunk* chunk : open) {
    if (chunk->is_kept()) {
      // This frees what the magazines and the lists of all threads hold, at once.
      chunk->map().Recover();
      chunk->map().header().phase = percpud::abi::v1::kLeaseClean;
    } else {
      Return(chunk);
    }
  }
}

void HeapCore::Revoke(absl::Status why) {
  assert(!why.ok());
  RankedLock lock(&mu_);
  if (revoked_.ok()) revoked_ = std::move(why);
}

absl::Status HeapCore::revoked() {
  RankedLock lock(&mu_);
  return revoked_;
}

bool HeapCore::IsClosed() {
  RankedLock lock(&mu_);
  return is_closed_;
}

HeapCounts HeapCore::GetCounts() {
  RankedLock lock(&mu_);
  HeapCounts counts{.owned = 0,
                    .idle = idle_.size(),
                    .orphaned = orphans_.size(),
                    .acquired = acquired_,
                    .returned = returned_,
                    .anomalies = 0};
  for (const auto& chunk : chunks_) {
    counts.owned += chunk->owner.load(std::memory_order_relaxed) != nullptr ? 1 : 0;
  }
  for (const auto& heap : thread_heaps_) counts.anomalies += heap->anomalies();
  return counts;
}

}  // namespace percpu::lease

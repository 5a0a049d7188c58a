// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "percpu/internal/lease/thread_heap.h"

#include <algorithm>
#include <bit>
#include <cassert>
#include <utility>

#include "percpu/internal/lease/heap_core.h"
#include "server/base/errors.h"

namespace percpu::lease {
namespace {

using percpud::Bytes;
using percpud::PercpuPtr;
namespace abi = percpud::abi::v1;
namespace errors = percpud::errors;

// The bytes of a unit that a magazine holds, within bounds on the areas. A batch of 64
// areas of any class comes and goes without the area map.
constexpr std::uint32_t kMagazineBytes = 256 << 10;
// The most that is carved at once, so that a class does not take half a unit because it
// was used a few times.
constexpr std::uint32_t kBatchBytes = 16 << 10;

constexpr std::uint32_t Capacity(std::uint32_t size_class) {
  return std::clamp<std::uint32_t>(kMagazineBytes / kClassBytes[size_class], 16, 128);
}

constexpr std::uint32_t LargestBatch(std::uint32_t size_class) {
  return std::clamp<std::uint32_t>(kBatchBytes / kClassBytes[size_class], 4, 64);
}

constexpr std::uint32_t AllSlots() {
  std::uint32_t slots = 0;
  for (std::uint32_t i = 0; i < kClasses; ++i) slots += Capacity(i);
  return slots;
}

constexpr std::uint32_t ToGranules(std::uint64_t bytes) {
  return static_cast<std::uint32_t>((bytes + kGranule - 1) / kGranule);
}

}  // namespace

ThreadHeap::ThreadHeap(HeapCore& core)
    : HotHeap(&no_chunk_), core_(core), table_(core.table()), slots_(AllSlots()) {
  Slot* next = slots_.begin();
  for (std::uint32_t i = 0; i < kClasses; ++i) {
    magazines_[i] = {.top = next, .begin = next, .end = next + Capacity(i), .batch = 1};
    next += Capacity(i);
  }
}

// --- Allocating --------------------------------------------------------------

absl::StatusOr<Pointer> ThreadHeap::AllocateOther(std::uint64_t size, std::uint32_t alignment,
                                                  bool zeroed) {
  if (size == 0) return errors::SizeIsZero();
  if (!std::has_single_bit(alignment)) return errors::AlignmentNotPowerOfTwo(Bytes(alignment));
  if (alignment > kMaxAlignment) {
    return errors::AlignmentOverLimit(Bytes(alignment), Bytes(kMaxAlignment));
  }
  if (size > percpud::kMaxUnitSize.value()) {
    return errors::SizeOverLimit(Bytes(size), percpud::kMaxUnitSize, "the largest unit there is");
  }
  return AllocateLarge(ToGranules(size), ToGranules(alignment), zeroed);
}

absl::StatusOr<Pointer> ThreadHeap::AllocateLarge(std::uint32_t granules, std::uint32_t align,
                                                  bool zeroed) {
  Pointer pointer = kNull;
  DrainAll();
  absl::Status status = FromSomeChunk(granules, [&](Chunk* chunk) {
    const std::optional<std::uint32_t> at = chunk->TakeLarge(granules, align, zeroed);
    if (at) pointer = chunk->PointerTo(*at);
    return at.has_value();
  });
  if (!status.ok()) return status;
  return pointer;
}

absl::StatusOr<Pointer> ThreadHeap::AllocateRefilled(std::uint32_t size_class, bool zeroed) {
  if (absl::Status status = Refill(size_class); !status.ok()) return status;
  return zeroed ? AllocateCleared(size_class)
                : Pop(size_class, [](const HotChunk&, std::uint32_t) {});
}

absl::StatusOr<Pointer> ThreadHeap::AllocateCleared(std::uint32_t size_class) {
  return Pop(size_class, [size_class](HotChunk& chunk, std::uint32_t granule) {
    Whole(&chunk)->Zero(granule, kClassBytes[size_class]);
  });
}

absl::Status ThreadHeap::Refill(std::uint32_t size_class) {
  DrainAll();
  if (!magazines_[size_class].IsEmpty()) return absl::OkStatus();
  const std::uint32_t granules = kClassBytes[size_class] / kGranule;
  return FromSomeChunk(granules, [&](Chunk* chunk) {
    Magazine& magazine = magazines_[size_class];
    const std::uint32_t align = ToGranules(ClassAlignment(size_class));
    while (magazine.Count() < magazine.batch) {
      const std::optional<std::uint32_t> at = chunk->Carve(granules, align);
      if (!at) break;
      chunk->StateAt(*at).store(static_cast<std::uint8_t>(size_class + 1 + abi::kLeaseCached),
                                std::memory_order_release);
      magazine.Push(chunk, *at);
    }
    if (magazine.IsEmpty()) return false;
    // The lowest area is handed out first.
    std::reverse(magazine.begin, magazine.top);
    magazine.batch = std::min(2 * magazine.batch, LargestBatch(size_class));
    return true;
  });
}

template <typename Carve>
bool ThreadHeap::FromOwnChunks(Carve carve) {
  for (std::size_t tried = 0; tried < chunks_.size(); ++tried) {
    if (roomy_ >= chunks_.size()) roomy_ = 0;
    if (carve(chunks_[roomy_])) return true;
    ++roomy_;
  }
  return false;
}

template <typename Carve>
absl::Status ThreadHeap::FromSomeChunk(std::uint32_t granules, Carve carve) {
  if (FromOwnChunks(carve)) return absl::OkStatus();
  for (bool is_flushed = false;;) {
    absl::StatusOr<HeapCore::Got> got = core_.Get();
    if (!got.ok()) {
      if (is_flushed) return got.status();
      // The last resort is what the magazines of other classes hold. That may empty a
      // chunk, which the heap then has, so the heap is asked once more.
      FlushAll();
      is_flushed = true;
      if (FromOwnChunks(carve)) return absl::OkStatus();
      continue;
    }
    Own(got->chunk);
    Drain(got->chunk);
    if (carve(got->chunk)) {
      roomy_ = got->chunk->index;
      return absl::OkStatus();
    }
    // A chunk that another thread left behind may have no room. A fresh chunk has all
    // the room there can be.
    if (got->is_fresh) {
      const std::uint64_t limit = got->chunk->lease().usable_bytes;
      NoteEmpty(got->chunk);
      return errors::SizeOverLimit(Bytes(std::uint64_t{granules} * kGranule), Bytes(limit),
                                   "what a lease has in a unit");
    }
  }
}

// --- Freeing -----------------------------------------------------------------

absl::Status ThreadHeap::FreeOther(HotChunk* chunk, std::uint32_t granule, std::uint8_t byte) {
  if (byte != abi::kLeaseLarge) return Whole(chunk)->Refusal(chunk->PointerTo(granule));
  Release(Whole(chunk), granule);
  return absl::OkStatus();
}

absl::Status ThreadHeap::FreeIntoFull(HotChunk* chunk, std::uint32_t granule) {
  const std::uint8_t byte = chunk->StateAt(granule).load(std::memory_order_relaxed);
  FlushHalf(magazines_[byte - 1]);
  return FreeIn(chunk, granule);
}

absl::Status ThreadHeap::FreeElsewhere(Pointer pointer) {
  Chunk* const chunk = table_.Find(pointer);
  // Only this thread makes itself an owner, so the answer is not stale.
  if (chunk == nullptr || chunk->owner.load(std::memory_order_relaxed) != this) {
    return FreeOfAnother(pointer);
  }
  const std::uint64_t granule = chunk->GranuleOf(pointer);
  if (granule >= chunk->granules()) return chunk->Refusal(pointer);
  latest_ = chunk;
  return FreeIn(chunk, static_cast<std::uint32_t>(granule));
}

absl::Status ThreadHeap::FreeOfAnother(Pointer pointer) {
  for (;;) {
    Chunk* const chunk = table_.Find(pointer);
    if (chunk == nullptr) return core_.Unknown(pointer);
    // The thread that gives the chunk back takes it from the table first, then looks at
    // the guards. So either it sees this guard, or this thread sees the table without the
    // chunk.
    guard.store(chunk, std::memory_order_seq_cst);
    if (table_.Find(pointer) == chunk) {
      absl::Status status = chunk->FreeRemotely(pointer);
      guard.store(nullptr, std::memory_order_release);
      return status;
    }
    guard.store(nullptr, std::memory_order_release);
  }
}

void ThreadHeap::DrainAll() {
  // The loop is by index because draining may give an empty chunk back, and change the
  // list.
  for (std::size_t i = 0; i < chunks_.size(); ++i) {
    if (chunks_[i]->HasRemote()) Drain(chunks_[i]);
  }
}

void ThreadHeap::Drain(Chunk* chunk) {
  chunk->DrainRemote([this, chunk](std::uint32_t granule) {
    const std::atomic_ref<std::uint8_t> state = chunk->StateAt(granule);
    const auto code =
        static_cast<std::uint8_t>(state.load(std::memory_order_relaxed) - abi::kLeaseRemote);
    if (code == 0 || code > abi::kLeaseLarge) {
      anomalies_.fetch_add(1, std::memory_order_relaxed);
      return;
    }
    if (code != abi::kLeaseLarge) {
      Magazine& magazine = magazines_[code - 1];
      if (!magazine.IsFull()) {
        state.store(static_cast<std::uint8_t>(code + abi::kLeaseCached), std::memory_order_release);
        magazine.Push(chunk, granule);
        return;
      }
    }
    Release(chunk, granule);
  });
}

void ThreadHeap::FlushHalf(Magazine& magazine) { Flush(magazine, magazine.Count() / 2); }

void ThreadHeap::Flush(Magazine& magazine, std::uint32_t slots) {
  assert(slots <= magazine.Count());
  Slot* const kept = magazine.begin + slots;
  for (const Slot* slot = magazine.begin; slot != kept; ++slot) {
    Release(Whole(slot->chunk), slot->granule);
  }
  // The younger areas are hot in the caches, so they stay.
  magazine.top = std::copy(kept, magazine.top, magazine.begin);
}

void ThreadHeap::FlushAll() {
  for (Magazine& magazine : magazines_) {
    Flush(magazine, magazine.Count());
    magazine.batch = 1;
  }
}

// --- Chunks ------------------------------------------------------------------

void ThreadHeap::Own(Chunk* chunk) {
  assert(chunk->owner.load(std::memory_order_relaxed) == nullptr);
  chunk->index = chunks_.size();
  chunks_.push_back(chunk);
  chunk->owner.store(this, std::memory_order_relaxed);
}

void ThreadHeap::Disown(Chunk* chunk) {
  assert(chunk->index < chunks_.size() && chunks_[chunk->index] == chunk);
  chunks_.back()->index = chunk->index;
  std::swap(chunks_[chunk->index], chunks_.back());
  chunks_.pop_back();
  chunk->owner.store(nullptr, std::memory_order_relaxed);
  if (latest_ == chunk) latest_ = &no_chunk_;
  if (spare_ == chunk) spare_ = nullptr;
}

void ThreadHeap::Release(Chunk* chunk, std::uint32_t granule) {
  if (!chunk->Release(granule)) {
    anomalies_.fetch_add(1, std::memory_order_relaxed);
    return;
  }
  if (chunk->IsEmpty() && !chunk->is_kept()) NoteEmpty(chunk);
}

void ThreadHeap::NoteEmpty(Chunk* chunk) {
  assert(chunk->owner.load(std::memory_order_relaxed) == this && chunk->IsEmpty());
  if (spare_ == chunk) return;
  if (spare_ == nullptr || !spare_->IsEmpty()) {
    spare_ = chunk;
    return;
  }
  Disown(chunk);
  core_.Park(chunk);
}

std::vector<Chunk*> ThreadHeap::GiveUpAll() {
  // Draining may fill magazines, so it comes first.
  DrainAll();
  FlushAll();
  std::vector<Chunk*> chunks = std::exchange(chunks_, {});
  for (Chunk* chunk : chunks) chunk->owner.store(nullptr, std::memory_order_relaxed);
  latest_ = &no_chunk_;
  spare_ = nullptr;
  roomy_ = 0;
  return chunks;
}

}  // namespace percpu::lease

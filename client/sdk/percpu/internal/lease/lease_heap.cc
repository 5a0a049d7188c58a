// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "percpu/lease_heap.h"

#include <pthread.h>

#include <algorithm>
#include <atomic>
#include <cassert>
#include <utility>

#include "absl/strings/str_cat.h"
#include "percpu/internal/fork.h"
#include "percpu/internal/lease/heap_core.h"
#include "server/base/errors.h"
#include "server/base/status_macros.h"

namespace percpu {
namespace lease {

constinit thread_local Latest latest{0, nullptr};

}  // namespace lease

namespace {

using lease::Chunk;
using lease::HeapCore;
using lease::HotHeap;
using lease::latest;
using lease::ThreadHeap;
using percpud::LeaseMap;

// This thread's shares of all heaps. It gives them up when the thread ends.
class Shares {
 public:
  struct Share {
    std::uint64_t heap_id;
    ThreadHeap* heap;
    std::shared_ptr<HeapCore> core;
  };

  ~Shares() {
    latest = {0, nullptr};
    has_ended_ = true;
    for (const Share& share : shares_) {
      // In a child of a fork, the parent's heap may be in any state.
      if (share.core->generation() == ForkGeneration()) share.core->Leave(share.heap);
    }
  }

  // Returns the share of that heap, which is made if there is none.
  ThreadHeap* Of(std::uint64_t heap_id, const std::shared_ptr<HeapCore>& core) {
    for (const Share& share : shares_) {
      if (share.heap_id == heap_id) return share.heap;
    }
    std::erase_if(shares_, [](const Share& share) {
      return share.core->generation() == ForkGeneration() && share.core->IsClosed();
    });
    return shares_.emplace_back(Share{heap_id, core->Join(), core}).heap;
  }

  // Returns whether the shares are gone. Destructors of other thread-local objects may
  // still call.
  static bool HasEnded() { return has_ended_; }

 private:
  std::vector<Share> shares_;
  static constinit thread_local bool has_ended_;
};
constinit thread_local bool Shares::has_ended_ = false;
thread_local Shares shares;

std::uint64_t NextId() {
  static constinit std::atomic<std::uint64_t> next{1};
  // A child of a fork must not find its parent's share under its thread.
  [[maybe_unused]] static const int registered = ::pthread_atfork(nullptr, nullptr, [] {
    latest = {0, nullptr};
  });
  return next.fetch_add(1, std::memory_order_relaxed);
}

void ZeroAll(const LeasedChunk& lease) {
  for (const std::uint64_t offset : lease.unit_offsets) {
    std::fill_n(lease.unit0 + offset, lease.usable_bytes, std::byte{0});
  }
}

// Puts the map of a kept lease in order, and returns what it found.
Adoption Recover(const LeasedChunk& lease) {
  const auto size = percpud::ToGranules(percpud::Bytes(lease.usable_bytes));
  assert(lease.map.size() >= LeaseMap::StorageBytes(size));
  Adoption adoption;
  // Other processes can write the shared map, also between a check and a use.
  std::vector<std::byte> copy(
      lease.map.begin(),
      lease.map.begin() + static_cast<std::ptrdiff_t>(LeaseMap::StorageBytes(size)));
  absl::StatusOr<LeaseMap> map = LeaseMap::Attach(copy, size);
  if (!map.ok()) {
    adoption.reason = map.status();
    ZeroAll(lease);
    LeaseMap::Format(lease.map, size);
    return adoption;
  }
  map->Recover();
  map->header().phase = percpud::abi::v1::kLeaseInUse;
  ++map->header().holders;
  map->ForEachLive([&](percpud::AreaSpan area) {
    const Pointer pointer = lease.base + percpud::ToBytes(percpud::Granules(area.offset)).value();
    adoption.live.push_back({pointer, percpud::ToBytes(area.size).value()});
    if (Value(pointer) == map->header().root) adoption.root = pointer;
  });
  map->header().root = Value(adoption.root);
  // Each byte is as it was, or says free. So the map is sound even if this process is
  // killed half-way.
  std::copy(copy.begin(), copy.end(), lease.map.begin());
  adoption.is_warm = true;
  return adoption;
}

// Keeps the heap untouched for good. It stays reachable, so that leak checkers do not
// mind.
void Abandon(std::shared_ptr<HeapCore> core) {
  static auto* const abandoned = new std::vector<std::shared_ptr<HeapCore>>;
  abandoned->push_back(std::move(core));
}

}  // namespace

LeaseHeap::LeaseHeap(ChunkSource& source, HeapOptions options)
    : source_(source),
      id_(NextId()),
      core_(std::make_shared<HeapCore>(source, std::move(options))) {
  source_.Join(*this);
}

LeaseHeap::~LeaseHeap() {
  if (core_->generation() == ForkGeneration()) {
    source_.Leave(*this);
    core_->Close();
    return;
  }
  // This is a child of a fork: threads of the parent may have been at work on the heap.
  Abandon(std::move(core_));
}

absl::Status LeaseHeap::TopUp() { return core_->TopUp(); }

HeapCounts LeaseHeap::GetCounts() const { return core_->GetCounts(); }

void LeaseHeap::Revoke(const absl::Status& why) {
  assert(!why.ok());
  core_->Revoke(why);
  id_.store(NextId(), std::memory_order_relaxed);
}

template <typename Result, typename Op>
Result LeaseHeap::Enter(Op op) {
  if (core_->generation() != ForkGeneration()) {
    return absl::FailedPreconditionError(
        "lease: this heap is the parent's of a fork(); a child makes its own");
  }
  RETURN_IF_ERROR(core_->revoked());
  if (Shares::HasEnded()) {
    ThreadHeap* heap = core_->Join();
    Result result = op(*heap);
    core_->Leave(heap);
    return result;
  }
  const std::uint64_t id = id_.load(std::memory_order_relaxed);
  ThreadHeap* const heap = shares.Of(id, core_);
  latest = {id, heap};
  return op(*heap);
}

absl::StatusOr<Pointer> LeaseHeap::AllocateEntering(std::uint64_t size_bytes,
                                                    std::uint32_t alignment, bool zeroed) {
  return Enter<absl::StatusOr<Pointer>>(
      [&](ThreadHeap& heap) { return heap.Allocate(size_bytes, alignment, zeroed); });
}

absl::Status LeaseHeap::FreeEntering(Pointer pointer) {
  return Enter<absl::Status>([&](ThreadHeap& heap) { return heap.Free(pointer); });
}

absl::StatusOr<Adoption> LeaseHeap::Adopt(const LeasedChunk& kept) {
  RETURN_IF_ERROR(Chunk::Check(kept));
  return Enter<absl::StatusOr<Adoption>>([&](ThreadHeap& heap) -> absl::StatusOr<Adoption> {
    if (core_->table().Find(kept.base) != nullptr) {
      return absl::AlreadyExistsError(
          absl::StrCat("lease of chunk ", Value(kept.id), ": this heap has it already"));
    }
    Adoption adoption = Recover(kept);
    heap.Own(core_->OpenKept(kept));
    return adoption;
  });
}

absl::Status LeaseHeap::SetRoot(Pointer pointer) {
  return Enter<absl::Status>([&](ThreadHeap& /*heap*/) -> absl::Status {
    Chunk* chunk = core_->table().Find(pointer);
    if (chunk == nullptr) return core_->Unknown(pointer);
    if (!chunk->is_kept()) {
      return absl::FailedPreconditionError(
          absl::StrCat("pointer: ", percpud::Format(percpud::PercpuPtr(Value(pointer))),
                       " lies in a chunk that is not kept"));
    }
    if (!chunk->IsLive(pointer)) return chunk->Refusal(pointer);
    std::atomic_ref<std::uint64_t>(chunk->map().header().root)
        .store(Value(pointer), std::memory_order_release);
    return absl::OkStatus();
  });
}

}  // namespace percpu

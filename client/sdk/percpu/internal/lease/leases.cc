// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "percpu/internal/lease/leases.h"

#include <algorithm>
#include <cassert>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "percpu/lease_heap.h"
#include "server/base/status_macros.h"

namespace percpu {
namespace {

// After a failure the next attempt is made this much later. So the end of a heap waits
// once for a daemon that does not answer, and not once per chunk.
constexpr absl::Duration kPauseAfterFailure = absl::Seconds(10);

}  // namespace

DaemonChunks::DaemonChunks(std::shared_ptr<Connection> connection, const ArenaMap& map,
                           std::function<bool()> is_connected)
    : connection_(std::move(connection)), map_(map), is_connected_(std::move(is_connected)) {}

absl::StatusOr<LeasedChunk> DaemonChunks::Lease(std::string_view name) {
  ReturnOwed();
  ASSIGN_OR_RETURN(const ChunkGrant lease, connection_->LeaseChunk(name));
  const std::uint64_t arena = map_.arena_bytes();
  const std::uint64_t base = Value(lease.base);
  const bool map_fits = lease.map_offset < arena && lease.map_bytes <= arena - lease.map_offset;
  if (!map_fits || lease.unit_bytes == 0 || lease.unit_bytes > map_.unit_bytes() ||
      !map_.Holds(base, lease.unit_bytes, /*alignment=*/1)) {
    return absl::DataLossError(
        absl::StrCat("the daemon leases chunk ", Value(lease.id), ", which leaves the arena"));
  }
  const Mapping& mapping = map_.mapping();
  return LeasedChunk{.id = lease.id,
                     .base = lease.base,
                     .usable_bytes = lease.unit_bytes,
                     .unit0 = mapping.base + base,
                     .unit_offsets = map_.backed_offsets(),
                     .map = {mapping.base + lease.map_offset, lease.map_bytes}};
}

void DaemonChunks::Return(const LeasedChunk& chunk) {
  {
    MutexLock lock(&mu_);
    if (!revoked_.ok()) return;
    owed_.push_back(chunk.id);
  }
  ReturnOwed();
}

void DaemonChunks::ReturnOwed() {
  while (is_connected_()) {
    ChunkId chunk{};
    {
      MutexLock lock(&mu_);
      if (owed_.empty() || !pause_.has_passed()) return;
      chunk = owed_.back();
      owed_.pop_back();
    }
    // There is one attempt. If its answer was lost, the chunk may have been returned and
    // be leased anew. If it was not returned, the session's end returns it.
    if (connection_->ReturnLease(chunk).ok()) continue;
    MutexLock lock(&mu_);
    pause_ = Deadline::After(kPauseAfterFailure);
  }
}

void DaemonChunks::Join(LeaseHeap& heap) {
  MutexLock lock(&mu_);
  assert(std::find(heaps_.begin(), heaps_.end(), &heap) == heaps_.end());
  heaps_.push_back(&heap);
  if (!revoked_.ok()) heap.Revoke(revoked_);
}

void DaemonChunks::Leave(LeaseHeap& heap) {
  MutexLock lock(&mu_);
  heaps_.erase(std::remove(heaps_.begin(), heaps_.end(), &heap), heaps_.end());
}

void DaemonChunks::Revoke(const absl::Status& why) {
  assert(!why.ok());
  // In a child the heaps are its parent's. They refuse its calls anyway.
  if (generation_ != ForkGeneration()) return;
  MutexLock lock(&mu_);
  revoked_ = why;
  owed_.clear();
  for (LeaseHeap* heap : heaps_) heap->Revoke(why);
}

}  // namespace percpu

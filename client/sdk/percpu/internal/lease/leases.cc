// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "percpu/internal/lease/leases.h"

#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace percpu {

absl::StatusOr<LeasedChunk> DaemonChunks::Lease(const std::string& name) {
  v1::LeaseChunkRequest request;
  request.set_name(name);
  const absl::StatusOr<v1::LeaseChunkResponse> lease = connection_->LeaseChunk(request);
  if (!lease.ok()) return lease.status();
  const std::uint64_t arena = map_.arena_bytes();
  const bool map_fits =
      lease->map_offset() < arena && lease->map_size_bytes() <= arena - lease->map_offset();
  if (!map_fits || lease->unit_size_bytes() > map_.unit_bytes() ||
      !map_.Holds(lease->pointer(), 1) ||
      !map_.Holds(lease->pointer() + lease->unit_size_bytes() - 1, 1)) {
    return absl::DataLossError(
        absl::StrCat("the daemon leases chunk ", lease->chunk_id(), ", which leaves the arena"));
  }
  const Mapping& mapping = map_.mapping();
  return LeasedChunk{.id = lease->chunk_id(),
                     .base = Pointer{lease->pointer()},
                     .usable_bytes = lease->unit_size_bytes(),
                     .unit0 = mapping.base + lease->pointer(),
                     .unit_offsets = map_.backed_offsets(),
                     .map = {mapping.base + lease->map_offset(), lease->map_size_bytes()}};
}

void DaemonChunks::Return(const LeasedChunk& chunk) {
  v1::ReturnLeaseRequest request;
  request.set_chunk_id(chunk.id);
  // Whatever the answer, it is not ours any more: the session's end sees to it.
  connection_->ReturnLease(request).IgnoreError();
}

}  // namespace percpu

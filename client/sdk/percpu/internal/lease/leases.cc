// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "percpu/internal/lease/leases.h"

#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "server/base/status_macros.h"

namespace percpu {

absl::StatusOr<LeasedChunk> DaemonChunks::Lease(std::string_view name) {
  ASSIGN_OR_RETURN(const ChunkGrant lease, connection_->LeaseChunk(name));
  const std::uint64_t arena = map_.arena_bytes();
  const std::uint64_t base = Value(lease.base);
  const bool map_fits = lease.map_offset < arena && lease.map_bytes <= arena - lease.map_offset;
  if (!map_fits || lease.unit_bytes == 0 || lease.unit_bytes > map_.unit_bytes() ||
      !map_.Holds(base, 1) || !map_.Holds(base + lease.unit_bytes - 1, 1)) {
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
  // Whatever the answer, the chunk is not ours any more: the session's end sees to it.
  connection_->ReturnLease(chunk.id).IgnoreError();
}

}  // namespace percpu

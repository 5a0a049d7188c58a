// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_CLIENT_SDK_PERCPU_INTERNAL_LEASE_LEASES_H_
#define PERCPUD_CLIENT_SDK_PERCPU_INTERNAL_LEASE_LEASES_H_

#include <memory>
#include <string_view>

#include "absl/status/statusor.h"
#include "percpu/chunk_source.h"
#include "percpu/connection.h"
#include "percpu/internal/door/arena_map.h"

namespace percpu {

// Leases of the daemon, as chunks of this process's mapping.
class DaemonChunks final : public ChunkSource {
 public:
  // `map` outlives the source and is writable.
  DaemonChunks(std::shared_ptr<Connection> connection, const ArenaMap& map)
      : connection_(std::move(connection)), map_(map) {}

  absl::StatusOr<LeasedChunk> Acquire() override { return Lease({}); }
  void Return(const LeasedChunk& chunk) override;
  // The kept lease of that name, as its last holder left it.
  absl::StatusOr<LeasedChunk> Lease(std::string_view name);

 private:
  const std::shared_ptr<Connection> connection_;
  const ArenaMap& map_;
};

}  // namespace percpu

#endif  // PERCPUD_CLIENT_SDK_PERCPU_INTERNAL_LEASE_LEASES_H_

// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_CLIENT_SDK_PERCPU_INTERNAL_LEASE_LEASES_H_
#define PERCPUD_CLIENT_SDK_PERCPU_INTERNAL_LEASE_LEASES_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "percpu/chunk_source.h"
#include "percpu/connection.h"
#include "percpu/internal/deadline.h"
#include "percpu/internal/door/arena_map.h"
#include "percpu/internal/fork.h"
#include "percpu/internal/mutex.h"

namespace percpu {

// The session's leases, as chunks of this process's mapping. It outlives its heaps.
// Thread safe.
class DaemonChunks final : public ChunkSource {
 public:
  // `map` outlives the source. `is_connected` says whether a daemon answers at present.
  DaemonChunks(std::shared_ptr<Connection> connection, const ArenaMap& map,
               std::function<bool()> is_connected);

  absl::StatusOr<LeasedChunk> Acquire() override { return Lease({}); }
  // Remembers the chunk while the daemon is away, and returns it with a later call.
  void Return(const LeasedChunk& chunk) override;
  void Join(LeaseHeap& heap) override;
  void Leave(LeaseHeap& heap) override;

  // Leases the kept chunk of that name, as its last holder left it; without a name,
  // any chunk.
  absl::StatusOr<LeasedChunk> Lease(std::string_view name);
  // The source for heaps that live in kept leases alone.
  [[nodiscard]] ChunkSource& kept_only() { return kept_only_; }
  // Revokes every heap: the session is lost, and all leases with it.
  // REQUIRES: `why` is not OK.
  void Revoke(const absl::Status& why);

 private:
  class KeptOnly final : public NoMoreChunks {
   public:
    explicit KeptOnly(DaemonChunks& chunks) : chunks_(chunks) {}
    void Join(LeaseHeap& heap) override { chunks_.Join(heap); }
    void Leave(LeaseHeap& heap) override { chunks_.Leave(heap); }

   private:
    DaemonChunks& chunks_;
  };

  // Returns the chunks that could not be returned in time.
  void ReturnOwed();

  const std::shared_ptr<Connection> connection_;
  const ArenaMap& map_;
  const std::function<bool()> is_connected_;
  const std::uint64_t generation_ = ForkGeneration();
  KeptOnly kept_only_{*this};

  Mutex mu_;
  std::vector<LeaseHeap*> heaps_ ABSL_GUARDED_BY(mu_);
  // Chunks that no call has returned yet.
  std::vector<ChunkId> owed_ ABSL_GUARDED_BY(mu_);
  Deadline pause_ ABSL_GUARDED_BY(mu_) = Deadline::After(absl::ZeroDuration());
  absl::Status revoked_ ABSL_GUARDED_BY(mu_);
};

}  // namespace percpu

#endif  // PERCPUD_CLIENT_SDK_PERCPU_INTERNAL_LEASE_LEASES_H_

// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_SERVER_SERVICE_STREAM_GATE_H_
#define PERCPUD_SERVER_SERVICE_STREAM_GATE_H_

#include <cstdint>
#include <memory>
#include <utility>

#include "absl/status/statusor.h"
#include "server/base/clock.h"
#include "server/base/ranked_mutex.h"
#include "server/service/peers.h"

namespace percpud {

// Counts the open streams of Watch, health and reflection, in all and of each peer, and
// says when they have to end because the daemon drains. Thread safe.
class StreamGate {
 public:
  // A place among the open streams, given up with the object.
  class Place {
   public:
    Place() = default;
    Place(Place&& other) noexcept
        : gate_(std::exchange(other.gate_, nullptr)), of_peer_(std::move(other.of_peer_)) {}
    Place& operator=(Place&& other) noexcept {
      std::swap(gate_, other.gate_);
      std::swap(of_peer_, other.of_peer_);
      return *this;
    }
    ~Place();

   private:
    friend class StreamGate;
    Place(StreamGate* gate, PeerAccount::Place of_peer)
        : gate_(gate), of_peer_(std::move(of_peer)) {}

    StreamGate* gate_ = nullptr;
    PeerAccount::Place of_peer_;
  };

  // `limit` streams in all; one peer may have a part of them.
  explicit StreamGate(std::uint32_t limit);

  // Errors: TooManyWatchers; TooManyStreams, of the peer's. The gate outlives the place.
  absl::StatusOr<Place> Open(const std::shared_ptr<PeerAccount>& account);

  // Makes streams end from now on.
  void Drain();
  [[nodiscard]] bool draining() const;
  // Returns when no stream is open, or at `deadline`.
  void AwaitEmpty(BootTime deadline);

 private:
  [[nodiscard]] bool IsEmpty() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) { return open_ == 0; }

  const std::uint32_t limit_;
  const std::uint32_t limit_per_peer_;
  mutable RankedMutex mu_{LockRank::kLeaf};
  bool draining_ ABSL_GUARDED_BY(mu_) = false;
  std::uint32_t open_ ABSL_GUARDED_BY(mu_) = 0;
};

}  // namespace percpud

#endif  // PERCPUD_SERVER_SERVICE_STREAM_GATE_H_

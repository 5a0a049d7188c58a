// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_SERVER_SERVICE_STREAM_GATE_H_
#define PERCPUD_SERVER_SERVICE_STREAM_GATE_H_

#include <grpcpp/server_context.h>

#include <cstdint>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "server/base/ranked_mutex.h"

namespace percpud {

// Counts the open streams of the synchronous services, each of which keeps a
// thread for as long as its caller likes, and ends them all when the daemon
// drains. Thread safe.
class StreamGate {
 public:
  // A place among the open streams, given up with the object.
  class Stream {
   public:
    Stream(Stream&& other) noexcept : gate_(std::exchange(other.gate_, nullptr)) {}
    Stream& operator=(Stream&&) = delete;
    ~Stream();

    // True after `interval`; false as soon as the stream has to end, because
    // its caller has gone or the daemon drains.
    bool Wait(const grpc::ServerContext& context, absl::Duration interval);

   private:
    friend class StreamGate;
    explicit Stream(StreamGate* gate) : gate_(gate) {}

    StreamGate* gate_;
  };

  explicit StreamGate(std::uint32_t limit) : limit_(limit) {}

  // Errors: TooManyWatchers. The gate outlives the stream.
  absl::StatusOr<Stream> Open();

  // Ends all streams, now and from now on. Returns when they have ended, or at
  // `deadline`.
  void Drain(absl::Time deadline);
  [[nodiscard]] bool draining() const;

 private:
  const std::uint32_t limit_;

  [[nodiscard]] bool IsEmpty() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) { return open_ == 0; }

  mutable RankedMutex mu_{LockRank::kLeaf};
  bool draining_ ABSL_GUARDED_BY(mu_) = false;
  std::uint32_t open_ ABSL_GUARDED_BY(mu_) = 0;
};

}  // namespace percpud

#endif  // PERCPUD_SERVER_SERVICE_STREAM_GATE_H_

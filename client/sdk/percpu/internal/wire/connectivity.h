// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// gRPC ends its own waits by timers, and the timers wait until an hour of the calendar. If
// somebody sets the clock back, they stand still until that hour has come again: a channel
// that pauses after a failure never tries again, and no deadline is kept. So nothing here
// depends on them.

#ifndef PERCPUD_CLIENT_SDK_PERCPU_INTERNAL_WIRE_CONNECTIVITY_H_
#define PERCPUD_CLIENT_SDK_PERCPU_INTERNAL_WIRE_CONNECTIVITY_H_

#include <grpc/impl/codegen/connectivity_state.h>
#include <grpcpp/channel.h>
#include <grpcpp/completion_queue.h>

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/time/time.h"
#include "percpu/internal/deadline.h"
#include "percpu/internal/mutex.h"

namespace percpu::wire {

// How a wait for an event of a queue ended.
enum class Waited : std::uint8_t {
  kCame,
  // It has not come by the deadline.
  kLate,
  // The process has no descriptor to wait with just now.
  kCouldNot,
};

// Whether one channel is connected. It shares the channel.
// Thread safe, in the process that made it. A child of a fork must not touch it.
class Connectivity {
 public:
  // `longest_pause`: how long the channel is to wait, at most, before it tries to connect
  // again.
  Connectivity(std::shared_ptr<grpc::Channel> channel, absl::Duration longest_pause);
  // REQUIRES: nobody waits.
  ~Connectivity();
  Connectivity(const Connectivity&) = delete;
  Connectivity& operator=(const Connectivity&) = delete;

  // Connects, and waits until the channel is ready. Errors: UNAVAILABLE if it is not ready
  // in time; RESOURCE_EXHAUSTED if the process ran out of descriptors meanwhile.
  absl::Status Await(const Deadline& deadline) ABSL_LOCKS_EXCLUDED(mu_);
  // Waits for the next event of a queue, and hastens the channel meanwhile: what waits for
  // the channel would wait in vain otherwise.
  Waited AwaitEvent(grpc::CompletionQueue& queue, void*& tag, bool& ok, const Deadline& deadline)
      ABSL_LOCKS_EXCLUDED(mu_);
  // Has the channel try again if its pause should have ended long ago.
  void Hasten() ABSL_LOCKS_EXCLUDED(mu_);

 private:
  using Queue = std::unique_ptr<grpc::CompletionQueue>;

  // Waits until the channel is in another state than `state`, or the deadline has passed.
  // Errors: RESOURCE_EXHAUSTED.
  absl::Status AwaitChange(grpc_connectivity_state state, const Deadline& deadline);
  // Keeps a queue whose event has not come. A queue must not be destroyed before.
  void Abandon(Queue queue) ABSL_LOCKS_EXCLUDED(mu_);
  // Destroys some of the abandoned queues whose event has come.
  void Sweep() ABSL_LOCKS_EXCLUDED(mu_);

  const std::shared_ptr<grpc::Channel> channel_;
  const absl::Duration longest_pause_;

  Mutex mu_;
  // When a pause that was seen is over. Nothing while the channel does not pause.
  std::optional<Deadline> pause_ends_ ABSL_GUARDED_BY(mu_);
  std::deque<Queue> abandoned_ ABSL_GUARDED_BY(mu_);
};

}  // namespace percpu::wire

#endif  // PERCPUD_CLIENT_SDK_PERCPU_INTERNAL_WIRE_CONNECTIVITY_H_

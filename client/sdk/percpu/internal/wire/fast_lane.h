// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_CLIENT_SDK_PERCPU_INTERNAL_WIRE_FAST_LANE_H_
#define PERCPUD_CLIENT_SDK_PERCPU_INTERNAL_WIRE_FAST_LANE_H_

#include <grpcpp/client_context.h>
#include <grpcpp/completion_queue.h>
#include <grpcpp/support/async_stream.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "percpu/internal/deadline.h"
#include "percpu/internal/mutex.h"
#include "percpu/internal/wire/connectivity.h"
#include "percpud/v1/session.grpc.pb.h"

namespace percpu {

// One Attach stream, shared by all threads that call. It has no thread of its own: to
// wake one would cost more than the call. One of the waiting callers polls for all, and
// hands the task on when its own answer has come.
// Thread safe, in the process that made it. A child of a fork must not touch it.
class FastLane {
 public:
  using Request = percpud::v1::AttachRequest;
  using Response = percpud::v1::AttachResponse;

  // `stub` and `connectivity`, of one channel, outlive the lane. A stream that finds no
  // daemon waits for one, so a request waits with it until its deadline.
  FastLane(percpud::v1::SessionService::Stub& stub, wire::Connectivity& connectivity,
           const std::string& token);
  // REQUIRES: no call is under way.
  ~FastLane();
  FastLane(const FastLane&) = delete;
  FastLane& operator=(const FastLane&) = delete;

  // Sends the request, with an id of the lane's, and waits for its answer. A refusal by
  // the daemon is an answer. Errors: UNAVAILABLE if the stream is broken or breaks,
  // DEADLINE_EXCEEDED. After either the request may have been served, or not.
  absl::StatusOr<Response> Call(Request request, const Deadline& deadline);
  // Returns true once the stream takes no more calls.
  [[nodiscard]] bool broken() const;

 private:
  enum class Event : std::uint8_t { kStarted, kWritten, kRead, kFinished };
  struct Waiter {
    // Its answer has come, or it is its turn to poll.
    CondVar news;
    bool done = false;
    Response response;
  };

  // The queue's tag for an event is the event's address in this array.
  static constexpr std::array<Event, 4> kEvents{Event::kStarted, Event::kWritten, Event::kRead,
                                                Event::kFinished};
  static void* Tag(Event event) {
    return const_cast<Event*>(&kEvents[static_cast<std::size_t>(event)]);
  }
  // Waits for one event, without the lock, and acts on it.
  void Poll(const Deadline& deadline) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void On(Event event, bool ok) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void Write() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // Reads while an answer is awaited, and no further. A read asks for more of the
  // flow-control window, which costs a packet of its own (and wakes the daemon) unless a
  // request goes out before it.
  void Read() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void Break() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  [[nodiscard]] absl::Status Failure() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  wire::Connectivity& connectivity_;
  grpc::ClientContext context_;
  grpc::CompletionQueue queue_;
  std::unique_ptr<grpc::ClientAsyncReaderWriter<Request, Response>> stream_;

  mutable Mutex mu_;
  bool started_ ABSL_GUARDED_BY(mu_) = false;
  bool writing_ ABSL_GUARDED_BY(mu_) = false;
  bool reading_ ABSL_GUARDED_BY(mu_) = false;
  bool polling_ ABSL_GUARDED_BY(mu_) = false;
  bool broken_ ABSL_GUARDED_BY(mu_) = false;
  bool finished_ ABSL_GUARDED_BY(mu_) = false;
  grpc::Status status_ ABSL_GUARDED_BY(mu_);
  std::uint64_t last_id_ ABSL_GUARDED_BY(mu_) = 0;
  std::deque<Request> outbox_ ABSL_GUARDED_BY(mu_);
  absl::flat_hash_map<std::uint64_t, Waiter*> waiters_ ABSL_GUARDED_BY(mu_);
  // The waiters that are not done.
  std::size_t awaited_ ABSL_GUARDED_BY(mu_) = 0;
  // The one read under way writes here, without the lock.
  Response incoming_;
};

}  // namespace percpu

#endif  // PERCPUD_CLIENT_SDK_PERCPU_INTERNAL_WIRE_FAST_LANE_H_

// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_CLIENT_SDK_PERCPU_INTERNAL_DOOR_LANE_CLIENT_H_
#define PERCPUD_CLIENT_SDK_PERCPU_INTERNAL_DOOR_LANE_CLIENT_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "percpu/internal/deadline.h"
#include "percpu/internal/mutex.h"
#include "proto/percpud/abi/v1/lane_answers.h"
#include "proto/percpud/abi/v1/lane_requests.h"
#include "server/base/unique_fd.h"

namespace percpu {

class LaneClient;

// One attempt at a call over a lane. A plain value.
struct LaneAttempt {
  LaneClient& lane;
  Deadline deadline;
  // Set by the attempt: the request has left this process.
  bool was_sent = false;
};

// The side door's lane (proto/percpud/abi/v1/lane.h), shared by all threads that call.
// It has no thread of its own: to wake one would cost more than the call. One of the
// waiting callers reads for all, and hands the task on when its own answer has come.
//
// Ownership: shares the session's connection with the membership that made it.
// Thread safety: all methods from any thread of the process that made it. A child of a
// fork must not touch it.
class LaneClient {
 public:
  struct Answer {
    // google.rpc.Code.
    std::uint16_t code = 0;
    // The kind's body, or LaneError with its texts. It is well-formed.
    std::vector<std::byte> body;
  };
  // Writes one request with that id. Returns false if the message has no room for it.
  using Ask =
      absl::FunctionRef<bool(percpud::abi::v1::LaneRequestWriter& message, std::uint64_t id)>;

  // `door` is a connection whose Welcome was of kHandoffLaneVersion. Nobody else reads
  // from it.
  explicit LaneClient(std::shared_ptr<const percpud::UniqueFd> door);
  // REQUIRES: no call is under way.
  ~LaneClient() = default;
  LaneClient(const LaneClient&) = delete;
  LaneClient& operator=(const LaneClient&) = delete;

  // Sends what `ask` writes and waits for the answer. A refusal by the daemon is an
  // answer. Errors: OUT_OF_RANGE if the request is too long for the lane; UNAVAILABLE if
  // the connection is broken or breaks; DEADLINE_EXCEEDED. A request that was sent
  // (attempt.was_sent) may have been served all the same.
  // REQUIRES: `attempt` is over this lane, and was not made yet.
  absl::StatusOr<Answer> Call(Ask ask, LaneAttempt& attempt);
  // Returns true once the connection takes no more requests. It is then shut down, so
  // that its other users notice.
  [[nodiscard]] bool is_broken() const { return broken_.load(std::memory_order_relaxed); }

 private:
  // One caller that waits, on its stack.
  struct Waiter {
    // Its answer has come, the connection broke, or it is its turn to read.
    CondVar news;
    bool done = false;
    Answer answer;
  };
  // A request that was sent and not answered yet.
  struct Sent {
    std::uint64_t id = 0;
    percpud::abi::v1::LaneKind kind{};
    // Null once its caller waits no more.
    Waiter* waiter = nullptr;
  };

  // Sends the message and puts the waiter in line. Waits for room in the socket.
  absl::Status Send(percpud::abi::v1::LaneBytes message, Waiter& waiter, const Deadline& deadline)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // Waits for a message and hands out its answers. Gives up the lock meanwhile.
  void Read(const Deadline& deadline) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // Returns false if the message does not answer the requests in line.
  bool HandOut(percpud::abi::v1::LaneBytes message) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void Break() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void Leave(const Waiter& waiter) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // Wakes another waiter to read, if nobody reads.
  void HandOnReading() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  const std::shared_ptr<const percpud::UniqueFd> door_;
  std::atomic<std::uint64_t> last_id_ = 0;

  Mutex mu_;
  // Set under the lock. Read without it, too: every call asks.
  std::atomic<bool> broken_ = false;
  bool reading_ ABSL_GUARDED_BY(mu_) = false;
  // Requests are answered in the order in which they were sent.
  std::deque<Sent> line_ ABSL_GUARDED_BY(mu_);
  // Used by the one that reads, without the lock.
  std::vector<std::byte> heard_;
};

}  // namespace percpu

#endif  // PERCPUD_CLIENT_SDK_PERCPU_INTERNAL_DOOR_LANE_CLIENT_H_

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
#include "absl/synchronization/mutex.h"
#include "percpu/internal/deadline.h"
#include "proto/percpud/abi/v1/lane_answers.h"
#include "proto/percpud/abi/v1/lane_requests.h"
#include "server/base/unique_fd.h"

namespace percpu {

// The side door's lane (proto/percpud/abi/v1/lane.h), shared by all threads that call.
// It has no thread of its own, whose waking would cost more than the call: of those who
// wait, one reads for all, and hands the task on when its own answer has come.
//
// Ownership: shares the session's connection with the membership that made it.
// Thread safety: all methods from any thread of the process that made it, and of no
// other.
class LaneClient {
 public:
  struct Answer {
    // google.rpc.Code.
    std::uint16_t code = 0;
    // The kind's body, or LaneError with its texts: well-formed.
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
  // answer. Errors: OUT_OF_RANGE if the request is too long for the lane, and was not
  // sent; UNAVAILABLE if the connection is or gets broken, DEADLINE_EXCEEDED: the request
  // may or may not have been served.
  absl::StatusOr<Answer> Call(Ask ask, const Deadline& deadline);

 private:
  // One caller that waits, on its stack.
  struct Waiter {
    // Its answer has come, the connection broke, or the task of reading falls to it.
    absl::CondVar news;
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

  // Sends the message and puts the waiter in line; waits for room in the socket.
  absl::Status Send(percpud::abi::v1::LaneBytes message, Waiter& waiter, const Deadline& deadline)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // Waits for a message and hands out its answers. Gives up the lock meanwhile.
  void Read(const Deadline& deadline) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // False if the message does not answer what is in line.
  bool HandOut(percpud::abi::v1::LaneBytes message) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void Break() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void Leave(const Waiter& waiter) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // Somebody else has to read now.
  void HandOnReading() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  const std::shared_ptr<const percpud::UniqueFd> door_;
  std::atomic<std::uint64_t> last_id_ = 0;

  absl::Mutex mu_;
  bool broken_ ABSL_GUARDED_BY(mu_) = false;
  bool reading_ ABSL_GUARDED_BY(mu_) = false;
  // In the order in which they were sent, and will be answered.
  std::deque<Sent> line_ ABSL_GUARDED_BY(mu_);
  // The reader's own.
  std::vector<std::byte> heard_;
};

}  // namespace percpu

#endif  // PERCPUD_CLIENT_SDK_PERCPU_INTERNAL_DOOR_LANE_CLIENT_H_

// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_SERVER_HANDOFF_LANE_CONNECTION_H_
#define PERCPUD_SERVER_HANDOFF_LANE_CONNECTION_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "proto/percpud/abi/v1/lane.h"
#include "proto/percpud/abi/v1/lane_answers.h"
#include "proto/percpud/abi/v1/lane_requests.h"
#include "server/base/unique_fd.h"
#include "server/handoff/lane_calls.h"
#include "server/session/access/caller.h"

namespace percpud {

// What a thread needs to serve any connection, once a thread: room for the message it
// reads and for the one it writes.
struct LaneDesk {
  explicit LaneDesk(const Calls& calls) : serve(calls) {}
  LaneDesk(const LaneDesk&) = delete;
  LaneDesk& operator=(const LaneDesk&) = delete;

  std::array<std::byte, abi::v1::kLaneMessageBytes> in;
  std::array<std::byte, abi::v1::kLaneMessageBytes> out;
  abi::v1::LaneAnswerWriter answers{out};
  LaneCalls serve;
  // Descriptors that peers passed, to be closed elsewhere.
  std::vector<UniqueFd> strays;
};

// One session's connection, in the lane: what it has asked and was not answered yet.
//
//   socket --> [ requests not served ] --> LaneCalls --> [ answers not sent ] --> socket
//
// Both buffers hold one message at most and are empty while the client keeps up. They are
// the memory that the connection may take. The next message is read only when both are
// empty, so that a client that does not read its answers is not read from.
//
// Used by one thread at a time.
class LaneConnection {
 public:
  LaneConnection(UniqueFd fd, const Caller& caller) : fd_(std::move(fd)), caller_(caller) {}
  LaneConnection(const LaneConnection&) = delete;
  LaneConnection& operator=(const LaneConnection&) = delete;

  // How a turn ended.
  enum class Turn : std::uint8_t {
    // Everything that was sent is answered.
    kIdle,
    // The turn is used up, and there may be more.
    kMore,
    // The next request has to sleep: ServeSleeper, on a thread that may.
    kSleeps,
    // The client does not read: Flush, when the socket is writable.
    kFull,
    // The client has closed.
    kEnd,
    // The client sent something that is not a message of the lane. Nothing was served.
    kGarbage,
  };

  // Serves requests until none is left or the turn is used up. A turn is worth
  // kTurn; a session that took more pays with its next ones.
  // REQUIRES: the answers of the last turn were sent.
  Turn Serve(LaneDesk& desk);
  // What the last turn cost, in LaneCalls::Cost.
  [[nodiscard]] std::int64_t spent() const { return spent_; }
  // Serves the request that made Serve return kSleeps; Flush sends its answer.
  void ServeSleeper(LaneDesk& desk);
  // Sends the answers that were left. Returns kMore, kFull or kEnd.
  Turn Flush();

  [[nodiscard]] int fd() const { return fd_.get(); }
  [[nodiscard]] const Caller& caller() const { return caller_; }
  // Ends the connection for the caller to close.
  UniqueFd TakeFd() { return std::move(fd_); }
  // Bytes of requests and answers that are kept.
  [[nodiscard]] std::size_t kept_bytes() const { return inbox_.size() + outbox_.size(); }

  // What a turn is worth, in LaneCalls::Cost: one request for 4,096 areas takes eight.
  static constexpr std::int64_t kTurn = 64;

 private:
  Turn ServeTurn(LaneDesk& desk);
  Turn Receive(LaneDesk& desk);
  // Sends what the desk has; kMore if it is gone, or kFull, with a copy kept here.
  Turn Send(LaneDesk& desk);
  // What is not served yet moves from the desk to the inbox.
  void KeepRest(const LaneDesk& desk);
  [[nodiscard]] abi::v1::LaneRequest Front() const;
  void PopFront();

  UniqueFd fd_;
  const Caller caller_;
  // What is left of this turn; below zero, of the next ones.
  std::int64_t credit_ = 0;
  std::int64_t spent_ = 0;
  // Requests not served yet, well-formed: in `inbox_`, or during a turn in a desk.
  abi::v1::LaneBytes rest_;
  std::vector<std::byte> inbox_;
  std::vector<std::byte> outbox_;
};

}  // namespace percpud

#endif  // PERCPUD_SERVER_HANDOFF_LANE_CONNECTION_H_

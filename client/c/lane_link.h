// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_CLIENT_C_LANE_LINK_H_
#define PERCPUD_CLIENT_C_LANE_LINK_H_

#include <array>
#include <cstddef>
#include <cstdint>

#include "client/c/arena.h"
#include "client/c/door.h"
#include "proto/percpud/abi/v1/lane_answers.h"
#include "proto/percpud/abi/v1/lane_requests.h"

namespace percpud::c {

// A session that only looks: the arena mapped read-only, and one request at a time. While
// the daemon is away the arena stays mapped. Not thread safe.
class LaneLink {
 public:
  // `address` outlives the link.
  explicit LaneLink(const char* address) : address_(address) {}
  ~LaneLink();
  LaneLink(const LaneLink&) = delete;
  LaneLink& operator=(const LaneLink&) = delete;

  // Nanoseconds of the clock that deadlines are of.
  static std::int64_t NowNs();

  // False, with the reason kept, if the daemon cannot be reached by `deadline_ns`, or refuses.
  // The arena that was there before stays mapped until DropFormer. REQUIRES: it is not
  // connected.
  bool Connect(std::int64_t deadline_ns);
  // Unmaps what arena() was when this was called last.
  void DropFormer();
  [[nodiscard]] bool is_connected() const { return door_ != kNoDoor; }
  // The daemon has hung up: what it had sent before may still be there.
  [[nodiscard]] bool HasEnded() const;
  void HangUp();

  // The id of the next request.
  [[nodiscard]] std::uint64_t next_id() const { return asked_; }
  // Sends the one request of a message, which has next_id(), and waits for its answer until
  // `deadline_ns`. It lies in the link until the next one. False if there is none, or if it
  // refuses; code() says which. One that is late is passed over by the next Ask, if the caller
  // does not hang up. REQUIRES: it is connected.
  bool Ask(const abi::v1::LaneRequestWriter& message, abi::v1::LaneAnswer& answer,
           std::int64_t deadline_ns);
  // The google.rpc.Code of the last refusal; 0 if there was no answer.
  [[nodiscard]] std::uint16_t code() const { return code_; }
  // The last Ask, or Connect, did not find the daemon gone: it was late.
  [[nodiscard]] bool is_late() const { return is_late_; }

  // Null before the daemon was reached for the first time.
  [[nodiscard]] const Arena* arena() const { return arena_; }
  [[nodiscard]] const char* reason() const { return reason_.data(); }
  // Keeps the reason, and returns false.
  bool Fail(const char* reason);

 private:
  bool TakeGreeting(const Greeting& greeting);
  bool Await(short events, std::int64_t deadline_ns);
  // Waits for the answer of this id.
  bool Receive(std::uint64_t id, abi::v1::LaneAnswer& answer, std::int64_t deadline_ns);

  const char* const address_;
  int door_ = kNoDoor;
  std::uint64_t asked_ = 0;
  std::uint16_t code_ = 0;
  bool is_late_ = false;
  Arena* arena_ = nullptr;
  Arena* former_ = nullptr;
  std::array<char, 256> reason_{};
  std::array<std::byte, abi::v1::kLaneMessageBytes> inbox_;
};

}  // namespace percpud::c

#endif  // PERCPUD_CLIENT_C_LANE_LINK_H_

// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_CLIENT_C_READER_H_
#define PERCPUD_CLIENT_C_READER_H_

#include <array>
#include <cstddef>
#include <cstdint>

#include "client/c/arena.h"
#include "client/c/door.h"
#include "client/c/snapshot.h"
#include "proto/percpud/abi/v1/lane_answers.h"
#include "proto/percpud/abi/v1/lane_requests.h"

namespace percpud::c {

// Reads what metrics there are: a session of its own, with the arena mapped read-only.
// While the daemon is away the last snapshot and the arena stay, so that the numbers
// can still be read. Not thread safe.
class Reader {
 public:
  // `address` and `name_space` outlive the reader. A null namespace is all of them; an
  // empty one is `default`.
  Reader(const char* address, const char* name_space)
      : address_(address), name_space_(name_space) {}
  ~Reader();
  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;

  // Brings the snapshot up to date; waits for answers until `deadline_ns` (monotonic) at
  // most. Returns whether it is. If not, it is as it was, and reason() says why.
  bool Refresh(std::int64_t deadline_ns);

  [[nodiscard]] const Snapshot& snapshot() const { return snapshot_; }
  // Null before the daemon was reached for the first time.
  [[nodiscard]] const Arena* arena() const { return arena_; }
  [[nodiscard]] const char* reason() const { return reason_.data(); }
  // Forgets the connection, which is the parent's, in the child of a fork.
  void BeginAnew();

 private:
  bool Connect(std::int64_t deadline_ns);
  bool TakeGreeting(const Greeting& greeting);
  bool ReadAll(std::int64_t deadline_ns);
  bool ReadFamilies(Snapshot& out, std::int64_t deadline_ns);
  bool ReadSeries(Snapshot& out, std::size_t family, std::int64_t deadline_ns);
  bool TakePage(abi::v1::LaneSeriesPageView& page, Snapshot& out, std::size_t& family);
  // Sends the one request of a message and waits for its answer, which lies in inbox_.
  bool Ask(const abi::v1::LaneRequestWriter& message, abi::v1::LaneAnswer& answer,
           std::int64_t deadline_ns);
  bool Await(short events, std::int64_t deadline_ns);
  bool Fail(const char* reason);
  void HangUp();

  const char* const address_;
  const char* const name_space_;
  int door_ = kNoDoor;
  std::uint64_t asked_ = 0;
  Arena* arena_ = nullptr;
  Snapshot snapshot_;
  // The revision changed while it was read.
  bool is_torn_ = false;
  std::array<char, 256> reason_{};
  std::array<std::byte, abi::v1::kLaneMessageBytes> inbox_;
};

}  // namespace percpud::c

#endif  // PERCPUD_CLIENT_C_READER_H_

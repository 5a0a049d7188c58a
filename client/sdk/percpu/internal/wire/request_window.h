// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_CLIENT_SDK_PERCPU_INTERNAL_WIRE_REQUEST_WINDOW_H_
#define PERCPUD_CLIENT_SDK_PERCPU_INTERNAL_WIRE_REQUEST_WINDOW_H_

#include <cstdint>
#include <deque>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "percpu/internal/deadline.h"
#include "percpu/internal/mutex.h"
#include "proto/percpud/abi/v1/wire.h"

namespace percpu {

// Numbers a session's requests, upwards from 1, and lets none run far ahead of one that
// is still under way. The daemon keeps the latest answers only. A request has to be among
// them when it comes again, or comes late because its thread was put to sleep between
// taking the number and sending.
// Thread safe.
class RequestWindow {
 public:
  // The daemon keeps twice as many requests, and twice as many numbers in their answers
  // (server/session/answers.h).
  static constexpr std::size_t kRequests = percpud::abi::v1::kRequestsUnderWay;
  static constexpr std::uint64_t kWords = 1 << 15;

  // Returns the number of a request whose answer has `words` numbers in it. Waits for
  // older requests to end if the window is full. Errors: DEADLINE_EXCEEDED.
  absl::StatusOr<std::uint64_t> Enter(std::uint64_t words, const Deadline& deadline);
  // Says that the request has ended, whatever its result, and is not made again.
  // REQUIRES: Enter returned the number, and this is the first Leave for it.
  void Leave(std::uint64_t number);

 private:
  struct Entry {
    std::uint64_t words = 0;
    bool done = false;
  };
  [[nodiscard]] bool HasRoom(std::uint64_t words) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    return entries_.empty() || (entries_.size() < kRequests && words_ + words <= kWords);
  }

  Mutex mu_;
  // Requests have left, and there may be room.
  CondVar room_;
  // The oldest request under way is the first.
  std::deque<Entry> entries_ ABSL_GUARDED_BY(mu_);
  std::uint64_t words_ ABSL_GUARDED_BY(mu_) = 0;
  // The number of the first entry.
  std::uint64_t first_ ABSL_GUARDED_BY(mu_) = 1;
};

}  // namespace percpu

#endif  // PERCPUD_CLIENT_SDK_PERCPU_INTERNAL_WIRE_REQUEST_WINDOW_H_

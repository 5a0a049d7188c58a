// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_CLIENT_SDK_PERCPU_INTERNAL_WIRE_REQUEST_WINDOW_H_
#define PERCPUD_CLIENT_SDK_PERCPU_INTERNAL_WIRE_REQUEST_WINDOW_H_

#include <cstdint>
#include <deque>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "proto/percpud/abi/v1/wire.h"

namespace percpu {

// Numbers a session's requests, upwards from 1, and lets none run far ahead of
// one that is still under way. The daemon keeps the last answers only: a request
// that comes again, or comes late because its thread was put to sleep between
// its number and its sending, has to be among them.
//
// Thread safe.
class RequestWindow {
 public:
  // Half of what the daemon keeps (server/session/answers.h): requests, and
  // numbers in their answers.
  static constexpr std::size_t kRequests = percpud::abi::v1::kRequestsUnderWay;
  static constexpr std::uint64_t kWords = 1 << 15;

  // The number of a request whose answer has so many words; waits for older ones
  // to end if the window is full. Errors: DEADLINE_EXCEEDED.
  absl::StatusOr<std::uint64_t> Enter(std::uint64_t words, absl::Time deadline);
  // The request has ended, with whatever result, and is not made again.
  // REQUIRES: entered, once.
  void Leave(std::uint64_t number);

 private:
  struct Entry {
    std::uint64_t words = 0;
    bool done = false;
  };
  [[nodiscard]] bool HasRoom(std::uint64_t words) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    return entries_.empty() || (entries_.size() < kRequests && words_ + words <= kWords);
  }

  absl::Mutex mu_;
  // From the oldest that is under way.
  std::deque<Entry> entries_ ABSL_GUARDED_BY(mu_);
  std::uint64_t words_ ABSL_GUARDED_BY(mu_) = 0;
  // The number of the first entry.
  std::uint64_t first_ ABSL_GUARDED_BY(mu_) = 1;
};

}  // namespace percpu

#endif  // PERCPUD_CLIENT_SDK_PERCPU_INTERNAL_WIRE_REQUEST_WINDOW_H_

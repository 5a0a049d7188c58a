// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "percpu/internal/wire/request_window.h"

namespace percpu {

absl::StatusOr<std::uint64_t> RequestWindow::Enter(std::uint64_t words, absl::Time deadline) {
  absl::MutexLock lock(&mu_);
  const auto has_room = [&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) { return HasRoom(words); };
  if (!mu_.AwaitWithDeadline(absl::Condition(&has_room), deadline)) {
    return absl::DeadlineExceededError("older requests of the session are still under way");
  }
  entries_.push_back({.words = words});
  words_ += words;
  return first_ + entries_.size() - 1;
}

void RequestWindow::Leave(std::uint64_t number) {
  absl::MutexLock lock(&mu_);
  entries_[number - first_].done = true;
  for (; !entries_.empty() && entries_.front().done; ++first_) {
    words_ -= entries_.front().words;
    entries_.pop_front();
  }
}

}  // namespace percpu

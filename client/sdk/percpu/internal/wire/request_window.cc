// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "percpu/internal/wire/request_window.h"

#include <cassert>

namespace percpu {

absl::StatusOr<std::uint64_t> RequestWindow::Enter(std::uint64_t words, const Deadline& deadline) {
  MutexLock lock(&mu_);
  while (!HasRoom(words)) {
    if (deadline.has_passed()) {
      return absl::DeadlineExceededError("older requests of the session are still under way");
    }
    room_.WaitBy(mu_, deadline);
  }
  entries_.push_back({.words = words});
  words_ += words;
  return first_ + entries_.size() - 1;
}

void RequestWindow::Leave(std::uint64_t number) {
  MutexLock lock(&mu_);
  assert(number >= first_ && number - first_ < entries_.size());
  assert(!entries_[number - first_].done);
  entries_[number - first_].done = true;
  if (!entries_.front().done) return;
  for (; !entries_.empty() && entries_.front().done; ++first_) {
    assert(words_ >= entries_.front().words);
    words_ -= entries_.front().words;
    entries_.pop_front();
  }
  room_.SignalAll();
}

}  // namespace percpu

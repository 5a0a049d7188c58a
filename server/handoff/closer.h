// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_SERVER_HANDOFF_CLOSER_H_
#define PERCPUD_SERVER_HANDOFF_CLOSER_H_

#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "server/base/ranked_mutex.h"
#include "server/base/unique_fd.h"

namespace percpud {

// Closes descriptors that peers made, on a thread of its own. Closing the last copy of
// one may take as long as its maker likes: a socket that lingers, a file of a FUSE file
// system. A connection may hold such descriptors in messages that were never read.
// Thread safe.
class Closer {
 public:
  Closer();
  // Closes what it was given.
  ~Closer();
  Closer(const Closer&) = delete;
  Closer& operator=(const Closer&) = delete;

  // Returns at once.
  void Close(UniqueFd fd);

 private:
  void Loop();
  [[nodiscard]] bool HasWork() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    return closing_ || !fds_.empty();
  }

  RankedMutex mu_{LockRank::kLeaf};
  std::vector<UniqueFd> fds_ ABSL_GUARDED_BY(mu_);
  bool closing_ ABSL_GUARDED_BY(mu_) = false;
  std::thread thread_;
};

}  // namespace percpud

#endif  // PERCPUD_SERVER_HANDOFF_CLOSER_H_

// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_SERVER_HANDOFF_LANE_QUEUE_H_
#define PERCPUD_SERVER_HANDOFF_LANE_QUEUE_H_

#include <cassert>
#include <deque>

#include "absl/container/flat_hash_map.h"
#include "server/base/identity.h"

namespace percpud {

// Sessions whose turn is to come. Turns go round the users, and within each user round
// its sessions: a user who opens many sessions slows down those, not other users'.
//
//   ring    alice -> bob -> carol -> (alice)
//   alice   7, 9, 12                     turns: 7, 3, 5, 9, 3, 5, 12, ...
//   bob     3
//   carol   5
//
// Not thread safe.
class LaneQueue {
 public:
  // Puts the session behind its user's others. REQUIRES: it is not queued.
  void Push(UserId user, SessionId session) {
    std::deque<SessionId>& sessions = waiting_[user];
    if (sessions.empty()) ring_.push_back(user);
    sessions.push_back(session);
  }

  // Removes and returns the session whose turn it is, which may be one that has ended
  // since. REQUIRES: not empty.
  SessionId Pop() {
    assert(!empty());
    const UserId user = ring_.front();
    ring_.pop_front();
    const auto entry = waiting_.find(user);
    assert(entry != waiting_.end() && !entry->second.empty());
    const SessionId session = entry->second.front();
    entry->second.pop_front();
    if (entry->second.empty()) {
      waiting_.erase(entry);
    } else {
      ring_.push_back(user);
    }
    return session;
  }

  [[nodiscard]] bool empty() const { return ring_.empty(); }

 private:
  // Users with a session that waits.
  std::deque<UserId> ring_;
  absl::flat_hash_map<UserId, std::deque<SessionId>> waiting_;
};

}  // namespace percpud

#endif  // PERCPUD_SERVER_HANDOFF_LANE_QUEUE_H_

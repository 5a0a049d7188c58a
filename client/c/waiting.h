// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// Waiting for a client to get on. REQUIRES in every function: the caller holds no lock of
// the client but `reading`, where that is said.

#ifndef PERCPUD_CLIENT_C_WAITING_H_
#define PERCPUD_CLIENT_C_WAITING_H_

#include <cstdint>

#include "client/c/client.h"

namespace percpud::c {

// CLOCK_MONOTONIC.
std::int64_t NowNs();
std::int64_t DeadlineNs(std::int64_t milliseconds);

// Waits for the daemon's next word, or for a while if there is none to come, until
// `end_ns` at most.
void AwaitDoor(int door, std::int64_t end_ns);

// Goes on with what was begun until `is_done()`, which is called with the client's lock
// held, or until `end_ns`. Returns whether it is.
template <typename IsDone>
bool WaitUntil(percpud_client& p, std::int64_t end_ns, IsDone is_done) {
  while (true) {
    int door = kNoDoor;
    const std::int64_t now = NowNs();
    {
      const Locked locked(p.mutex);
      p.Advance(now);
      if (is_done()) return true;
      door = p.door;
    }
    if (now >= end_ns) return false;
    AwaitDoor(door, end_ns);
  }
}

// Opens and adds what is local, as far as the daemon lets it.
void Settle(percpud_client& p, std::int64_t end_ns);

// Has the daemon do it, with a look for the daemon if it is away. The command is done
// then, or failed; why is percpud_reason's. REQUIRES: the caller holds `reading`.
void Run(percpud_client& p, Command& command, std::int64_t end_ns);

}  // namespace percpud::c

#endif  // PERCPUD_CLIENT_C_WAITING_H_

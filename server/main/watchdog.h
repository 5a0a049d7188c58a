// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_SERVER_MAIN_WATCHDOG_H_
#define PERCPUD_SERVER_MAIN_WATCHDOG_H_

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "server/base/clock.h"
#include "server/base/pulse.h"

namespace percpud {

// Vouches for the daemon before its service manager, as long as every thread
// that clients depend on comes round its loop. A thread that sleeps for want of
// work is nudged, so that its beat is a round trip through its own queue and
// locks; one that hangs costs the ping, and the manager restarts the daemon.
//
// Not thread safe.
class Watchdog {
 public:
  struct Thread {
    std::string name;
    // Outlives the watchdog.
    const Pulse* pulse = nullptr;
    // Makes the thread come round soon. A second call before it has does no harm.
    std::function<void()> nudge;
  };

  // `ping` tells the manager; it acts when `timeout` has passed without one.
  Watchdog(std::vector<Thread> threads, absl::Duration timeout, std::function<void()> ping);

  // How often to Look: often enough that one late answer does no harm.
  [[nodiscard]] absl::Duration interval() const { return timeout_ / 4; }
  // Pings if every thread has beaten since the last ping, and nudges them all.
  void Look(BootTime now);

 private:
  struct Watched {
    Thread thread;
    // At the last ping, or at first.
    std::uint64_t beats = 0;
    // The log already says that the thread is silent.
    bool reported = false;

    [[nodiscard]] bool HasBeaten() const { return thread.pulse->beats() != beats; }
  };

  void Ping(BootTime now);
  void ReportSilent(absl::Duration silence);

  std::vector<Watched> watched_;
  const absl::Duration timeout_;
  const std::function<void()> ping_;
  // InfinitePast until the first look.
  BootTime last_ping_ = BootTime::InfinitePast();
};

// What the manager asks of this process (WATCHDOG_USEC); infinite if nothing.
absl::Duration WatchdogTimeout();

}  // namespace percpud

#endif  // PERCPUD_SERVER_MAIN_WATCHDOG_H_

// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/main/watchdog.h"

#include <spdlog/spdlog.h>
#include <systemd/sd-daemon.h>

#include <algorithm>
#include <cassert>
#include <utility>

namespace percpud {

Watchdog::Watchdog(std::vector<Thread> threads, absl::Duration timeout, std::function<void()> ping)
    : timeout_(timeout), ping_(std::move(ping)) {
  assert(timeout > absl::ZeroDuration() && ping_);
  for (Thread& thread : threads) {
    const std::uint64_t beats = thread.pulse->beats();
    watched_.push_back({.thread = std::move(thread), .beats = beats});
  }
}

void Watchdog::Look(BootTime now) {
  if (last_ping_ == BootTime::InfinitePast()) last_ping_ = now;
  const bool all = std::all_of(watched_.begin(), watched_.end(),
                               [](const Watched& one) { return one.HasBeaten(); });
  if (all) {
    Ping(now);
  } else {
    ReportSilent(now - last_ping_);
  }
  for (const Watched& one : watched_) one.thread.nudge();
}

void Watchdog::Ping(BootTime now) {
  for (Watched& one : watched_) {
    if (one.reported) spdlog::warn("thread {} goes on", one.thread.name);
    one.reported = false;
    one.beats = one.thread.pulse->beats();
  }
  last_ping_ = now;
  ping_();
}

// Once, and late enough that a slow call is not taken for a hang.
void Watchdog::ReportSilent(absl::Duration silence) {
  if (silence < timeout_ / 2) return;
  for (Watched& one : watched_) {
    if (one.reported || one.HasBeaten()) continue;
    one.reported = true;
    spdlog::error("thread {} has done nothing for {}: a restart follows after {}", one.thread.name,
                  absl::FormatDuration(silence), absl::FormatDuration(timeout_));
  }
}

absl::Duration WatchdogTimeout() {
  std::uint64_t usec = 0;
  const int wanted = sd_watchdog_enabled(/*unset_environment=*/0, &usec);
  return wanted > 0 ? absl::Microseconds(usec) : absl::InfiniteDuration();
}

}  // namespace percpud

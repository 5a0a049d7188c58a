// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_SERVER_SERVICE_LANE_TIMERS_H_
#define PERCPUD_SERVER_SERVICE_LANE_TIMERS_H_

#include <map>
#include <optional>

#include "absl/container/flat_hash_map.h"
#include "server/base/clock.h"

namespace percpud {

class HotEvent;

// Events that are due at a time. gRPC's alarms would do the same, but wait until an hour of
// the calendar: if somebody sets the clock back, they stand still until that hour has come
// again.
//
// Ownership: none; an event outlives its time here. Hot thread only.
class LaneTimers {
 public:
  struct Due {
    HotEvent* event;
    // Whether its time has come; false if it was cancelled.
    bool ok;
  };

  // REQUIRES: the event has no time yet, or its time has come.
  void Set(HotEvent& event, BootTime at);
  // The event is due at once. Does nothing if it has no time.
  void Cancel(HotEvent& event);
  // Takes out an event that is due by `now`.
  std::optional<Due> Take(BootTime now);
  // When the next event is due; nothing without events.
  [[nodiscard]] std::optional<BootTime> next() const;

 private:
  using Times = std::multimap<BootTime, Due>;

  Times times_;
  absl::flat_hash_map<const HotEvent*, Times::iterator> places_;
};

}  // namespace percpud

#endif  // PERCPUD_SERVER_SERVICE_LANE_TIMERS_H_

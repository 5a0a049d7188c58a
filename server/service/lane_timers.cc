// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/service/lane_timers.h"

#include <cassert>

namespace percpud {

void LaneTimers::Set(HotEvent& event, BootTime at) {
  assert(!places_.contains(&event));
  places_.emplace(&event, times_.emplace(at, Due{.event = &event, .ok = true}));
}

void LaneTimers::Cancel(HotEvent& event) {
  const auto place = places_.find(&event);
  if (place == places_.end()) return;
  times_.erase(place->second);
  place->second = times_.emplace(BootTime::InfinitePast(), Due{.event = &event, .ok = false});
}

std::optional<LaneTimers::Due> LaneTimers::Take(BootTime now) {
  if (times_.empty() || times_.begin()->first > now) return std::nullopt;
  const Due due = times_.begin()->second;
  times_.erase(times_.begin());
  places_.erase(due.event);
  return due;
}

std::optional<BootTime> LaneTimers::next() const {
  if (times_.empty()) return std::nullopt;
  return times_.begin()->first;
}

}  // namespace percpud

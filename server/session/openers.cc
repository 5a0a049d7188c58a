// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/session/openers.h"

#include <cassert>

namespace percpud {

bool Openers::Add(PercpuPtr area, SessionId session) {
  assert(session != kNoSession);
  return openers_[area].insert(session).second;
}

std::optional<QuarantinedArea> Openers::Remove(PercpuPtr area, SessionId session) {
  const auto openers = openers_.find(area);
  assert(openers != openers_.end() && openers->second.contains(session));
  openers->second.erase(session);
  if (!openers->second.empty()) return std::nullopt;
  openers_.erase(openers);
  const auto waiting = quarantine_.find(area);
  if (waiting == quarantine_.end()) return std::nullopt;
  const QuarantinedArea out = waiting->second;
  quarantine_.erase(waiting);
  return out;
}

void Openers::Quarantine(const QuarantinedArea& area) {
  assert(Count(area.pointer) > 0);
  [[maybe_unused]] const bool is_new = quarantine_.emplace(area.pointer, area).second;
  assert(is_new);
}

bool Openers::IsOpen(PercpuPtr area, SessionId session) const {
  const auto openers = openers_.find(area);
  return openers != openers_.end() && openers->second.contains(session);
}

std::size_t Openers::Count(PercpuPtr area) const {
  const auto openers = openers_.find(area);
  return openers == openers_.end() ? 0 : openers->second.size();
}

bool Openers::IsQuarantined(PercpuPtr area) const { return quarantine_.contains(area); }

std::vector<QuarantinedArea> Openers::ListQuarantined(PercpuPtr after, std::size_t limit) const {
  std::vector<QuarantinedArea> out;
  for (auto area = quarantine_.upper_bound(after); area != quarantine_.end() && out.size() < limit;
       ++area) {
    out.push_back(area->second);
  }
  return out;
}

}  // namespace percpud

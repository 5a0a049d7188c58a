// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/handoff/pending_peers.h"

#include <algorithm>
#include <cassert>
#include <iterator>

namespace percpud {

std::optional<PendingPeers::Key> PendingPeers::WhoMakesRoomFor(UserId user) const {
  const auto own = by_user_.find(user);
  if (own != by_user_.end() && own->second.size() >= limits_.per_user) return own->second.front();
  if (places_.size() < limits_.in_all) return std::nullopt;
  const auto most = std::max_element(
      by_user_.begin(), by_user_.end(),
      [](const auto& a, const auto& b) { return a.second.size() < b.second.size(); });
  return most->second.front();
}

void PendingPeers::Add(Key key, UserId user, BootTime deadline) {
  assert(!WhoMakesRoomFor(user) && !places_.contains(key));
  assert(by_age_.empty() || by_age_.back().deadline <= deadline);
  by_age_.push_back({.key = key, .user = user, .deadline = deadline});
  std::list<Key>& own = by_user_[user];
  own.push_back(key);
  places_.emplace(key, Place{.by_age = std::prev(by_age_.end()), .of_user = std::prev(own.end())});
}

void PendingPeers::Remove(Key key) {
  const auto place = places_.find(key);
  if (place == places_.end()) return;
  const auto own = by_user_.find(place->second.by_age->user);
  own->second.erase(place->second.of_user);
  if (own->second.empty()) by_user_.erase(own);
  by_age_.erase(place->second.by_age);
  places_.erase(place);
}

}  // namespace percpud

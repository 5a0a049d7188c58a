// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/service/answer_room.h"

#include <algorithm>
#include <cassert>

namespace percpud {

bool AnswerRoom::HasRoomFor(const PeerAccount& peer) const {
  const Bytes held = peer.unread();
  if (held == Bytes(0)) return true;
  return held < limits_.per_peer && bytes() < limits_.in_all;
}

void AnswerRoom::Hold(PeerAccount& peer, Bytes bytes) {
  peer.AddUnread(bytes);
  bytes_.fetch_add(bytes.value(), std::memory_order_relaxed);
}

bool AnswerRoom::Enter(PeerAccount& peer, Waiter& waiter) {
  const bool others_wait = waiting_.contains(&peer);
  if (is_closed() || (!others_wait && HasRoomFor(peer))) {
    Hold(peer, kReserve);
    return true;
  }
  if (!others_wait) turns_.push_back(&peer);
  waiting_[&peer].push_back(&waiter);
  count_.fetch_add(1, std::memory_order_relaxed);
  return false;
}

void AnswerRoom::GiveUp(PeerAccount& peer, Waiter& waiter) {
  const auto entry = waiting_.find(&peer);
  assert(entry != waiting_.end());
  Queue& queue = entry->second;
  const auto place = std::find(queue.begin(), queue.end(), &waiter);
  assert(place != queue.end());
  queue.erase(place);
  count_.fetch_sub(1, std::memory_order_relaxed);
  if (!queue.empty()) return;
  waiting_.erase(entry);
  turns_.erase(std::find(turns_.begin(), turns_.end(), &peer));
}

void AnswerRoom::Settle(PeerAccount& peer, Bytes held, Bytes answer) {
  Hold(peer, answer);
  peer.RemoveUnread(held);
  bytes_.fetch_sub(held.value(), std::memory_order_relaxed);
}

void AnswerRoom::Leave(PeerAccount& peer, Bytes held) {
  assert(bytes() >= held);
  peer.RemoveUnread(held);
  bytes_.fetch_sub(held.value(), std::memory_order_relaxed);
  Resume();
}

void AnswerRoom::Resume() {
  while (ResumeOne()) {
  }
}

bool AnswerRoom::ResumeOne() {
  const auto turn = std::find_if(turns_.begin(), turns_.end(),
                                 [this](const PeerAccount* peer) { return HasRoomFor(*peer); });
  if (turn == turns_.end()) return false;
  PeerAccount& peer = **turn;
  turns_.erase(turn);
  const auto entry = waiting_.find(&peer);
  assert(entry != waiting_.end() && !entry->second.empty());
  Waiter& waiter = *entry->second.front();
  entry->second.pop_front();
  count_.fetch_sub(1, std::memory_order_relaxed);
  if (entry->second.empty()) {
    waiting_.erase(entry);
  } else {
    turns_.push_back(&peer);
  }
  Hold(peer, kReserve);
  waiter.OnRoom();
  return true;
}

}  // namespace percpud

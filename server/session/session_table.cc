// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/session/session_table.h"

#include <algorithm>
#include <cassert>
#include <utility>

namespace percpud {

void SessionTable::SkipTo(SessionId last) { last_id_ = std::max(last_id_, last.value()); }

Session& SessionTable::Add(SessionId id, Session session) {
  assert(id != kNoSession && !sessions_.contains(id) && !tokens_.contains(session.token));
  tokens_.emplace(session.token, id);
  return sessions_.emplace(id, std::move(session)).first->second;
}

void SessionTable::BeginEnd(SessionId id) {
  Session* const session = Find(id);
  assert(session != nullptr && session->state != Session::State::kEnding);
  if (session->state != Session::State::kLeft) tokens_.erase(session->token);
  session->state = Session::State::kEnding;
}

void SessionTable::Remove(SessionId id) {
  const auto session = sessions_.find(id);
  assert(session != sessions_.end());
  const Session::State state = session->second.state;
  if (state == Session::State::kOpening || state == Session::State::kLive) {
    tokens_.erase(session->second.token);
  }
  sessions_.erase(session);
}

void SessionTable::Postpone(absl::Duration by) {
  for (auto& [id, session] : sessions_) session.expires += by;
}

Session* SessionTable::Find(SessionId id) {
  const auto session = sessions_.find(id);
  return session == sessions_.end() ? nullptr : &session->second;
}

const Session* SessionTable::Find(SessionId id) const {
  const auto session = sessions_.find(id);
  return session == sessions_.end() ? nullptr : &session->second;
}

Session* SessionTable::FindLive(SessionId id) {
  Session* const session = Find(id);
  return session != nullptr && session->state == Session::State::kLive ? session : nullptr;
}

Session* SessionTable::FindToEnd(SessionId id) {
  Session* const session = Find(id);
  if (session == nullptr) return nullptr;
  const bool is_there =
      session->state == Session::State::kLive || session->state == Session::State::kLeft;
  return is_there ? session : nullptr;
}

SessionId SessionTable::FindToken(const Token& token) const {
  const auto entry = tokens_.find(token);
  if (entry == tokens_.end()) return kNoSession;
  return sessions_.find(entry->second)->second.state == Session::State::kLive ? entry->second
                                                                              : kNoSession;
}

std::vector<SessionId> SessionTable::ListExpired(BootTime now) const {
  std::vector<SessionId> out;
  for (const auto& [id, session] : sessions_) {
    if (session.state == Session::State::kLive && session.expires <= now) out.push_back(id);
  }
  return out;
}

}  // namespace percpud

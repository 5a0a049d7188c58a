// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// The books as the last daemon left them.

#include <algorithm>
#include <span>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "server/base/errors.h"
#include "server/session/restart.h"
#include "server/session/sessions.h"

namespace percpud {
namespace {

// A number of the catalog's as what it stands for; the highest is `last`.
template <typename Enum>
bool Take(std::uint8_t number, Enum last, Enum& out) {
  if (number > static_cast<std::uint8_t>(last)) return false;
  out = static_cast<Enum>(number);
  return true;
}

}  // namespace

absl::Status Sessions::Restore(const Remembered& remembered) {
  const catalog::Contents& contents = remembered.contents;
  for (const catalog::Variable& record : contents.variables) {
    if (allocator_.CheckArea(record.pointer).ok()) continue;
    return errors::NotRestorable(absl::StrCat("variable ", record.name), "has no area");
  }
  std::vector<PercpuPtr> orphans;
  {
    RankedLock lock(&mu_);
    last_id_ = contents.last_session.value();
    for (const catalog::Session& record : contents.sessions) {
      if (absl::Status status = RestoreSession(record); !status.ok()) return status;
    }
    for (const catalog::Variable& record : contents.variables) {
      if (absl::Status status = RestoreVariable(record); !status.ok()) return status;
    }
    for (const catalog::Lease& record : contents.leases) {
      if (absl::Status status = RestoreLease(record, contents); !status.ok()) return status;
    }
    orphans = RestoreAreas(remembered);
    RestoreAnswers(contents.answers);
  }
  FreeAll(std::move(orphans));
  for (const SessionId dead : FindDead()) End(dead);
  return absl::OkStatus();
}

// In two passes: what each session holds is summed in a small table first, so
// that its own, which is far from the last one's, is touched once, and its set
// of areas grows once.
std::vector<PercpuPtr> Sessions::RestoreAreas(const Remembered& remembered) {
  struct Holder {
    Session* session = nullptr;
    Usage use;
  };
  absl::flat_hash_map<SessionId, Holder> holders;
  const std::vector<RestoredState::Area>& areas = remembered.state.areas;
  for (std::size_t i = 0; i < areas.size(); ++i) {
    const SessionId owner = remembered.owners[i];
    if (owner == kNoSession) continue;
    holders[owner].use += {.bytes = ToBytes(areas[i].size), .areas = 1};
  }
  for (auto& [id, holder] : holders) {
    const auto session = sessions_.find(id);
    if (session == sessions_.end()) continue;
    holder.session = &session->second;
    RestoreUse(session->second, holder.use);
    session->second.areas.reserve(holder.use.areas);
  }
  std::vector<PercpuPtr> orphans;
  owned_.reserve(areas.size());
  for (std::size_t i = 0; i < areas.size(); ++i) {
    const SessionId owner = remembered.owners[i];
    if (owner == kNoSession) continue;
    if (Session* const session = holders[owner].session) {
      owned_.emplace(areas[i].pointer, Owned{.session = owner, .size = ToBytes(areas[i].size)});
      session->areas.insert(areas[i].pointer);
    } else {
      orphans.push_back(areas[i].pointer);
    }
  }
  return orphans;
}

void Sessions::RestoreAnswers(std::span<const catalog::Answer> answers) {
  std::vector<const catalog::Answer*> in_order;
  for (const catalog::Answer& answer : answers) in_order.push_back(&answer);
  std::sort(in_order.begin(), in_order.end(),
            [](const auto* a, const auto* b) { return a->order < b->order; });
  for (const catalog::Answer* answer : in_order) {
    const auto session = sessions_.find(answer->session);
    if (session == sessions_.end()) continue;
    session->second.answers.set_next_order(answer->order);
    session->second.answers.Keep(answer->request, answer->words);
  }
}

absl::Status Sessions::RestoreSession(const catalog::Session& record) {
  Session session;
  session.token = record.token;
  session.since = absl::FromUnixNanos(static_cast<std::int64_t>(record.opened_ns));
  session.spec.command = record.command;
  session.spec.started = record.started;
  if (!Take(record.kind, SessionKind::kRemote, session.spec.kind) ||
      !Take(record.role, Role::kOperator, session.spec.role)) {
    return errors::NotRestorable(absl::StrCat("session ", record.id.value()), "is of no kind");
  }
  if (record.has_peer) {
    session.spec.peer = Peer{.pid = record.pid, .uid = record.uid, .gid = record.gid};
    ++users_[record.uid].sessions;
  }
  if (record.ttl_ns != 0) {
    session.spec.ttl = absl::Nanoseconds(static_cast<std::int64_t>(record.ttl_ns));
  }
  const bool is_remote = session.spec.kind == SessionKind::kRemote;
  session.detached = !is_remote;
  session.expires = options_.clock->Now() + (is_remote ? session.spec.ttl : limits_.resume_window);
  last_id_ = std::max(last_id_, record.id.value());
  tokens_.emplace(record.token, record.id);
  sessions_.emplace(record.id, std::move(session));
  return absl::OkStatus();
}

absl::Status Sessions::RestoreVariable(const catalog::Variable& record) {
  Variable variable{.name = record.name,
                    .type = VariableType::kBytes,
                    .pointer = record.pointer,
                    .size = record.size,
                    .maker = record.maker};
  if (!Take(record.type, VariableType::kBytes, variable.type)) {
    return errors::NotRestorable(absl::StrCat("variable ", record.name), "is of no type");
  }
  return variables_.Restore(variable);
}

absl::Status Sessions::RestoreLease(const catalog::Lease& record,
                                    const catalog::Contents& contents) {
  const auto chunk =
      std::find_if(contents.chunks.begin(), contents.chunks.end(),
                   [&](const catalog::Chunk& one) { return one.id == record.chunk; });
  if (chunk == contents.chunks.end()) {
    return errors::NotRestorable(absl::StrCat("the lease of chunk ", record.chunk.value()),
                                 "has no chunk");
  }
  const LeasedChunk leased{.id = record.chunk,
                           .base = PercpuPtr(chunk->base.value()),
                           .unit_size = allocator_.info().unit_size,
                           .map_base = record.map_base,
                           .map_size = allocator_.lease_map_size()};
  leases_.emplace(
      record.chunk,
      LeaseRecord{
          .chunk = leased, .name = record.name, .holder = record.holder, .maker = record.maker});
  const auto holder = sessions_.find(record.holder);
  if (holder != sessions_.end()) RestoreUse(holder->second, UsageOfLease());
  return absl::OkStatus();
}

// Local sessions whose process is none any more: with its number, another may
// have come.
std::vector<SessionId> Sessions::FindDead() const {
  std::vector<SessionId> out;
  RankedLock lock(&mu_);
  for (const auto& [id, session] : sessions_) {
    if (!session.detached || !session.spec.peer) continue;
    const auto started = options_.process_start(session.spec.peer->pid);
    if (started != session.spec.started) out.push_back(id);
  }
  return out;
}

absl::StatusOr<OpenedSession> Sessions::Resume(const Token& token, const Peer& peer) {
  const std::optional<std::uint64_t> started = options_.process_start(peer.pid);
  RankedLock lock(&mu_);
  const auto entry = tokens_.find(token);
  if (entry == tokens_.end()) return errors::ResumeRefused("it has ended");
  Session& session = sessions_.find(entry->second)->second;
  if (!session.detached) return errors::ResumeRefused("it is not waiting for anybody");
  if (session.spec.peer != peer || started != session.spec.started) {
    return errors::ResumeRefused("it is another process's");
  }
  session.detached = false;
  session.expires = absl::InfiniteFuture();
  return OpenedSession{.id = entry->second, .token = token};
}

void Sessions::Detach(SessionId id) {
  const absl::Time now = options_.clock->Now();
  RankedLock lock(&mu_);
  const auto entry = sessions_.find(id);
  if (entry == sessions_.end()) return;
  entry->second.detached = true;
  entry->second.expires = now + limits_.resume_window;
}

}  // namespace percpud

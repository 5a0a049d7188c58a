// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/session/sessions.h"

#include <sys/random.h>

#include <algorithm>
#include <cstdlib>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "server/base/errors.h"
#include "server/base/status_macros.h"
#include "server/session/check.h"
#include "server/session/recovery.h"

namespace percpud {
namespace {

// Whether there is anything that its process, or children of it, may still write to.
bool HasOpened(const Tables& tables, SessionId id) {
  if (!tables.holders.Find(HolderOf(id))->opened.empty()) return true;
  const auto& namespaces = tables.metrics.namespaces();
  return tables.writers.CountOf(id) > 0 ||
         std::any_of(namespaces.begin(), namespaces.end(),
                     [id](const auto& entry) { return entry.second.joined.contains(id); });
}

// Lets go of a session's leases; returns those that are not kept.
std::vector<ChunkId> ReleaseLeasesOf(Tables& tables, SessionId id, catalog::Changes* changes) {
  std::vector<ChunkId> returned;
  const HolderId holder = HolderOf(id);
  const auto held = tables.holders.Find(holder)->leases;
  for (const ChunkId chunk : held) {
    LeaseRecord lease = *tables.leases.Find(chunk);
    if (lease.name.empty()) {
      tables.leases.Withdraw(chunk);
      if (changes != nullptr) changes->DeleteLease(chunk);
      returned.push_back(chunk);
      continue;
    }
    const HolderId maker = tables.holders.OwnOf({.uid = lease.maker, .host = {}});
    tables.holders.TransferBack(holder, maker, UsageOfLease(lease.chunk.unit_size));
    tables.leases.Move(chunk, kNoSession, kNoRequest);
    lease.holder = kNoSession;
    lease.granted_by = kNoRequest;
    if (changes != nullptr) changes->Put(RecordOf(lease));
  }
  return returned;
}

std::vector<std::string> NamespacesOf(const Tables& tables, SessionId session) {
  std::vector<std::string> out;
  for (const NamespaceId joined : tables.metrics.JoinedBy(session)) {
    if (out.size() == kMostNamespacesShown) break;
    out.push_back(tables.metrics.Find(joined)->name);
  }
  return out;
}

}  // namespace

Token Sessions::RandomToken() {
  Token token;
  // The kernel's pool never fails once the system is up; without it there is no
  // session to be had.
  if (getrandom(token.data(), token.size(), 0) != static_cast<ssize_t>(token.size())) std::abort();
  return token;
}

Sessions::Sessions(Allocator& allocator, Options options)
    : allocator_(allocator),
      options_(std::move(options)),
      books_(options_.limits, options_.catalog),
      areas_(allocator, books_),
      leases_(allocator, books_),
      variables_(allocator, books_),
      metrics_(allocator, books_, *options_.clock) {
  metrics_.SetLimits(options_.metric_limits);
}

void Sessions::SetLimits(const SessionLimits& limits) {
  books_.Update([&](Tables& tables) {
    tables.limits = limits;
    tables.holders.set_limits(limits);
    tables.variables.set_per_user(limits.variables_per_user);
  });
}

// --- Life --------------------------------------------------------------------

absl::StatusOr<OpenedSession> Sessions::Open(SessionSpec spec) {
  const Token token = options_.make_token();
  const BootTime now = options_.clock->Now();
  Transaction tx(books_, {});
  Tables& tables = tx.tables();
  RETURN_IF_ERROR(tables.holders.CheckTotal(tables.sessions.size()));
  const SessionId id = tables.sessions.NextId();
  const bool is_remote = spec.IsRemote();
  RETURN_IF_ERROR(tables.holders.AddSession(id, spec.identity(), is_remote));
  const BootTime expires = now + spec.ttl;
  const Session& session = tables.sessions.Add(
      id, {.spec = std::move(spec), .token = token, .since = now, .expires = expires});
  if (tx.keeps()) tx.Put(RecordOf(id, session));
  tx.Put(catalog::LastSession{.id = id});
  RETURN_IF_ERROR(
      tx.Commit([id](Tables& opened) { opened.sessions.Find(id)->state = Session::State::kLive; },
                [id, is_remote](Tables& refused) {
                  refused.sessions.Remove(id);
                  refused.holders.RemoveSession(id, is_remote);
                }));
  return OpenedSession{.id = id, .token = token};
}

bool Sessions::End(SessionId id) {
  return EndIf(id, Ending::kWhole, [](const Session&) { return true; });
}

bool Sessions::Leave(SessionId id) {
  return EndIf(id, Ending::kForChildren,
               [](const Session& session) { return session.state == Session::State::kLive; });
}

bool Sessions::EndIf(SessionId id, Ending ending,
                     absl::FunctionRef<bool(const Session&)> condition) {
  Transaction tx(books_, {});
  Session* const session = tx.tables().sessions.FindToEnd(id);
  if (session == nullptr || !condition(*session)) return false;
  tx.tables().sessions.BeginEnd(id);
  // What is being committed for it is entered, or undone, first.
  tx.WaitUntil([&] { return tx.tables().holders.Find(HolderOf(id))->in_flight == 0; });
  const bool is_left = (ending == Ending::kForChildren || ending == Ending::kForItself) &&
                       HasOpened(tx.tables(), id);
  if (!is_left && ending != Ending::kReplaced) ending = Ending::kWhole;
  const Taken taken = TakeBack(tx, id, ending);
  // The areas follow in slices: one that is left behind by a crash has an owner that
  // does not exist, and is freed at the next start.
  const Journal::Ticket ticket = tx.EnterOwed([](Tables&) {});
  books_.journal().Await(ticket).IgnoreError();
  // A writer that a crash leaves behind has a session that does not exist, and is folded at
  // the next start.
  if (ending != Ending::kForItself) {
    metrics_.CloseWritersOf(id, ending == Ending::kReplaced ? Leaves::kNothing : Leaves::kByMode);
  }
  areas_.FreeAll(taken.freed);
  while (FreeSlice(id)) {
  }
  for (const ChunkId chunk : taken.leases) allocator_.ReturnLease(chunk).IgnoreError();
  books_.Update([&](Tables& tables) {
    Session& row = *tables.sessions.Find(id);
    if (is_left) {
      row.state = Session::State::kLeft;
      row.expires = BootTime::InfiniteFuture();
      return;
    }
    tables.holders.RemoveSession(id, row.spec.IsRemote());
    tables.sessions.Remove(id);
  });
  if (ended_ && !is_left) ended_(id);
  return true;
}

Sessions::Taken Sessions::TakeBack(Transaction& tx, SessionId id, Ending ending) {
  Tables& tables = tx.tables();
  Session& session = *tables.sessions.Find(id);
  catalog::Changes* const changes = tx.keeps() ? &tx.changes() : nullptr;
  if (changes != nullptr) {
    for (const RequestId request : session.answers.kept()) changes->DeleteAnswer(id, request);
  }
  Taken out;
  out.leases = ReleaseLeasesOf(tables, id, changes);
  tables.metrics.log().Leave(id.value());
  if (ending == Ending::kForItself) {
    // The next daemon waits for the process too. What owns nothing is not resumed.
    session.token = options_.make_token();
    if (tx.keeps()) tx.Put(RecordOf(id, session));
    return out;
  }
  if (changes != nullptr) changes->DeleteSession(id);
  if (ending == Ending::kForChildren) return out;
  out.freed = CloseAll(tables, id, changes);
  LeaveAll(tables, id, changes);
  return out;
}

bool Sessions::FreeSlice(SessionId id) {
  constexpr std::size_t kSlice = 256;
  std::vector<PercpuPtr> slice;
  books_.Update([&](Tables& tables) {
    const auto& areas = tables.holders.Find(HolderOf(id))->areas;
    for (auto area = areas.begin(); area != areas.end() && slice.size() < kSlice; ++area) {
      slice.push_back(*area);
    }
    tables.areas.Withdraw(slice);
  });
  areas_.FreeAll(slice);
  return !slice.empty();
}

std::optional<Caller> Sessions::Find(const Token& token) {
  const BootTime now = options_.clock->Now();
  return books_.Update([&](Tables& tables) -> std::optional<Caller> {
    const SessionId id = tables.sessions.FindToken(token);
    if (id == kNoSession) return std::nullopt;
    Session& session = *tables.sessions.Find(id);
    session.Renew(now);
    Identity identity = session.spec.identity();
    return Caller{.role = session.spec.role,
                  .session = id,
                  .uid = identity.uid,
                  .request = kNoRequest,
                  .host = std::move(identity.host)};
  });
}

absl::Status Sessions::CheckLive(const Caller& caller) {
  if (caller.session == kNoSession) return absl::OkStatus();
  const BootTime now = options_.clock->Now();
  return books_.Update([&](Tables& tables) -> absl::Status {
    Session* const session = tables.sessions.FindLive(caller.session);
    if (session == nullptr) return errors::SessionEnded(caller.session.value());
    session->Renew(now);
    return absl::OkStatus();
  });
}

std::size_t Sessions::ReapExpired() {
  const BootTime now = options_.clock->Now();
  // If this thread did not run, neither did those that hear of renewals.
  const absl::Duration stopped =
      last_reap_ ? now - *last_reap_ - 2 * kReapInterval : absl::ZeroDuration();
  last_reap_ = now;
  if (stopped > absl::ZeroDuration()) {
    books_.Update([stopped](Tables& tables) { tables.sessions.Postpone(stopped); });
  }
  metrics_.Expire();
  metrics_.Collect();
  std::size_t reaped = ReapUnrenewed(now);
  // One that waits for its process need not wait for the window to pass if that has ended.
  for (const SessionId id : ListDead()) {
    const auto waits = [](const Session& session) { return session.detached; };
    reaped += EndIf(id, Ending::kWhole, waits) ? 1 : 0;
  }
  for (const SessionId id : ListReplaced()) {
    const auto is_left = [](const Session& session) {
      return session.state == Session::State::kLeft;
    };
    reaped += EndIf(id, Ending::kReplaced, is_left) ? 1 : 0;
  }
  return reaped;
}

std::size_t Sessions::ReapUnrenewed(BootTime now) {
  struct Expired {
    SessionId id;
    SessionSpec spec;
  };
  const auto expired = books_.Read([now](const Tables& tables) {
    std::vector<Expired> out;
    for (const SessionId id : tables.sessions.ListExpired(now)) {
      out.push_back({.id = id, .spec = tables.sessions.Find(id)->spec});
    }
    return out;
  });
  std::size_t reaped = 0;
  for (const auto& [id, spec] : expired) {
    // A process that may come back at any time goes on counting meanwhile.
    const bool lives = spec.peer && spec.started != 0 &&
                       options_.look_at_process(spec.peer->pid).started == spec.started;
    // Renewed or resumed meanwhile, it stays.
    const auto is_over = [now](const Session& session) { return session.expires <= now; };
    reaped += EndIf(id, lives ? Ending::kForItself : Ending::kWhole, is_over) ? 1 : 0;
  }
  return reaped;
}

std::vector<SessionId> Sessions::ListReplaced() const {
  return books_.Read([](const Tables& tables) {
    std::vector<SessionId> out;
    absl::flat_hash_map<std::pair<ProcessId, std::uint64_t>, SessionId> left;
    for (const auto& [id, session] : tables.sessions.all()) {
      if (!session.detached || session.state != Session::State::kLeft) continue;
      left.emplace(std::pair(session.spec.peer->pid, session.spec.started), id);
    }
    if (left.empty()) return out;
    for (const auto& [id, session] : tables.sessions.all()) {
      if (session.detached || session.state != Session::State::kLive) continue;
      if (!session.spec.peer) continue;
      const auto found = left.find({session.spec.peer->pid, session.spec.started});
      if (found != left.end()) out.push_back(found->second);
    }
    return out;
  });
}

// --- After a restart ------------------------------------------------------------

absl::Status Sessions::Restore(const Remembered& remembered) {
  Recovery recovery(allocator_, books_, options_.clock->Now());
  RETURN_IF_ERROR(recovery.Run(remembered));
  areas_.FreeAll(recovery.orphans());
  metrics_.CloseLeftWriters();
  for (const SessionId dead : ListDead()) End(dead);
  return absl::OkStatus();
}

// Only what the kernel knows to have ended is dead: a process that cannot be seen may
// come back, and waits for its window to pass.
std::vector<SessionId> Sessions::ListDead() const {
  struct Waiting {
    SessionId id;
    ProcessId pid;
    std::uint64_t started;
  };
  const auto all = books_.Read([](const Tables& tables) {
    std::vector<Waiting> out;
    for (const auto& [id, session] : tables.sessions.all()) {
      if (!session.detached || !session.spec.peer) continue;
      out.push_back({.id = id, .pid = session.spec.peer->pid, .started = session.spec.started});
    }
    return out;
  });
  // The kernel is asked without the lock.
  std::vector<SessionId> dead;
  for (const Waiting& each : all) {
    if (options_.look_at_process(each.pid).IsOver(each.started)) dead.push_back(each.id);
  }
  return dead;
}

absl::StatusOr<OpenedSession> Sessions::Resume(const Token& token, const Peer& peer) {
  const ProcessSighting seen = options_.look_at_process(peer.pid);
  return books_.Update([&](Tables& tables) -> absl::StatusOr<OpenedSession> {
    const SessionId id = tables.sessions.FindToken(token);
    if (id == kNoSession) return errors::ResumeRefused("it has ended");
    Session& session = *tables.sessions.Find(id);
    if (!session.detached) return errors::ResumeRefused("it is not waiting for anybody");
    const Peer& owner = session.spec.peer.value_or(Peer{});
    // A process that was not seen is known by its user and its token.
    const bool is_same = session.spec.started == 0 || owner.pid == peer.pid;
    if (!is_same || owner.uid != peer.uid || seen.IsAnother(session.spec.started)) {
      return errors::ResumeRefused("it is another process's");
    }
    session.detached = false;
    session.expires = BootTime::InfiniteFuture();
    return OpenedSession{.id = id, .token = token};
  });
}

void Sessions::Detach(SessionId id) {
  const BootTime now = options_.clock->Now();
  books_.Update([&](Tables& tables) {
    Session* const session = tables.sessions.FindLive(id);
    if (session == nullptr) return;
    session->detached = true;
    session->expires = now + tables.limits.resume_window;
  });
}

// --- Looking at it -----------------------------------------------------------

std::vector<SessionSnapshot> Sessions::List(SessionId first, std::size_t limit) const {
  const BootTime now = options_.clock->Now();
  return books_.Read([&](const Tables& tables) {
    std::vector<SessionSnapshot> out;
    const auto& all = tables.sessions.all();
    for (auto entry = all.lower_bound(first); entry != all.end() && out.size() < limit; ++entry) {
      const auto& [id, session] = *entry;
      if (session.state != Session::State::kLive && session.state != Session::State::kLeft) {
        continue;
      }
      out.push_back({.id = id,
                     .spec = session.spec,
                     .opened = ToHour(*options_.clock, session.since),
                     .age = now - session.since,
                     .use = tables.holders.Find(HolderOf(id))->account.use(),
                     .state = session.state,
                     .namespaces = NamespacesOf(tables, id)});
    }
    return out;
  });
}

std::uint64_t Sessions::quota_refusals() const {
  return books_.Read([](const Tables& tables) {
    return tables.holders.quota_refusals() + tables.variables.quota_refusals();
  });
}

absl::StatusOr<std::uint64_t> Sessions::CheckInvariants() const {
  return BooksCheck(allocator_, books_).Run();
}

}  // namespace percpud

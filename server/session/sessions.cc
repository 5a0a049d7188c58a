// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/session/sessions.h"

#include <sys/random.h>

#include <algorithm>
#include <cstdlib>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/base/errors.h"

namespace percpud {
namespace {

std::string HolderName(SessionId id) { return absl::StrCat("session ", id.value()); }
std::string HolderName(UserId id) { return absl::StrCat("uid ", id.value()); }

// What these areas will weigh, as the allocator rounds them.
Usage UsageOf(std::span<const AreaSpec> specs) {
  Usage out;
  out.areas = specs.size();
  for (const AreaSpec& spec : specs) out.bytes += RoundUp(spec.size, kGranuleSize);
  return out;
}

// The answer that was given before.
absl::Status Repeat(const Answers::Words& words, std::span<PercpuPtr> out) {
  if (words.size() != out.size()) return errors::RequestDiffers();
  std::transform(words.begin(), words.end(), out.begin(),
                 [](std::uint64_t word) { return PercpuPtr(word); });
  return absl::OkStatus();
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
      limits_(options_.limits),
      variables_(options_.limits.variables_per_user) {}

void Sessions::SetLimits(const SessionLimits& limits) {
  RankedLock lock(&mu_);
  limits_ = limits;
  variables_.set_per_user(limits.variables_per_user);
}

// --- Life --------------------------------------------------------------------

absl::StatusOr<OpenedSession> Sessions::Open(SessionSpec spec) {
  const Token token = options_.make_token();
  Ticket ticket = Ticket::kNothing;
  SessionId id;
  {
    RankedLock lock(&mu_);
    if (absl::Status status = CheckRoom(spec); !status.ok()) return status;
    if (absl::Status status = CountOpener(spec); !status.ok()) return status;
    if (spec.peer) ++users_[spec.peer->uid].sessions;
    id = SessionId(++last_id_);
    Session& session = sessions_[id];
    session.token = token;
    session.since = options_.clock->Now();
    session.expires = session.since + spec.ttl;
    session.spec = std::move(spec);
    tokens_.emplace(token, id);
    if (options_.catalog != nullptr) {
      catalog::Changes changes;
      changes.Put(RecordOf(id, session));
      changes.Put(catalog::LastSession{.id = id});
      ticket = Enter(std::move(changes));
    }
  }
  if (absl::Status status = Await(ticket); !status.ok()) {
    End(id);
    return status;
  }
  return OpenedSession{.id = id, .token = token};
}

absl::Status Sessions::CheckRoom(const SessionSpec& spec) {
  if (sessions_.size() >= limits_.sessions) {
    ++quota_refusals_;
    return errors::TooManySessions("the daemon", limits_.sessions);
  }
  if (!spec.peer) return absl::OkStatus();
  const auto user = users_.find(spec.peer->uid);
  if (user == users_.end() || user->second.sessions < limits_.sessions_per_user) {
    return absl::OkStatus();
  }
  ++quota_refusals_;
  return errors::TooManySessions(HolderName(spec.peer->uid), limits_.sessions_per_user);
}

bool Sessions::End(SessionId id) {
  std::vector<PercpuPtr> areas;
  std::vector<ChunkId> leases;
  Ticket ticket = Ticket::kNothing;
  {
    RankedLock lock(&mu_);
    const auto entry = sessions_.find(id);
    if (entry == sessions_.end()) return false;
    Session& session = entry->second;
    catalog::Changes changes;
    if (options_.catalog != nullptr) {
      changes.DeleteSession(id);
      for (const RequestId request : session.answers.kept()) changes.DeleteAnswer(id, request);
    }
    leases = Release(id, changes);
    // The areas follow in slices: one that is left behind by a crash has an
    // owner that is none, and goes at the next start.
    ticket = EnterOwed(std::move(changes));
    areas.assign(session.areas.begin(), session.areas.end());
    for (const PercpuPtr area : areas) owned_.erase(area);
    RefundLocked(session, session.account.use());
    if (session.spec.peer) {
      const auto user = users_.find(session.spec.peer->uid);
      if (--user->second.sessions == 0) users_.erase(user);
    }
    UncountOpener(session.spec);
    tokens_.erase(session.token);
    sessions_.erase(entry);
  }
  Await(ticket).IgnoreError();
  FreeAll(std::move(areas));
  for (const ChunkId chunk : leases) allocator_.ReturnLease(chunk).IgnoreError();
  if (ended_) ended_(id);
  return true;
}

absl::Status Sessions::CountOpener(const SessionSpec& spec) {
  if (spec.kind != SessionKind::kRemote || spec.opener.empty()) return absl::OkStatus();
  std::uint32_t& open = openers_[spec.opener];
  if (open >= limits_.remote_sessions_per_opener) {
    ++quota_refusals_;
    return errors::TooManyRemoteSessions(spec.opener, limits_.remote_sessions_per_opener);
  }
  ++open;
  return absl::OkStatus();
}

void Sessions::UncountOpener(const SessionSpec& spec) {
  if (spec.kind != SessionKind::kRemote || spec.opener.empty()) return;
  const auto opener = openers_.find(spec.opener);
  if (--opener->second == 0) openers_.erase(opener);
}

std::optional<Caller> Sessions::Find(const Token& token) {
  RankedLock lock(&mu_);
  const auto entry = tokens_.find(token);
  if (entry == tokens_.end()) return std::nullopt;
  Session& session = sessions_.find(entry->second)->second;
  Renew(session);
  return Caller{.role = session.spec.role,
                .session = entry->second,
                .uid = session.spec.peer ? session.spec.peer->uid : kNobody};
}

absl::Status Sessions::CheckAlive(const Caller& caller) {
  if (caller.session == kNoSession) return absl::OkStatus();
  RankedLock lock(&mu_);
  const auto session = sessions_.find(caller.session);
  if (session == sessions_.end()) return errors::SessionEnded(caller.session.value());
  Renew(session->second);
  return absl::OkStatus();
}

void Sessions::Renew(Session& session) const {
  if (session.spec.kind != SessionKind::kRemote) return;
  session.expires = options_.clock->Now() + session.spec.ttl;
}

std::size_t Sessions::ReapExpired() {
  const absl::Time now = options_.clock->Now();
  std::vector<SessionId> expired;
  {
    RankedLock lock(&mu_);
    for (const auto& [id, session] : sessions_) {
      if (session.expires <= now) expired.push_back(id);
    }
  }
  for (const SessionId id : expired) End(id);
  return expired.size();
}

// In slices, so that the allocator's index lock is free in between. What is gone
// from the catalog is granted again only behind its deletion, so nobody waits.
void Sessions::FreeAll(std::vector<PercpuPtr> areas) {
  constexpr std::size_t kSlice = 256;
  std::sort(areas.begin(), areas.end());
  for (std::size_t done = 0; done < areas.size(); done += kSlice) {
    const auto slice = std::span(areas).subspan(done, std::min(kSlice, areas.size() - done));
    EnterOwed(DeletionOf(slice));
    // An operator may have freed one of them just now, which spoils the batch.
    if (allocator_.FreeBatch(slice).ok()) continue;
    for (const PercpuPtr area : slice) allocator_.Free(area).IgnoreError();
  }
}

// --- Charging ----------------------------------------------------------------

absl::Status Sessions::ChargeLocked(SessionId id, Session& session, const Usage& more) {
  absl::Status status = session.account.Charge(limits_.per_session, HolderName(id), more);
  if (status.ok() && session.spec.peer) {
    const UserId uid = session.spec.peer->uid;
    status = users_[uid].account.Charge(limits_.per_user, HolderName(uid), more);
    if (!status.ok()) session.account.Refund(more);
  }
  if (!status.ok()) ++quota_refusals_;
  return status;
}

void Sessions::RefundLocked(Session& session, Usage less) {
  session.account.Refund(less);
  if (session.spec.peer) users_[session.spec.peer->uid].account.Refund(less);
}

absl::Status Sessions::Charge(SessionId id, const Usage& more) {
  if (id == kNoSession) return absl::OkStatus();
  RankedLock lock(&mu_);
  const auto session = sessions_.find(id);
  if (session == sessions_.end()) return errors::SessionEnded(id.value());
  return ChargeLocked(id, session->second, more);
}

void Sessions::Refund(SessionId id, const Usage& less) {
  if (id == kNoSession) return;
  RankedLock lock(&mu_);
  // An ended session's account went with it.
  if (const auto session = sessions_.find(id); session != sessions_.end()) {
    RefundLocked(session->second, less);
  }
}

// --- Granting ----------------------------------------------------------------

std::optional<absl::Status> Sessions::TryAllocBatch(const Caller& caller,
                                                    std::span<const AreaSpec> specs,
                                                    const AllocOptions& options,
                                                    std::span<PercpuPtr> out) {
  const Request request(*this, caller);
  if (!request.status().ok()) return request.status();
  if (request.answer()) return Repeat(*request.answer(), out);
  // Before the books are touched: sizes out of range must not be added up.
  if (absl::Status status = allocator_.Validate(specs, options); !status.ok()) return status;
  const Usage more = UsageOf(specs);
  if (absl::Status status = Charge(caller.session, more); !status.ok()) return status;
  std::optional<absl::Status> status = allocator_.TryAllocBatch(specs, options, out);
  if (!status || !status->ok()) {
    Refund(caller.session, more);
    return status;
  }
  return Grant(caller, specs, options.tag, out);
}

absl::Status Sessions::AllocBatch(const Caller& caller, std::span<const AreaSpec> specs,
                                  const AllocOptions& options, std::span<PercpuPtr> out) {
  const Request request(*this, caller);
  if (!request.status().ok()) return request.status();
  if (request.answer()) return Repeat(*request.answer(), out);
  if (absl::Status status = allocator_.Validate(specs, options); !status.ok()) return status;
  const Usage more = UsageOf(specs);
  if (absl::Status status = Charge(caller.session, more); !status.ok()) return status;
  if (absl::Status status = allocator_.AllocBatch(specs, options, out); !status.ok()) {
    Refund(caller.session, more);
    return status;
  }
  return Grant(caller, specs, options.tag, out);
}

absl::StatusOr<Bytes> Sessions::FreeBatch(const Caller& caller,
                                          std::span<const PercpuPtr> pointers) {
  const Request request(*this, caller);
  if (!request.status().ok()) return request.status();
  if (request.answer()) return Bytes(request.answer()->empty() ? 0 : request.answer()->front());
  const absl::StatusOr<Withdrawn> withdrawn = Withdraw(Rpc::kFree, caller, pointers);
  if (!withdrawn.ok()) return Explain(pointers, withdrawn.status());
  return FreeWithdrawn(caller, *withdrawn, pointers);
}

// A pointer nobody owns may be no area at all: freed before, or never granted.
absl::Status Sessions::Explain(std::span<const PercpuPtr> pointers, absl::Status refusal) const {
  for (const PercpuPtr pointer : pointers) {
    if (absl::Status status = allocator_.CheckArea(pointer); !status.ok()) return status;
  }
  return refusal;
}

absl::Status Sessions::CheckMayTake(Rpc rpc, const Caller& caller, PercpuPtr pointer) const {
  if (const Variable* variable = variables_.At(pointer)) {
    return errors::AreaIsVariable(pointer, variable->name);
  }
  const auto entry = owned_.find(pointer);
  const SessionId owner = entry == owned_.end() ? kNoSession : entry->second.session;
  if (MayUse(rpc, caller, owner)) return absl::OkStatus();
  if (owner != kNoSession) return errors::NotOwner(pointer, owner.value());
  return errors::OwnedByNobody(pointer);
}

absl::StatusOr<Sessions::Withdrawn> Sessions::Withdraw(Rpc rpc, const Caller& caller,
                                                       std::span<const PercpuPtr> pointers) {
  RankedLock lock(&mu_);
  for (const PercpuPtr pointer : pointers) {
    if (absl::Status status = CheckMayTake(rpc, caller, pointer); !status.ok()) return status;
  }
  Withdrawn out;
  for (const PercpuPtr pointer : pointers) {
    const auto entry = owned_.find(pointer);
    // Nobody's, or named twice, which the allocator refuses.
    if (entry == owned_.end()) continue;
    const Owned owned = entry->second;
    Session& session = sessions_.find(owned.session)->second;
    session.areas.erase(pointer);
    RefundLocked(session, {.bytes = owned.size, .areas = 1});
    owned_.erase(entry);
    out.emplace_back(pointer, owned);
  }
  return out;
}

// Undoes Withdraw. The room under the quota may be gone meanwhile, but what was
// held may be held on.
void Sessions::Reenter(const Withdrawn& areas) {
  std::vector<PercpuPtr> orphans;
  {
    RankedLock lock(&mu_);
    for (const auto& [pointer, owned] : areas) {
      const auto entry = sessions_.find(owned.session);
      if (entry == sessions_.end()) {
        orphans.push_back(pointer);
        continue;
      }
      Session& session = entry->second;
      RestoreUse(session, {.bytes = owned.size, .areas = 1});
      session.areas.insert(pointer);
      owned_.emplace(pointer, owned);
    }
  }
  FreeAll(std::move(orphans));
}

// --- Looking at it -----------------------------------------------------------

SessionId Sessions::OwnerOf(PercpuPtr area) const {
  RankedLock lock(&mu_);
  if (const auto entry = owned_.find(area); entry != owned_.end()) return entry->second.session;
  for (const auto& [chunk, lease] : leases_) {
    if (lease.chunk.base == area) return lease.holder;
  }
  return kNoSession;
}

std::vector<SessionSnapshot> Sessions::List(SessionId first, std::size_t limit) const {
  const absl::Time now = options_.clock->Now();
  std::vector<SessionSnapshot> out;
  RankedLock lock(&mu_);
  for (auto entry = sessions_.lower_bound(first); entry != sessions_.end() && out.size() < limit;
       ++entry) {
    const Session& session = entry->second;
    out.push_back({.id = entry->first,
                   .spec = session.spec,
                   .opened = session.since,
                   .age = now - session.since,
                   .use = session.account.use()});
  }
  return out;
}

std::uint64_t Sessions::quota_refusals() const {
  RankedLock lock(&mu_);
  return quota_refusals_ + variables_.quota_refusals();
}

}  // namespace percpud

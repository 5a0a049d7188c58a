// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// What the sessions' books look like in the catalog, and when they get there:
// entered under the lock that orders them, committed before they are answered.

#include <algorithm>
#include <bit>
#include <span>
#include <utility>
#include <vector>

#include "server/base/errors.h"
#include "server/percpu/introspect/inspector.h"
#include "server/session/sessions.h"

namespace percpud {

using catalog::Changes;

Sessions::Ticket Sessions::Enter(Changes changes) {
  if (options_.catalog == nullptr) return Ticket::kNothing;
  return options_.catalog->Enter(std::move(changes));
}

Sessions::Ticket Sessions::EnterOwed(Changes changes) {
  if (options_.catalog == nullptr) return Ticket::kNothing;
  return options_.catalog->EnterOwed(std::move(changes));
}

absl::Status Sessions::Await(Ticket ticket) {
  if (ticket == Ticket::kNothing) return absl::OkStatus();
  return options_.catalog->Await(ticket);
}

catalog::Session Sessions::RecordOf(SessionId id, const Session& session) {
  const SessionSpec& spec = session.spec;
  const Peer peer = spec.peer.value_or(Peer{});
  catalog::Session out{.id = id,
                       .token = session.token,
                       .kind = static_cast<std::uint8_t>(spec.kind),
                       .role = static_cast<std::uint8_t>(spec.role),
                       .has_peer = spec.peer.has_value(),
                       .pid = peer.pid,
                       .uid = peer.uid,
                       .gid = peer.gid,
                       .started = spec.started,
                       .opened_ns = static_cast<std::uint64_t>(absl::ToUnixNanos(session.since)),
                       .command = spec.command};
  if (spec.ttl != absl::InfiniteDuration()) {
    out.ttl_ns = static_cast<std::uint64_t>(absl::ToInt64Nanoseconds(spec.ttl));
  }
  return out;
}

catalog::Lease Sessions::RecordOf(const LeaseRecord& lease) {
  return {.chunk = lease.chunk.id,
          .map_base = lease.chunk.map_base,
          .holder = lease.holder,
          .maker = lease.maker,
          .name = lease.name};
}

catalog::Variable Sessions::RecordOf(const Variable& variable) {
  return {.name = variable.name,
          .type = static_cast<std::uint8_t>(variable.type),
          .pointer = variable.pointer,
          .size = variable.size,
          .maker = variable.maker};
}

catalog::Area Sessions::RecordOf(PercpuPtr pointer, const AreaSpec& spec, SessionId owner,
                                 absl::string_view tag) {
  const Bytes alignment = std::max(spec.alignment, kMinAlign);
  return {.pointer = pointer,
          .size = ToGranules(spec.size),
          .alignment = static_cast<std::uint8_t>(std::countr_zero(alignment.value())),
          .owner = owner,
          .tag = tag};
}

Changes Sessions::DeletionOf(std::span<const PercpuPtr> areas) const {
  Changes changes;
  if (options_.catalog == nullptr) return changes;
  for (const PercpuPtr area : areas) changes.DeleteArea(area);
  return changes;
}

// --- Requests that may come again ----------------------------------------------

Sessions::Request::Request(Sessions& sessions, const Caller& caller)
    : sessions_(sessions), session_(caller.session), id_(caller.request) {
  if (id_ == kNoRequest || session_ == kNoSession) return;
  RankedLock lock(&sessions_.mu_);
  const auto session = sessions_.sessions_.find(session_);
  if (session == sessions_.sessions_.end()) {
    status_ = errors::SessionEnded(session_.value());
    return;
  }
  Answers& answers = session->second.answers;
  status_ = answers.Begin(id_);
  if (!status_.ok()) return;
  begun_ = true;
  // Being answered and being under way exclude each other: what is kept is
  // committed.
  if (const Answers::Words* words = answers.Find(id_)) answer_ = *words;
}

Sessions::Request::~Request() {
  if (!begun_) return;
  RankedLock lock(&sessions_.mu_);
  const auto session = sessions_.sessions_.find(session_);
  if (session != sessions_.sessions_.end()) session->second.answers.End(id_);
}

void Sessions::KeepAnswer(const Caller& caller, Answers::Words words, Changes& changes) {
  if (caller.request == kNoRequest) return;
  const auto session = sessions_.find(caller.session);
  if (session == sessions_.end()) return;
  Answers& answers = session->second.answers;
  if (options_.catalog != nullptr) {
    changes.Put(catalog::Answer{.session = caller.session,
                                .request = caller.request,
                                .order = answers.next_order(),
                                .words = words});
  }
  for (const RequestId forgotten : answers.Keep(caller.request, std::move(words))) {
    if (options_.catalog != nullptr) changes.DeleteAnswer(caller.session, forgotten);
  }
}

void Sessions::ForgetAnswer(const Caller& caller) {
  if (caller.request == kNoRequest) return;
  const auto session = sessions_.find(caller.session);
  if (session != sessions_.end()) session->second.answers.Forget(caller.request);
}

// --- Granting and freeing --------------------------------------------------------

absl::Status Sessions::Grant(const Caller& caller, std::span<const AreaSpec> specs,
                             absl::string_view tag, std::span<const PercpuPtr> pointers) {
  Changes changes;
  if (options_.catalog != nullptr) {
    for (std::size_t i = 0; i < pointers.size(); ++i) {
      changes.Put(RecordOf(pointers[i], specs[i], caller.session, tag));
    }
  }
  // Nobody can name nobody's area before it is answered.
  if (caller.session == kNoSession) {
    absl::Status status = Await(Enter(std::move(changes)));
    if (!status.ok()) FreeAll({pointers.begin(), pointers.end()});
    return status;
  }
  Ticket ticket = Ticket::kNothing;
  bool alive = false;
  {
    RankedLock lock(&mu_);
    if (const auto entry = sessions_.find(caller.session); entry != sessions_.end()) {
      alive = true;
      for (std::size_t i = 0; i < pointers.size(); ++i) {
        const Bytes size = RoundUp(specs[i].size, kGranuleSize);
        owned_.insert_or_assign(pointers[i], Owned{.session = caller.session, .size = size});
        entry->second.areas.insert(pointers[i]);
      }
      if (caller.request != kNoRequest) {
        Answers::Words words;
        for (const PercpuPtr pointer : pointers) words.push_back(pointer.value());
        KeepAnswer(caller, std::move(words), changes);
      }
      ticket = Enter(std::move(changes));
    }
  }
  if (!alive) {
    FreeAll({pointers.begin(), pointers.end()});
    return errors::SessionEnded(caller.session.value());
  }
  absl::Status status = Await(ticket);
  if (!status.ok()) Ungrant(caller, pointers);
  return status;
}

// Takes back what could not be committed, as far as it is still the caller's.
void Sessions::Ungrant(const Caller& caller, std::span<const PercpuPtr> pointers) {
  std::vector<PercpuPtr> mine;
  {
    RankedLock lock(&mu_);
    ForgetAnswer(caller);
    for (const PercpuPtr pointer : pointers) {
      const auto entry = owned_.find(pointer);
      if (entry == owned_.end() || entry->second.session != caller.session) continue;
      Session& session = sessions_.find(caller.session)->second;
      session.areas.erase(pointer);
      RefundLocked(session, {.bytes = entry->second.size, .areas = 1});
      owned_.erase(entry);
      mine.push_back(pointer);
    }
  }
  FreeAll(std::move(mine));
}

// Each of them a live area, and each once: the allocator will take them.
bool Sessions::MayFree(const Withdrawn& withdrawn, std::span<const PercpuPtr> pointers) const {
  // In somebody's books until just now.
  if (withdrawn.size() == pointers.size()) return true;
  std::vector<PercpuPtr> sorted(pointers.begin(), pointers.end());
  std::sort(sorted.begin(), sorted.end());
  if (std::adjacent_find(sorted.begin(), sorted.end()) != sorted.end()) return false;
  return std::all_of(sorted.begin(), sorted.end(),
                     [this](PercpuPtr pointer) { return allocator_.CheckArea(pointer).ok(); });
}

// Out of the catalog first: once the allocator has an area back, somebody else
// may be granted it, and theirs is entered after this.
absl::StatusOr<Bytes> Sessions::FreeWithdrawn(const Caller& caller, const Withdrawn& withdrawn,
                                              std::span<const PercpuPtr> pointers) {
  const bool records = options_.catalog != nullptr || caller.request != kNoRequest;
  if (!records || pointers.empty() || !MayFree(withdrawn, pointers)) {
    absl::StatusOr<Bytes> freed = allocator_.FreeBatch(pointers);
    if (!freed.ok()) Reenter(withdrawn);
    return freed;
  }
  const Bytes total = caller.request == kNoRequest ? Bytes(0) : SizeOf(withdrawn, pointers);
  Changes changes = DeletionOf(pointers);
  Ticket ticket = Ticket::kNothing;
  {
    RankedLock lock(&mu_);
    KeepAnswer(caller, {total.value()}, changes);
    ticket = Enter(std::move(changes));
  }
  const absl::Status status = Await(ticket);
  absl::StatusOr<Bytes> freed = status.ok() ? allocator_.FreeBatch(pointers) : status;
  if (freed.ok()) return freed;
  {
    RankedLock lock(&mu_);
    ForgetAnswer(caller);
  }
  Reenter(withdrawn);
  // Freed twice at once: what the allocator kept is in the catalog again.
  if (status.ok()) EnterAgain(withdrawn);
  return freed;
}

void Sessions::EnterAgain(const Withdrawn& areas) {
  if (options_.catalog == nullptr) return;
  Changes changes;
  for (const auto& [pointer, owned] : areas) {
    changes.Put(catalog::Area{
        .pointer = pointer, .size = ToGranules(owned.size), .owner = owned.session, .tag = {}});
  }
  Await(EnterOwed(std::move(changes))).IgnoreError();
}

Bytes Sessions::SizeOf(const Withdrawn& withdrawn, std::span<const PercpuPtr> pointers) const {
  Bytes total;
  for (const auto& [pointer, owned] : withdrawn) total += owned.size;
  if (withdrawn.size() == pointers.size()) return total;
  total = Bytes(0);
  for (const PercpuPtr pointer : pointers) {
    const absl::StatusOr<Resolution> found = Inspector(allocator_).Resolve(pointer);
    if (found.ok()) total += found->area.size;
  }
  return total;
}

}  // namespace percpud

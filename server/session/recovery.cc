// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/session/recovery.h"

#include <algorithm>
#include <cassert>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/base/errors.h"
#include "server/base/status_macros.h"
#include "server/session/access/peer.h"
#include "server/session/series/records.h"
#include "server/session/variables.h"

namespace percpud {
namespace {

// Takes a number of the catalog's as what it stands for; the highest is `last`.
template <typename Enum>
bool Take(std::uint8_t number, Enum last, Enum& out) {
  if (number > static_cast<std::uint8_t>(last)) return false;
  out = static_cast<Enum>(number);
  return true;
}

// The areas that are blocks of series or of writers, and their sizes.
absl::flat_hash_map<PercpuPtr, Bytes> BlocksOf(const Remembered& remembered) {
  absl::flat_hash_map<PercpuPtr, Bytes> out;
  for (const catalog::SeriesBlock& block : remembered.contents.blocks) {
    out.emplace(block.pointer, Bytes(0));
  }
  for (const catalog::WriterBlock& block : remembered.contents.writer_blocks) {
    out.emplace(block.pointer, Bytes(0));
  }
  if (out.empty()) return out;
  for (const RestoredState::Area& area : remembered.state.areas) {
    const auto block = out.find(area.pointer);
    if (block != out.end()) block->second = ToBytes(area.size);
  }
  return out;
}

}  // namespace

absl::StatusOr<Remembered> Remember(catalog::Catalog& catalog) {
  Remembered out;
  RestoredState& state = out.state;
  // Areas of one tag mostly come together.
  const std::string* last = nullptr;
  const auto on_area = [&](catalog::Area area, std::size_t of) {
    if (state.areas.empty()) {
      state.areas.reserve(of);
      out.owners.reserve(of);
    }
    if (!area.tag.empty()) {
      if (last == nullptr || *last != area.tag) last = &*out.tags.emplace(area.tag).first;
      area.tag = *last;
    }
    state.areas.push_back({.pointer = area.pointer, .size = area.size, .tag = area.tag});
    out.owners.push_back(area.owner);
    return true;
  };
  ASSIGN_OR_RETURN(out.contents, catalog.Load(on_area));
  for (const catalog::Chunk& chunk : out.contents.chunks) {
    state.chunks.push_back({.id = chunk.id, .base = chunk.base});
  }
  for (const catalog::Lease& lease : out.contents.leases) {
    state.leases.push_back({.chunk = lease.chunk, .map_base = lease.map_base});
  }
  return out;
}

std::function<void(const ChunkEvent&)> ChunkRecorder(catalog::Catalog& catalog) {
  return [&catalog](const ChunkEvent& event) {
    catalog::Changes changes;
    if (event.destroyed) {
      changes.DeleteChunk(event.id);
    } else {
      changes.Put(catalog::Chunk{.id = event.id, .base = event.base, .order = event.order});
    }
    catalog.EnterOwed(std::move(changes));
  };
}

absl::Status Recovery::Run(const Remembered& remembered) {
  RETURN_IF_ERROR(CheckVariables(remembered.contents));
  RETURN_IF_ERROR(books_.Update([&](Tables& tables) { return Fill(tables, remembered); }));
  books_.journal().EnterOwed(std::move(stale_));
  return absl::OkStatus();
}

absl::Status Recovery::CheckVariables(const catalog::Contents& contents) const {
  for (const catalog::Variable& record : contents.variables) {
    if (allocator_.CheckArea(record.pointer).ok()) continue;
    return errors::NotRestorable(absl::StrCat("variable ", record.name), "has no area");
  }
  for (const catalog::Quarantined& record : contents.quarantined) {
    if (allocator_.CheckArea(record.pointer).ok()) continue;
    return errors::NotRestorable(absl::StrCat("the quarantine of ", record.pointer.value()),
                                 "has no area");
  }
  return absl::OkStatus();
}

absl::Status Recovery::Fill(Tables& tables, const Remembered& remembered) {
  const catalog::Contents& contents = remembered.contents;
  tables.sessions.SkipTo(contents.last_session);
  for (const catalog::Session& record : contents.sessions) {
    RETURN_IF_ERROR(RestoreSession(tables, record));
  }
  for (const catalog::Identity& record : contents.identities) {
    const HolderId own(record.owner.value());
    const Identity identity{.uid = record.uid, .host = record.host};
    if (!IsIdentity(own) || tables.holders.Find(own) != nullptr) {
      return errors::NotRestorable(absl::StrCat("identity ", own.value()), "is no identity");
    }
    tables.holders.RestoreIdentity(own, identity);
  }
  for (const catalog::Variable& record : contents.variables) {
    RETURN_IF_ERROR(RestoreVariable(tables, record));
  }
  RETURN_IF_ERROR(RestoreLeases(tables, contents));
  RestoreOpeners(tables, contents);
  RETURN_IF_ERROR(
      RestoreMetrics(tables, contents, BlocksOf(remembered), allocator_.info(), stale_));
  RestoreAreas(tables, remembered);
  RestoreAnswers(tables, contents.answers);
  ForgetIdleIdentities(tables, contents);
  return absl::OkStatus();
}

absl::Status Recovery::RestoreSession(Tables& tables, const catalog::Session& record) const {
  Session session;
  session.token = record.token;
  // A daemon before this one may have counted by another clock.
  session.since =
      std::min(now_, BootTime(absl::Nanoseconds(static_cast<std::int64_t>(record.opened_ns))));
  session.spec.command = record.command;
  session.spec.started = record.started;
  if (!Take(record.kind, SessionKind::kRemote, session.spec.kind) ||
      !Take(record.role, Role::kOperator, session.spec.role)) {
    return errors::NotRestorable(absl::StrCat("session ", record.id.value()), "is of no kind");
  }
  if (record.id == kNoSession || IsIdentity(HolderOf(record.id)) ||
      tables.sessions.FindToken(record.token) != kNoSession) {
    return errors::NotRestorable(absl::StrCat("session ", record.id.value()),
                                 "has another's number or token");
  }
  if (record.has_peer) {
    session.spec.peer = Peer{.pid = record.pid, .uid = record.uid, .gid = record.gid};
    // A number of another namespace is another process's here.
    const bool is_of_here = record.pid_namespace == 0 || record.pid_namespace == PidNamespace();
    if (!is_of_here) {
      session.spec.peer->pid = ProcessId(0);
      session.spec.started = 0;
    }
  } else {
    session.spec.opener = {.uid = record.uid, .host = record.host};
  }
  if (record.ttl_ns != 0) {
    session.spec.ttl = absl::Nanoseconds(static_cast<std::int64_t>(record.ttl_ns));
  }
  const bool is_remote = session.spec.IsRemote();
  session.detached = !is_remote;
  session.expires = now_ + (is_remote ? session.spec.ttl : tables.limits.resume_window);
  session.state = Session::State::kLive;
  tables.holders.RestoreSession(record.id, session.spec.identity(), is_remote);
  tables.sessions.SkipTo(record.id);
  tables.sessions.Add(record.id, std::move(session));
  return absl::OkStatus();
}

absl::Status Recovery::RestoreVariable(Tables& tables, const catalog::Variable& record) {
  Variable variable{.name = record.name,
                    .type = VariableType::kBytes,
                    .pointer = record.pointer,
                    .size = record.size,
                    .maker = {.uid = record.maker, .host = record.host}};
  if (!Take(record.type, VariableType::kBytes, variable.type)) {
    return errors::NotRestorable(absl::StrCat("variable ", record.name), "is of no type");
  }
  return tables.variables.Restore(variable);
}

absl::Status Recovery::RestoreLeases(Tables& tables, const catalog::Contents& contents) const {
  absl::flat_hash_map<ChunkId, Bytes> bases;
  for (const catalog::Chunk& chunk : contents.chunks) bases.emplace(chunk.id, chunk.base);
  for (const catalog::Lease& record : contents.leases) {
    const auto base = bases.find(record.chunk);
    if (base == bases.end()) {
      return errors::NotRestorable(absl::StrCat("the lease of chunk ", record.chunk.value()),
                                   "has no chunk");
    }
    // A holder that has ended holds nothing; its last commit said so.
    const bool is_held = tables.sessions.Find(record.holder) != nullptr;
    const LeaseRecord lease{.chunk = {.id = record.chunk,
                                      .base = PercpuPtr(base->second.value()),
                                      .unit_size = allocator_.info().unit_size,
                                      .map_base = record.map_base,
                                      .map_size = allocator_.lease_map_size()},
                            .name = record.name,
                            .holder = is_held ? record.holder : kNoSession,
                            .maker = record.maker,
                            .granted_by = record.granted_by};
    const HolderId owner =
        is_held ? HolderOf(record.holder) : tables.holders.OwnOf({.uid = record.maker, .host = {}});
    tables.holders.Restore(owner, UsageOfLease(lease.chunk.unit_size));
    tables.leases.Enter(lease, RowState::kSettled);
  }
  return absl::OkStatus();
}

void Recovery::RestoreOpeners(Tables& tables, const catalog::Contents& contents) {
  for (const catalog::Opened& record : contents.opened) {
    Holder* const holder = tables.holders.Find(HolderOf(record.session));
    if (holder == nullptr || tables.sessions.Find(record.session) == nullptr) {
      stale_.DeleteOpened(record.area, record.session);
      continue;
    }
    tables.openers.Add(record.area, record.session);
    holder->opened.insert(record.area);
    tables.holders.Restore(HolderOf(record.session), UsageOfOpening());
  }
  for (const catalog::Quarantined& record : contents.quarantined) {
    if (tables.openers.Count(record.pointer) == 0) {
      stale_.DeleteQuarantined(record.pointer);
      orphans_.push_back(record.pointer);
      continue;
    }
    const Identity maker{.uid = record.maker, .host = record.host};
    tables.openers.Quarantine({.pointer = record.pointer, .size = record.size, .maker = maker});
    tables.variables.RestoreCharge(maker, record.size);
  }
}

void Recovery::RestoreAreas(Tables& tables, const Remembered& remembered) {
  const std::vector<RestoredState::Area>& areas = remembered.state.areas;
  assert(areas.size() == remembered.owners.size());
  // What leaves the quarantine belongs to nobody; by pointer, as its table is.
  const std::vector<PercpuPtr> leaving = orphans_;
  absl::flat_hash_map<HolderId, Usage> held;
  tables.areas.reserve(areas.size());
  for (std::size_t i = 0; i < areas.size(); ++i) {
    const PercpuPtr pointer = areas[i].pointer;
    HolderId owner(remembered.owners[i].value());
    if (owner == kNoHolder) {
      const bool is_free_of_owner =
          tables.variables.At(pointer) != nullptr || tables.openers.IsQuarantined(pointer) ||
          tables.metrics.IsBlock(pointer) || tables.writers.IsBlock(pointer) ||
          std::binary_search(leaving.begin(), leaving.end(), pointer);
      if (is_free_of_owner) continue;
      // The first format did not say who made it.
      owner = tables.holders.OwnOf({});
    } else if (tables.holders.Find(owner) == nullptr) {
      orphans_.push_back(pointer);
      continue;
    }
    const OwnedArea area{.holder = owner,
                         .size = ToBytes(areas[i].size),
                         .tag_length = static_cast<std::uint8_t>(areas[i].tag.size())};
    held[owner] += area.usage();
    tables.areas.Enter(std::span(&pointer, 1), std::span(&area, 1));
  }
  for (const auto& [owner, use] : held) tables.holders.Restore(owner, use);
}

void Recovery::RestoreAnswers(Tables& tables, std::span<const catalog::Answer> answers) {
  std::vector<const catalog::Answer*> in_order;
  in_order.reserve(answers.size());
  for (const catalog::Answer& answer : answers) in_order.push_back(&answer);
  std::sort(in_order.begin(), in_order.end(),
            [](const auto* a, const auto* b) { return a->order < b->order; });
  for (const catalog::Answer* answer : in_order) {
    Session* const session = tables.sessions.Find(answer->session);
    if (session == nullptr || session->answers.Find(answer->request) != nullptr) continue;
    session->answers.set_next_order(answer->order);
    session->answers.Keep(answer->request, answer->words);
  }
}

void Recovery::ForgetIdleIdentities(Tables& tables, const catalog::Contents& contents) {
  for (const catalog::Identity& record : contents.identities) {
    const HolderId own(record.owner.value());
    if (!tables.holders.WouldBeIdle(own, {})) continue;
    stale_.DeleteIdentity(record.owner);
    tables.holders.ForgetIfIdle(own);
  }
}

}  // namespace percpud

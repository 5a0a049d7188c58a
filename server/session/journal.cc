// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/session/journal.h"

#include <algorithm>
#include <bit>

#include "server/session/access/peer.h"

namespace percpud {

catalog::Session RecordOf(SessionId id, const Session& session) {
  const SessionSpec& spec = session.spec;
  const Peer peer = spec.peer.value_or(Peer{});
  const Identity identity = spec.identity();
  catalog::Session out{
      .id = id,
      .token = session.token,
      .kind = static_cast<std::uint8_t>(spec.kind),
      .role = static_cast<std::uint8_t>(spec.role),
      .has_peer = spec.peer.has_value(),
      .pid = peer.pid,
      .uid = spec.peer ? peer.uid : identity.uid,
      .gid = peer.gid,
      .started = spec.started,
      .opened_ns = static_cast<std::uint64_t>(absl::ToInt64Nanoseconds(session.since.since_boot())),
      .command = spec.command,
      .host = identity.host,
      .pid_namespace = spec.peer ? PidNamespace() : 0};
  if (spec.ttl != absl::InfiniteDuration()) {
    out.ttl_ns = static_cast<std::uint64_t>(absl::ToInt64Nanoseconds(spec.ttl));
  }
  return out;
}

catalog::Lease RecordOf(const LeaseRecord& lease) {
  return {.chunk = lease.chunk.id,
          .map_base = lease.chunk.map_base,
          .holder = lease.holder,
          .maker = lease.maker,
          .name = lease.name,
          .granted_by = lease.granted_by};
}

catalog::Variable RecordOf(const Variable& variable) {
  return {.name = variable.name,
          .type = static_cast<std::uint8_t>(variable.type),
          .pointer = variable.pointer,
          .size = variable.size,
          .maker = variable.maker.uid,
          .host = variable.maker.host};
}

catalog::Quarantined RecordOf(const QuarantinedArea& area) {
  return {
      .pointer = area.pointer, .size = area.size, .maker = area.maker.uid, .host = area.maker.host};
}

catalog::Identity RecordOf(HolderId own, const Identity& identity) {
  return {.owner = RecordedOwner(own), .uid = identity.uid, .host = identity.host};
}

catalog::Area RecordOf(PercpuPtr pointer, const AreaSpec& spec, HolderId owner,
                       absl::string_view tag) {
  const Bytes alignment = std::max(spec.alignment, kMinAlign);
  return {.pointer = pointer,
          .size = ToGranules(spec.size),
          .alignment = static_cast<std::uint8_t>(std::countr_zero(alignment.value())),
          .owner = RecordedOwner(owner),
          .tag = tag};
}

}  // namespace percpud

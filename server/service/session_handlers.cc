// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/service/session_handlers.h"

#include <algorithm>
#include <cstddef>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "server/base/errors.h"
#include "server/base/limits.h"
#include "server/base/status_macros.h"
#include "server/service/convert.h"
#include "server/service/former_names.h"
#include "server/session/wire_numbers.h"

namespace percpud::handlers {
namespace {

constexpr absl::Duration kDefaultTtl = absl::Seconds(30);
constexpr absl::Duration kMinTtl = absl::Seconds(1);
constexpr absl::Duration kMaxTtl = absl::Hours(1);

// The first bytes of UTF-8, `limit` at most and no part of a code point: half of
// one would spoil every message that shows it.
std::string CutText(const std::string& text, std::size_t limit) {
  std::size_t end = std::min(text.size(), limit);
  const auto is_inside = [&] { return (static_cast<unsigned char>(text[end]) & 0xc0U) == 0x80U; };
  while (end > 0 && end < text.size() && is_inside()) --end;
  return text.substr(0, end);
}

absl::StatusOr<absl::Duration> TtlOf(const v1::OpenSessionRequest& request) {
  if (!request.has_ttl()) return kDefaultTtl;
  return FromProto("ttl", request.ttl(), kMinTtl, kMaxTtl);
}

}  // namespace

absl::Status OpenSession(SessionContext& context, const Caller& caller,
                         const v1::OpenSessionRequest& request, v1::OpenSessionResponse& response) {
  ASSIGN_OR_RETURN(const absl::Duration ttl, TtlOf(request));
  ASSIGN_OR_RETURN(const OpenedSession opened,
                   context.sessions.Open({.kind = SessionKind::kRemote,
                                          .command = CutText(request.command(), kMaxCommandLength),
                                          .opener = caller.identity(),
                                          .ttl = ttl}));
  response.set_session_id(opened.id.value());
  response.set_token(opened.token.data(), opened.token.size());
  *response.mutable_ttl() = ToProto(ttl);
  return absl::OkStatus();
}

absl::Status EndSession(SessionContext& context, const Caller& caller,
                        const v1::EndSessionRequest& request,
                        v1::EndSessionResponse& /*response*/) {
  const SessionId id = request.session_id() == 0 ? caller.session : SessionId(request.session_id());
  if (id == kNoSession) return errors::NeedsSession("EndSession");
  const Owner owner = id == caller.session ? Owner::kCaller : Owner::kAnother;
  if (!MayUse(Rpc::kEndSession, caller, owner)) return errors::NotYourSession(id.value());
  return context.sessions.End(id) ? absl::OkStatus() : errors::SessionNotFound(id.value());
}

absl::Status HandOver(SessionContext& context, const Caller& caller,
                      const v1::HandOverRequest& request, v1::HandOverResponse& /*response*/) {
  const auto count = static_cast<std::size_t>(request.pointers_size());
  RETURN_IF_ERROR(context.calls.CheckBatch("pointers", count));
  if (const SessionId giver(request.accept_from_session_id()); giver != kNoSession) {
    if (count > 0) return errors::BatchOverLimit("pointers", count, 0);
    return context.sessions.areas().AcceptHandOvers(caller, giver);
  }
  const std::vector<PercpuPtr> pointers(request.pointers().begin(), request.pointers().end());
  return context.sessions.areas().HandOver(WithRequest(caller, request), pointers,
                                           SessionId(request.session_id()));
}

absl::Status OpenVariable(SessionContext& context, const Caller& caller,
                          const v1::OpenVariableRequest& request,
                          v1::OpenVariableResponse& response) {
  ASSIGN_OR_RETURN(const VariableType type, VariableTypeFrom(request.type()));
  const VariableSpec spec{.name = request.name(),
                          .type = type,
                          .size = Bytes(SizeOf(request)),
                          .alignment = Bytes(request.alignment()),
                          .create = request.create()};
  ASSIGN_OR_RETURN(const OpenedVariable opened,
                   *context.calls.OpenVariable(caller, Pace::kMaySleep, spec));
  *response.mutable_variable() = ToProto(opened.variable);
  response.set_created(opened.created);
  return absl::OkStatus();
}

absl::Status Publish(SessionContext& context, const Caller& caller,
                     const v1::PublishRequest& request, v1::PublishResponse& response) {
  ASSIGN_OR_RETURN(const VariableType type, VariableTypeFrom(request.type()));
  ASSIGN_OR_RETURN(
      const Variable variable,
      context.sessions.variables().Publish(WithRequest(caller, request),
                                           PercpuPtr(request.pointer()), request.name(), type));
  *response.mutable_variable() = ToProto(variable);
  return absl::OkStatus();
}

absl::Status RemoveVariable(SessionContext& context, const Caller& caller,
                            const v1::RemoveVariableRequest& request,
                            v1::RemoveVariableResponse& /*response*/) {
  return context.sessions.variables().Remove(WithRequest(caller, request), request.name(),
                                             request.force());
}

absl::Status LeaseChunk(SessionContext& context, const Caller& caller,
                        const v1::LeaseChunkRequest& request, v1::LeaseChunkResponse& response) {
  ASSIGN_OR_RETURN(const GrantedLease lease,
                   context.sessions.leases().Lease(WithRequest(caller, request), request.name()));
  response.set_chunk_id(lease.chunk.id.value());
  response.set_pointer(lease.chunk.base.value());
  response.set_unit_size_bytes(lease.chunk.unit_size.value());
  response.set_map_offset(lease.chunk.map_base.value());
  response.set_map_size_bytes(lease.chunk.map_size.value());
  response.set_existed(lease.existed);
  return absl::OkStatus();
}

absl::Status ReturnLease(SessionContext& context, const Caller& caller,
                         const v1::ReturnLeaseRequest& request,
                         v1::ReturnLeaseResponse& /*response*/) {
  return context.sessions.leases().Return(WithRequest(caller, request),
                                          ChunkId(request.chunk_id()));
}

}  // namespace percpud::handlers

// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/service/session_service.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "server/base/errors.h"
#include "server/service/convert.h"
#include "server/service/former_names.h"
#include "server/service/status.h"

namespace percpud {
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

// The caller, and which of its requests this is.
template <typename Request>
Caller WithRequest(const Caller& caller, const Request& request) {
  Caller out = caller;
  out.request = RequestId(request.request_id());
  return out;
}

}  // namespace

grpc::Status SessionService::OpenSession(grpc::ServerContext* context,
                                         const v1::OpenSessionRequest* request,
                                         v1::OpenSessionResponse* response) {
  const absl::StatusOr<Caller> caller = callers_.Admit(Rpc::kOpenSession, *context);
  if (!caller.ok()) return ToGrpc(caller.status());
  const absl::StatusOr<absl::Duration> ttl =
      request->has_ttl() ? FromProto("ttl", request->ttl(), kMinTtl, kMaxTtl) : kDefaultTtl;
  if (!ttl.ok()) return ToGrpc(ttl.status());
  const absl::StatusOr<OpenedSession> opened =
      sessions_.Open({.kind = SessionKind::kRemote,
                      .command = CutText(request->command(), kMaxCommandLength),
                      .opener = callers_.OpenerOf(*context),
                      .ttl = *ttl});
  if (!opened.ok()) return ToGrpc(opened.status());
  response->set_session_id(opened->id.value());
  response->set_token(opened->token.data(), opened->token.size());
  *response->mutable_ttl() = ToProto(*ttl);
  return grpc::Status::OK;
}

grpc::Status SessionService::EndSession(grpc::ServerContext* context,
                                        const v1::EndSessionRequest* request,
                                        v1::EndSessionResponse* /*response*/) {
  const absl::StatusOr<Caller> caller = callers_.Admit(Rpc::kEndSession, *context);
  if (!caller.ok()) return ToGrpc(caller.status());
  const SessionId id =
      request->session_id() == 0 ? caller->session : SessionId(request->session_id());
  if (id == kNoSession) return ToGrpc(errors::NeedsSession("EndSession"));
  if (!MayUse(Rpc::kEndSession, *caller,
              id != kNoSession && id == caller->session ? Owner::kCaller : Owner::kAnother))
    return ToGrpc(errors::NotYourSession(id.value()));
  return sessions_.End(id) ? grpc::Status::OK : ToGrpc(errors::SessionNotFound(id.value()));
}

grpc::Status SessionService::HandOver(grpc::ServerContext* context,
                                      const v1::HandOverRequest* request,
                                      v1::HandOverResponse* /*response*/) {
  const absl::StatusOr<Caller> caller = callers_.Admit(Rpc::kHandOver, *context);
  if (!caller.ok()) return ToGrpc(caller.status());
  if (request->pointers_size() > static_cast<int>(limits_.batch)) {
    return ToGrpc(errors::BatchOverLimit("pointers", request->pointers_size(), limits_.batch));
  }
  if (request->accept_from_session_id() != 0) {
    if (request->pointers_size() > 0) {
      return ToGrpc(errors::BatchOverLimit("pointers", request->pointers_size(), 0));
    }
    return ToGrpc(
        sessions_.areas().AcceptHandOvers(*caller, SessionId(request->accept_from_session_id())));
  }
  const std::vector<PercpuPtr> pointers(request->pointers().begin(), request->pointers().end());
  return ToGrpc(sessions_.areas().HandOver(WithRequest(*caller, *request), pointers,
                                           SessionId(request->session_id())));
}

grpc::Status SessionService::OpenVariable(grpc::ServerContext* context,
                                          const v1::OpenVariableRequest* request,
                                          v1::OpenVariableResponse* response) {
  const absl::StatusOr<Caller> caller = callers_.Admit(Rpc::kOpenVariable, *context);
  if (!caller.ok()) return ToGrpc(caller.status());
  const absl::StatusOr<VariableType> type = FromProto(request->type());
  if (!type.ok()) return ToGrpc(type.status());
  const absl::StatusOr<OpenedVariable> opened = sessions_.variables().Open(
      *caller,
      {.name = request->name(),
       .type = *type,
       .size = Bytes(SizeOf(*request)),
       .alignment = request->alignment() == 0 ? kDefaultAlign : Bytes(request->alignment()),
       .create = request->create()});
  if (!opened.ok()) return ToGrpc(opened.status());
  *response->mutable_variable() = ToProto(opened->variable);
  response->set_created(opened->created);
  return grpc::Status::OK;
}

grpc::Status SessionService::Publish(grpc::ServerContext* context,
                                     const v1::PublishRequest* request,
                                     v1::PublishResponse* response) {
  const absl::StatusOr<Caller> caller = callers_.Admit(Rpc::kPublish, *context);
  if (!caller.ok()) return ToGrpc(caller.status());
  const absl::StatusOr<VariableType> type = FromProto(request->type());
  if (!type.ok()) return ToGrpc(type.status());
  const absl::StatusOr<Variable> variable = sessions_.variables().Publish(
      WithRequest(*caller, *request), PercpuPtr(request->pointer()), request->name(), *type);
  if (!variable.ok()) return ToGrpc(variable.status());
  *response->mutable_variable() = ToProto(*variable);
  return grpc::Status::OK;
}

grpc::Status SessionService::RemoveVariable(grpc::ServerContext* context,
                                            const v1::RemoveVariableRequest* request,
                                            v1::RemoveVariableResponse* /*response*/) {
  const absl::StatusOr<Caller> caller = callers_.Admit(Rpc::kRemoveVariable, *context);
  if (!caller.ok()) return ToGrpc(caller.status());
  return ToGrpc(sessions_.variables().Remove(WithRequest(*caller, *request), request->name(),
                                             request->force()));
}

grpc::Status SessionService::LeaseChunk(grpc::ServerContext* context,
                                        const v1::LeaseChunkRequest* request,
                                        v1::LeaseChunkResponse* response) {
  const absl::StatusOr<Caller> caller = callers_.Admit(Rpc::kLease, *context);
  if (!caller.ok()) return ToGrpc(caller.status());
  const absl::StatusOr<GrantedLease> lease =
      sessions_.leases().Lease(WithRequest(*caller, *request), request->name());
  if (!lease.ok()) return ToGrpc(lease.status());
  response->set_chunk_id(lease->chunk.id.value());
  response->set_pointer(lease->chunk.base.value());
  response->set_unit_size_bytes(lease->chunk.unit_size.value());
  response->set_map_offset(lease->chunk.map_base.value());
  response->set_map_size_bytes(lease->chunk.map_size.value());
  response->set_existed(lease->existed);
  return grpc::Status::OK;
}

grpc::Status SessionService::ReturnLease(grpc::ServerContext* context,
                                         const v1::ReturnLeaseRequest* request,
                                         v1::ReturnLeaseResponse* /*response*/) {
  const absl::StatusOr<Caller> caller = callers_.Admit(Rpc::kReturnLease, *context);
  if (!caller.ok()) return ToGrpc(caller.status());
  return ToGrpc(
      sessions_.leases().Return(WithRequest(*caller, *request), ChunkId(request->chunk_id())));
}

}  // namespace percpud

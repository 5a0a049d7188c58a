// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// The half of introspection that shows who is there and what is whose.

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "server/base/errors.h"
#include "server/base/limits.h"
#include "server/percpu/introspect/inspector.h"
#include "server/service/convert.h"
#include "server/service/introspection_service.h"
#include "server/service/list_page.h"

namespace percpud {

grpc::Status IntrospectionService::ListSessions(grpc::ServerContext* context,
                                                const v1::ListSessionsRequest* request,
                                                v1::ListSessionsResponse* response) {
  if (grpc::Status denied = Admit(*context); !denied.ok()) return denied;
  const absl::StatusOr<Page> page =
      ParsePage("sessions", request->page_size(), request->page_token());
  if (!page.ok()) return ToGrpc(page.status());
  std::vector<SessionSnapshot> sessions =
      sessions_.List(SessionId(page->first), std::size_t{page->size} + 1);
  if (sessions.size() > page->size) {
    response->set_next_page_token(PageToken("sessions", sessions.back().id.value()));
    sessions.pop_back();
  }
  for (const SessionSnapshot& session : sessions) *response->add_sessions() = ToProto(session);
  return grpc::Status::OK;
}

grpc::Status IntrospectionService::ListVariables(grpc::ServerContext* context,
                                                 const v1::ListVariablesRequest* request,
                                                 v1::ListVariablesResponse* response) {
  if (grpc::Status denied = Admit(*context); !denied.ok()) return denied;
  const absl::StatusOr<NamePage> page =
      ParseNamePage("variables", request->page_size(), request->page_token());
  if (!page.ok()) return ToGrpc(page.status());
  // One more than asked for tells whether there is a next page.
  std::vector<Variable> variables =
      sessions_.variables().List(page->after, std::size_t{page->size} + 1);
  if (variables.size() > page->size) {
    variables.pop_back();
    response->set_next_page_token(NamePageToken("variables", variables.back().name));
  }
  for (const Variable& variable : variables) *response->add_variables() = ToProto(variable);
  return grpc::Status::OK;
}

grpc::Status IntrospectionService::ListLeases(grpc::ServerContext* context,
                                              const v1::ListLeasesRequest* request,
                                              v1::ListLeasesResponse* response) {
  if (grpc::Status denied = Admit(*context); !denied.ok()) return denied;
  const absl::StatusOr<Page> page =
      ParsePage("leases", request->page_size(), request->page_token());
  if (!page.ok()) return ToGrpc(page.status());
  std::uint32_t shown = 0;
  for (const LeaseRecord& record :
       sessions_.leases().List(ChunkId(page->first), std::size_t{page->size} + 1)) {
    if (shown++ == page->size) {
      response->set_next_page_token(PageToken("leases", record.chunk.id.value()));
      break;
    }
    // Returned just now: no lease any more.
    const absl::StatusOr<LeaseSnapshot> snapshot = Inspector(allocator_).GetLease(record.chunk.id);
    if (snapshot.ok()) *response->add_leases() = ToProto(record, *snapshot);
  }
  return grpc::Status::OK;
}

absl::StatusOr<std::pair<LeaseRecord, LeaseSnapshot>> IntrospectionService::FindLease(
    ChunkId chunk) const {
  std::optional<LeaseRecord> record = sessions_.leases().Find(chunk);
  if (!record) return errors::LeaseNotFound(chunk);
  absl::StatusOr<LeaseSnapshot> snapshot = Inspector(allocator_).GetLease(chunk);
  if (!snapshot.ok()) return snapshot.status();
  return std::pair(*std::move(record), *std::move(snapshot));
}

grpc::Status IntrospectionService::ListLeaseAreas(grpc::ServerContext* context,
                                                  const v1::ListLeaseAreasRequest* request,
                                                  v1::ListLeaseAreasResponse* response) {
  if (grpc::Status denied = Admit(*context); !denied.ok()) return denied;
  const auto lease = FindLease(ChunkId(request->chunk_id()));
  if (!lease.ok()) return ToGrpc(lease.status());
  const auto& [record, snapshot] = *lease;
  *response->mutable_lease() = ToProto(record, snapshot);
  return ListPage("lease_areas", *request, snapshot.areas.size(), *response,
                  [&, areas = &snapshot.areas](std::uint64_t i) {
                    *response->add_areas() = ToProto((*areas)[i]);
                  });
}

}  // namespace percpud

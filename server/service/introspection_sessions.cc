// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// The half of introspection that shows who is there and what is whose.

#include <cstddef>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "server/base/errors.h"
#include "server/base/status_macros.h"
#include "server/service/convert.h"
#include "server/service/introspection_handlers.h"
#include "server/service/paging.h"

namespace percpud::handlers {
namespace {

// The lease of a chunk, by the books and by its map.
struct ShownLease {
  LeaseRecord record;
  LeaseSnapshot snapshot;
};

absl::StatusOr<ShownLease> FindLease(const IntrospectionContext& context, ChunkId chunk) {
  std::optional<LeaseRecord> record = context.sessions.leases().Find(chunk);
  if (!record) return errors::LeaseNotFound(chunk);
  ASSIGN_OR_RETURN(LeaseSnapshot snapshot, context.inspector.GetLease(chunk));
  return ShownLease{.record = *std::move(record), .snapshot = std::move(snapshot)};
}

// Without its name, unless that is shown.
v1::Lease ShownTo(const ExportView& view, const LeaseRecord& record,
                  const LeaseSnapshot& snapshot) {
  v1::Lease out = ToProto(record, snapshot);
  if (!view.ShowsVariable(out.name())) out.clear_name();
  return out;
}

void SetSession(SessionId session, v1::ResolveResponse& response) {
  if (session != kNoSession) response.set_session_id(session.value());
}

}  // namespace

absl::Status Resolve(IntrospectionContext& context, const Caller& caller,
                     const v1::ResolveRequest& request, v1::ResolveResponse& response) {
  ASSIGN_OR_RETURN(const Resolution found, context.inspector.Resolve(PercpuPtr(request.pointer())));
  ToProto(found, response);
  const ExportView view = context.calls.ExportsTo(caller);
  if (!view.ShowsVariable(response.variable())) response.clear_variable();
  if (response.has_area() && !view.ShowsVariable(response.area().tag())) {
    response.mutable_area()->clear_tag();
  }
  if (found.owner == Resolution::Owner::kLease) {
    // Returned just now: nobody's.
    const absl::StatusOr<ShownLease> lease = FindLease(context, found.chunk);
    if (lease.ok()) SetSession(lease->record.holder, response);
  }
  if (found.owner == Resolution::Owner::kArea) {
    const PercpuPtr area = found.area.pointer;
    const std::optional<AreaOwner> owner = context.sessions.areas().OwnerOf(area);
    if (owner) SetSession(owner->session, response);
    const std::string name = context.sessions.variables().NameAt(area);
    if (view.ShowsVariable(name)) response.set_variable(name);
    response.set_quarantined(context.sessions.variables().IsQuarantined(area));
  }
  return absl::OkStatus();
}

absl::Status ListSessions(IntrospectionContext& context, const Caller& /*caller*/,
                          const v1::ListSessionsRequest& request,
                          v1::ListSessionsResponse& response) {
  ASSIGN_OR_RETURN(const Page page,
                   ParsePage("sessions", request.page_size(), request.page_token()));
  std::vector<SessionSnapshot> sessions =
      context.sessions.List(SessionId(page.first), std::size_t{page.size} + 1);
  if (sessions.size() > page.size) {
    response.set_next_page_token(PageToken("sessions", sessions.back().id.value()));
    sessions.pop_back();
  }
  for (const SessionSnapshot& session : sessions) *response.add_sessions() = ToProto(session);
  return absl::OkStatus();
}

absl::Status ListVariables(IntrospectionContext& context, const Caller& caller,
                           const v1::ListVariablesRequest& request,
                           v1::ListVariablesResponse& response) {
  ASSIGN_OR_RETURN(const NamePage page,
                   ParseNamePage("variables", request.page_size(), request.page_token()));
  std::vector<Variable> variables =
      context.calls.ListVariables(caller, page.after, std::size_t{page.size} + 1);
  if (variables.size() > page.size) {
    variables.pop_back();
    response.set_next_page_token(NamePageToken("variables", variables.back().name));
  }
  for (const Variable& variable : variables) *response.add_variables() = ToProto(variable);
  return absl::OkStatus();
}

absl::Status ListLeases(IntrospectionContext& context, const Caller& caller,
                        const v1::ListLeasesRequest& request, v1::ListLeasesResponse& response) {
  ASSIGN_OR_RETURN(const Page page, ParsePage("leases", request.page_size(), request.page_token()));
  std::vector<LeaseRecord> leases =
      context.sessions.leases().List(ChunkId(page.first), std::size_t{page.size} + 1);
  if (leases.size() > page.size) {
    response.set_next_page_token(PageToken("leases", leases.back().chunk.id.value()));
    leases.pop_back();
  }
  const ExportView view = context.calls.ExportsTo(caller);
  for (const LeaseRecord& record : leases) {
    // Returned just now: no lease any more.
    const absl::StatusOr<LeaseSnapshot> snapshot = context.inspector.GetLease(record.chunk.id);
    if (snapshot.ok()) *response.add_leases() = ShownTo(view, record, *snapshot);
  }
  return absl::OkStatus();
}

absl::Status ListLeaseAreas(IntrospectionContext& context, const Caller& caller,
                            const v1::ListLeaseAreasRequest& request,
                            v1::ListLeaseAreasResponse& response) {
  ASSIGN_OR_RETURN(const ShownLease lease, FindLease(context, ChunkId(request.chunk_id())));
  const ExportView view = context.calls.ExportsTo(caller);
  *response.mutable_lease() = ShownTo(view, lease.record, lease.snapshot);
  const std::vector<AreaSnapshot>& areas = lease.snapshot.areas;
  return ListByIndex("lease_areas", request, areas.size(), response,
                     [&](std::uint64_t i) { AddShown(view, areas[i], *response.mutable_areas()); });
}

}  // namespace percpud::handlers

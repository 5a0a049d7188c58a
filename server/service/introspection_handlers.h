// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// What IntrospectionService's unary methods do, on the work lane: check the request,
// look, write the answer. Each copies a page at most under a lock. Thread safe.

#ifndef PERCPUD_SERVER_SERVICE_INTROSPECTION_HANDLERS_H_
#define PERCPUD_SERVER_SERVICE_INTROSPECTION_HANDLERS_H_

#include <functional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "percpud/v1/introspection.pb.h"
#include "server/percpu/allocator/allocator.h"
#include "server/percpu/introspect/inspector.h"
#include "server/session/access/caller.h"
#include "server/session/calls.h"
#include "server/session/sessions.h"

namespace percpud {

// What every handler looks at.
struct IntrospectionContext {
  const Allocator& allocator;
  Sessions& sessions;
  // Which variables a caller is told of.
  const Calls& calls;
  // What the daemon was started with and is not at its place; null: nobody can tell.
  std::function<std::vector<std::string>()> missing_files = nullptr;
  Inspector inspector{allocator};
};

namespace handlers {

// Adds an area; without its tag, which may be a variable's name, unless that is shown.
void AddShown(const ExportView& view, const AreaSnapshot& area,
              google::protobuf::RepeatedPtrField<v1::Area>& out);

// The layout and the allocator (introspection_handlers.cc).
absl::Status GetAllocInfo(IntrospectionContext& context, const Caller& caller,
                          const v1::GetAllocInfoRequest& request,
                          v1::GetAllocInfoResponse& response);
absl::Status ListGroups(IntrospectionContext& context, const Caller& caller,
                        const v1::ListGroupsRequest& request, v1::ListGroupsResponse& response);
absl::Status ListUnits(IntrospectionContext& context, const Caller& caller,
                       const v1::ListUnitsRequest& request, v1::ListUnitsResponse& response);
absl::Status ListStaticVariables(IntrospectionContext& context, const Caller& caller,
                                 const v1::ListStaticVariablesRequest& request,
                                 v1::ListStaticVariablesResponse& response);
absl::Status ListChunks(IntrospectionContext& context, const Caller& caller,
                        const v1::ListChunksRequest& request, v1::ListChunksResponse& response);
absl::Status ListAreas(IntrospectionContext& context, const Caller& caller,
                       const v1::ListAreasRequest& request, v1::ListAreasResponse& response);
absl::Status ListSlots(IntrospectionContext& context, const Caller& caller,
                       const v1::ListSlotsRequest& request, v1::ListSlotsResponse& response);
absl::Status GetBuddyInfo(IntrospectionContext& context, const Caller& caller,
                          const v1::GetBuddyInfoRequest& request,
                          v1::GetBuddyInfoResponse& response);
absl::Status GetStats(IntrospectionContext& context, const Caller& caller,
                      const v1::GetStatsRequest& request, v1::GetStatsResponse& response);
absl::Status EstimateAlloc(IntrospectionContext& context, const Caller& caller,
                           const v1::EstimateAllocRequest& request,
                           v1::EstimateAllocResponse& response);
absl::Status Check(IntrospectionContext& context, const Caller& caller,
                   const v1::CheckRequest& request, v1::CheckResponse& response);

// Sessions, and what they own (introspection_sessions.cc).
absl::Status Resolve(IntrospectionContext& context, const Caller& caller,
                     const v1::ResolveRequest& request, v1::ResolveResponse& response);
absl::Status ListSessions(IntrospectionContext& context, const Caller& caller,
                          const v1::ListSessionsRequest& request,
                          v1::ListSessionsResponse& response);
absl::Status ListVariables(IntrospectionContext& context, const Caller& caller,
                           const v1::ListVariablesRequest& request,
                           v1::ListVariablesResponse& response);
absl::Status ListLeases(IntrospectionContext& context, const Caller& caller,
                        const v1::ListLeasesRequest& request, v1::ListLeasesResponse& response);
absl::Status ListLeaseAreas(IntrospectionContext& context, const Caller& caller,
                            const v1::ListLeaseAreasRequest& request,
                            v1::ListLeaseAreasResponse& response);

}  // namespace handlers
}  // namespace percpud

#endif  // PERCPUD_SERVER_SERVICE_INTROSPECTION_HANDLERS_H_

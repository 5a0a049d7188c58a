// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_SERVER_SERVICE_INTROSPECTION_SERVICE_H_
#define PERCPUD_SERVER_SERVICE_INTROSPECTION_SERVICE_H_

#include <utility>

#include "percpud/v1/introspection.grpc.pb.h"
#include "server/percpu/allocator/allocator.h"
#include "server/percpu/introspect/snapshot.h"
#include "server/service/callers.h"
#include "server/service/stream_gate.h"
#include "server/session/sessions.h"

namespace percpud {

// IntrospectionService as a synchronous service of the hot lane's server: its
// threads do not poll, so they cost the hot lane nothing, and may block.
// Thread safe.
class IntrospectionService final : public v1::IntrospectionService::Service {
 public:
  // All outlive the service; `gate` ends its Watch streams.
  IntrospectionService(Allocator& allocator, Sessions& sessions, const Callers& callers,
                       StreamGate& gate)
      : allocator_(allocator), sessions_(sessions), callers_(callers), gate_(gate) {}

  grpc::Status GetAllocInfo(grpc::ServerContext* context, const v1::GetAllocInfoRequest* request,
                            v1::GetAllocInfoResponse* response) override;
  grpc::Status ListGroups(grpc::ServerContext* context, const v1::ListGroupsRequest* request,
                          v1::ListGroupsResponse* response) override;
  grpc::Status ListUnits(grpc::ServerContext* context, const v1::ListUnitsRequest* request,
                         v1::ListUnitsResponse* response) override;
  // The former names, served for one version.
  grpc::Status GetUnitMap(grpc::ServerContext* context, const v1::ListUnitsRequest* request,
                          v1::ListUnitsResponse* response) override {
    return ListUnits(context, request, response);
  }
  grpc::Status GetAreaMap(grpc::ServerContext* context, const v1::ListAreasRequest* request,
                          v1::ListAreasResponse* response) override {
    return ListAreas(context, request, response);
  }
  grpc::Status GetLease(grpc::ServerContext* context, const v1::ListLeaseAreasRequest* request,
                        v1::ListLeaseAreasResponse* response) override {
    return ListLeaseAreas(context, request, response);
  }
  grpc::Status ListStaticVariables(grpc::ServerContext* context,
                                   const v1::ListStaticVariablesRequest* request,
                                   v1::ListStaticVariablesResponse* response) override;
  grpc::Status ListChunks(grpc::ServerContext* context, const v1::ListChunksRequest* request,
                          v1::ListChunksResponse* response) override;
  grpc::Status ListAreas(grpc::ServerContext* context, const v1::ListAreasRequest* request,
                         v1::ListAreasResponse* response) override;
  grpc::Status ListSlots(grpc::ServerContext* context, const v1::ListSlotsRequest* request,
                         v1::ListSlotsResponse* response) override;
  grpc::Status GetBuddyInfo(grpc::ServerContext* context, const v1::GetBuddyInfoRequest* request,
                            v1::GetBuddyInfoResponse* response) override;
  grpc::Status GetStats(grpc::ServerContext* context, const v1::GetStatsRequest* request,
                        v1::GetStatsResponse* response) override;
  grpc::Status Resolve(grpc::ServerContext* context, const v1::ResolveRequest* request,
                       v1::ResolveResponse* response) override;
  grpc::Status EstimateAlloc(grpc::ServerContext* context, const v1::EstimateAllocRequest* request,
                             v1::EstimateAllocResponse* response) override;
  grpc::Status ListSessions(grpc::ServerContext* context, const v1::ListSessionsRequest* request,
                            v1::ListSessionsResponse* response) override;
  grpc::Status ListLeases(grpc::ServerContext* context, const v1::ListLeasesRequest* request,
                          v1::ListLeasesResponse* response) override;
  grpc::Status ListLeaseAreas(grpc::ServerContext* context,
                              const v1::ListLeaseAreasRequest* request,
                              v1::ListLeaseAreasResponse* response) override;
  grpc::Status ListVariables(grpc::ServerContext* context, const v1::ListVariablesRequest* request,
                             v1::ListVariablesResponse* response) override;
  grpc::Status Check(grpc::ServerContext* context, const v1::CheckRequest* request,
                     v1::CheckResponse* response) override;
  grpc::Status Watch(grpc::ServerContext* context, const v1::WatchRequest* request,
                     grpc::ServerWriter<v1::WatchResponse>* writer) override;

 private:
  // OK if the caller may look, or may do what `rpc` is.
  [[nodiscard]] grpc::Status Admit(const grpc::ServerContext& context,
                                   Rpc rpc = Rpc::kIntrospect) const;

  // The lease of that chunk, by the books and by its map.
  [[nodiscard]] absl::StatusOr<std::pair<LeaseRecord, LeaseSnapshot>> FindLease(
      ChunkId chunk) const;

  Allocator& allocator_;
  Sessions& sessions_;
  const Callers& callers_;
  StreamGate& gate_;
};

}  // namespace percpud

#endif  // PERCPUD_SERVER_SERVICE_INTROSPECTION_SERVICE_H_
